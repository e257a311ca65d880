"""What a text is about, from a static word table that ships: 128 numbers a word, the mean of its words for a text.

The table was distilled from a sentence encoder off-line (data/meaning.md); here it is looked up and added, 0.05 ms an
issue, without a further dependency. Words are known by a hash of 32 bits: no word can be read from the file. It knows
English; a text of other words has no direction, and a cosine of zero with everything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from apps.ml.core import artifact
from apps.ml.core.hashing import hashed
from apps.ml.core.text import clipped, tokens

KIND = "meaning"
DIMENSIONS = 128
#: What the description counts against the title, each of length one; .5 and 1 do alike on open data, none does worse.
DESCRIPTION_SHARE = 0.5
#: A word that is not in the table counts as its longest known beginning, of so many letters at least, and the rest.
SHORTEST_BEGINNING, SHORTEST_REST, LONGEST_WORD = 4, 2, 40

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MeaningTable:
    """Hashed words and their directions.

    Attributes
    ----------
    rows : dict of int to int
        Row of each hashed word.
    vectors : ndarray of int8, shape (n_words, DIMENSIONS)
        Directions on the leading principal axes, each scaled to use the whole range.
    factors : ndarray of float32, shape (n_words,)
        What brings a row back to scale, times the word's weight: common words count little.
    """

    rows: dict[int, int]
    vectors: NDArray[np.int8]
    factors: Vector

    def direction(self, title: str, description: str = "") -> Vector:
        """The direction of a text, shape (DIMENSIONS,), of length one; zeros where no word is known."""
        about = self._mean(tokens(title))
        if description:
            about = about + DESCRIPTION_SHARE * self._mean(dict.fromkeys(tokens(clipped(description))))
        return unit(about)

    def _mean(self, words: Iterable[str]) -> Vector:
        rows = [row for word in words for row in self.rows_of(word)]
        if not rows:
            return np.zeros(DIMENSIONS, np.float32)
        return unit(self.factors[rows] @ self.vectors[rows].astype(np.float32))

    def rows_of(self, word: str) -> tuple[int, ...]:
        """The row of a word, else those of its beginning and its rest."""
        row = self.rows.get(hashed(word))
        if row is not None:
            return (row,)
        return () if len(word) > LONGEST_WORD else self._rows_of_parts(word)

    def _rows_of_parts(self, word: str) -> tuple[int, ...]:
        for end in range(len(word) - SHORTEST_REST, SHORTEST_BEGINNING - 1, -1):
            beginning = self.rows.get(hashed(word[:end]))
            if beginning is not None:
                rest = self.rows.get(hashed(word[end:]))
                return (beginning,) if rest is None else (beginning, rest)
        return ()

    @property
    def digest(self) -> int:
        """32 bits that tell one table from another."""
        return crc32(self.vectors.tobytes(), len(self.rows))

    def to_bytes(self) -> bytes:
        """The table as an artefact."""
        arrays: dict[str, NDArray[Any]] = {
            "keys": np.fromiter(self.rows, dtype=np.uint32, count=len(self.rows)),
            "vectors": self.vectors,
            "factors": self.factors.astype(np.float16),
        }
        return artifact.dumps(KIND, arrays, {})

    @classmethod
    def from_bytes(cls, data: bytes) -> "MeaningTable":
        """Read what `to_bytes` wrote.

        Raises
        ------
        ArtifactCorrupted
            If the bytes are no such table.
        """
        arrays = artifact.loads(data, kind=KIND).arrays
        if arrays["vectors"].shape != (len(arrays["keys"]), DIMENSIONS):
            raise artifact.ArtifactCorrupted("The table of meanings has another size; make it anew.")
        rows = dict(zip(arrays["keys"].tolist(), range(len(arrays["keys"])), strict=True))
        return cls(rows, arrays["vectors"], arrays["factors"].astype(np.float32))


def table_of(words: Sequence[str], vectors: Vector, weights: Vector) -> MeaningTable:
    """The table of distinct words, earlier ones first where two share a hash: vectors in eight bits, weights beside.

    Parameters
    ----------
    words : sequence of str, length n
    vectors : ndarray of shape (n, DIMENSIONS)
    weights : ndarray of shape (n,)
        What each word counts in a mean.
    """
    rows: dict[int, int] = {}
    for row, word in enumerate(words):
        rows.setdefault(hashed(word), row)
    kept = np.array(list(rows.values()))
    largest = np.maximum(np.abs(vectors[kept]).max(axis=1), 1e-9)
    factors = weights[kept] * largest
    return MeaningTable(
        rows=dict(zip(rows, range(len(kept)), strict=True)),
        vectors=np.round(vectors[kept] / largest[:, None] * 127).astype(np.int8),
        # Only proportions count, since a mean is scaled to length one; the largest is one, for half precision.
        factors=(factors / factors.max()).astype(np.float16).astype(np.float32),
    )


def unit(vector: Vector) -> Vector:
    """The vector at length one; zeros stay."""
    length = float(np.sqrt(vector @ vector))
    return np.asarray(vector / length if length > 0 else vector, dtype=np.float32)


@cache
def load_meaning() -> MeaningTable:
    """The shipped table, read once a process."""
    return MeaningTable.from_bytes((resources.files("apps.ml.core") / "data" / "meaning.npz").read_bytes())
