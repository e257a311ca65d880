"""What other projects know about size: one score per issue, from hashed words and the shape of the text.

The shipped prior is a file of plain numbers beside this module, see data/points_prior.md. Its score is standardised:
over the issues of a project nobody trained on, its mean is near zero and its deviation near one, and more means larger.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.ml.core import artifact
from apps.ml.core.arrays import Floats
from apps.ml.core.points.features import BUCKETS, SHAPE_NAMES, RawFeatures, Words

KIND = "points_prior"
#: A project is known to the prior when at least this share of its older issues was in the prior's training data.
KNOWN_SHARE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class PointsPrior:
    """A linear score over hashed words and text features, and how strongly it moves a team's distribution."""

    #: shape (2, BUCKETS): inverse document frequencies of title and description words.
    idf: Floats
    #: shape (2, BUCKETS): coefficients of the same.
    words: Floats
    #: shape (n_shape_features,)
    shape: Floats
    intercept: float
    #: Log odds of 'larger than any given size' gained per unit of score, learned on unseen projects.
    slope: float
    #: Sorted fingerprints of the issues it was trained on, and the project each belongs to.
    fingerprints: NDArray[np.uint64]
    version: str

    def score(self, raw: RawFeatures) -> float:
        """Standardised size of one issue, as other projects see it."""
        title, description, shape = self.parts(raw)
        return title + description + shape + self.intercept

    def parts(self, raw: RawFeatures) -> tuple[float, float, float]:
        """What title words, description words and text features add to the score."""
        title, description, _ = raw.words
        return self._word_part(0, title), self._word_part(1, description), float(raw.shape @ self.shape)

    def word_effects(self, namespace: int, words: Words) -> Floats:
        """What each word of a namespace adds to the score, shape (n_distinct,)."""
        if not len(words.buckets):
            return np.zeros(0)
        values = (1.0 + np.log(words.counts)) * self.idf[namespace, words.buckets]
        norm = float(np.sqrt(values @ values))
        effects: Floats = values * self.words[namespace, words.buckets] / (norm if norm > 0 else 1.0)
        return effects

    def _word_part(self, namespace: int, words: Words) -> float:
        return float(self.word_effects(namespace, words).sum())

    def knows(self, issue_keys: Iterable[str]) -> bool:
        """Whether most of these issues were in the training data, so that scoring them would not be honest."""
        marks = np.array([fingerprint(key) for key in issue_keys], dtype=np.uint64)
        return bool(len(marks)) and float(np.isin(marks, self.fingerprints).mean()) >= KNOWN_SHARE

    def to_bytes(self) -> bytes:
        """The prior as an artefact; half precision halves the file and moves a score by less than 0.001."""
        arrays: Mapping[str, NDArray[Any]] = {
            "idf": self.idf.astype(np.float16),
            "words": self.words.astype(np.float16),
            "shape": self.shape,
            "fingerprints": self.fingerprints,
        }
        meta = {"intercept": self.intercept, "slope": self.slope, "version": self.version, "shape_names": SHAPE_NAMES}
        return artifact.dumps(KIND, arrays, meta)

    @classmethod
    def from_bytes(cls, data: bytes) -> "PointsPrior":
        """Read what `to_bytes` wrote.

        Raises
        ------
        ArtifactCorrupted
            If the bytes are no prior, or one for other text features than this code reads.
        """
        read = artifact.loads(data, kind=KIND)
        if tuple(read.meta["shape_names"]) != SHAPE_NAMES or read.arrays["words"].shape != (2, BUCKETS):
            raise artifact.ArtifactCorrupted("The points prior was made for other features; train it anew.")
        return cls(
            idf=read.arrays["idf"].astype(np.float64),
            words=read.arrays["words"].astype(np.float64),
            shape=read.arrays["shape"],
            intercept=read.meta["intercept"],
            slope=read.meta["slope"],
            fingerprints=read.arrays["fingerprints"],
            version=read.meta["version"],
        )


def rounded(prior: PointsPrior) -> PointsPrior:
    """The prior as it will be after a round trip through its file, so that a refitted and a shipped one are alike."""
    return PointsPrior.from_bytes(prior.to_bytes())


def fingerprint(issue_key: str) -> int:
    """A 64-bit digest of an issue key: enough to recognise it, too little to say anything else."""
    return int.from_bytes(blake2b(issue_key.strip().encode(), digest_size=8).digest(), "big")


@cache
def load_prior() -> PointsPrior:
    """The shipped prior, read once per process."""
    shipped = resources.files("apps.ml.core.points") / "data" / "points_prior.npz"
    return PointsPrior.from_bytes(shipped.read_bytes())
