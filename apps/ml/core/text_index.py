"""Issues about the same thing: tf-idf cosine of the project's own words, and of meaning beside it.

Two lists are drawn up. The first ranks by shared rare words and, half as much, by meaning; it finds the issue that is
spoken of in the same terms. The second, of at most two, holds issues that say it in other words. On open data
(`benchmark similar`) the first finds the right issue more often than exact Jaccard does; paraphrases only the second.

What is read of a text (`Texts`) is kept beside the index, so that a changed issue costs one reading, not all of them.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, compress
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apps.ml.core.arrays import ANY, Floats, Integers, among_largest, largest
from apps.ml.core.hashing import hashed
from apps.ml.core.meaning import DIMENSIONS, MeaningTable, Vector
from apps.ml.core.text import clipped, tokens

#: What meaning counts beside words: chosen on the earlier half of the references of 26 projects; .25 to 1 do alike.
MEANING_SHARE = 0.5
#: Issues that each of both lists begins with; only these are compared exactly, however many there are.
CANDIDATES = 200
#: Leading axes by which the candidates of meaning are found: they hold most of a direction, and 100,000 issues of them
#: are gone through in a millisecond.
COARSE_AXES = 32
#: Postings looked through for one question, rarest words first: in a very large project the commonest words, which
#: count least, are left out.
MAX_POSTINGS = 200_000
#: As many as a person reads, and how many of them may be alike in meaning alone.
DEFAULT_MATCHES, MAX_BY_MEANING = 5, 2
#: The first list holds what shares more words than this, the second the rest: .03 to .15 do alike.
FEW_SHARED_WORDS = 0.10
#: Below these a find is chance: asked about an issue of another project, half of the projects have one alike above the
#: first, and a quarter one of like meaning above the second (`benchmark similar` tells).
MINIMUM_SIMILARITY, MINIMUM_MEANING = 0.20, 0.48

Basis = Literal["words", "meaning"]


class IssueText(NamedTuple):
    """An issue's words and what came of it; hours and points are NaN until it is finished."""

    issue_id: str
    title: str
    description: str
    hours: float = math.nan
    points: float = math.nan
    #: What people call it; empty where it has no name besides its title.
    key: str = ""


class Match(NamedTuple):
    """An issue like the one asked about."""

    row: int
    #: In (0, 1]: of words and meaning together, or of meaning alone.
    similarity: float
    basis: Basis


@dataclass(frozen=True, slots=True)
class Texts:
    """What is read of issues, in the order given: hashed words with their counts, and a direction.

    Attributes
    ----------
    starts : ndarray of shape (n_issues + 1,)
        Where each issue's words begin and end in `keys` and `counts`.
    keys, counts : ndarray of shape (n_words,)
        Hashed distinct words of each issue, and how often it says them.
    directions : ndarray of int8, shape (n_issues, DIMENSIONS)
        Of length 127, rounded.
    hours, points : ndarray of shape (n_issues,)
    """

    issue_ids: tuple[str, ...]
    #: Key and title of each issue.
    names: tuple[tuple[str, str], ...]
    starts: Integers
    keys: NDArray[np.uint32]
    counts: NDArray[np.uint8]
    directions: NDArray[np.int8]
    hours: Floats
    points: Floats

    @classmethod
    def read(cls, issues: Iterable[IssueText], table: MeaningTable) -> "Texts":
        """Read issues, 0.1 ms each."""
        issues = list(issues)
        said = [_said(issue.title, issue.description) for issue in issues]
        directions = [table.direction(issue.title, issue.description) for issue in issues]
        sizes = [len(words) for words in said]
        return cls(
            issue_ids=tuple(issue.issue_id for issue in issues),
            names=tuple((issue.key, issue.title) for issue in issues),
            starts=np.cumsum([0, *sizes]),
            keys=np.fromiter(chain.from_iterable(said), dtype=np.uint32, count=sum(sizes)),
            counts=np.fromiter(
                (min(count, 255) for words in said for count in words.values()), dtype=np.uint8, count=sum(sizes)
            ),
            directions=np.round(np.array(directions).reshape(-1, DIMENSIONS) * 127).astype(np.int8),
            hours=np.array([issue.hours for issue in issues], dtype=np.float64),
            points=np.array([issue.points for issue in issues], dtype=np.float64),
        )

    def __len__(self) -> int:
        return len(self.issue_ids)

    @property
    def nbytes(self) -> int:
        """Memory of arrays, ids and names, in bytes; an id takes some 90, and a name some 220."""
        arrays = (self.starts, self.keys, self.counts, self.directions, self.hours, self.points)
        return sum(array.nbytes for array in arrays) + 310 * len(self)

    def without(self, gone: Collection[str]) -> "Texts":
        """The same without some issues."""
        kept = np.array([issue_id not in gone for issue_id in self.issue_ids], dtype=bool)
        sizes = np.diff(self.starts)
        words = np.repeat(kept, sizes)
        return Texts(
            issue_ids=tuple(compress(self.issue_ids, kept)),
            names=tuple(compress(self.names, kept)),
            starts=np.cumsum([0, *sizes[kept]]),
            keys=self.keys[words],
            counts=self.counts[words],
            directions=self.directions[kept],
            hours=self.hours[kept],
            points=self.points[kept],
        )

    def followed_by(self, later: "Texts") -> "Texts":
        """These issues and then others."""
        return Texts(
            issue_ids=self.issue_ids + later.issue_ids,
            names=self.names + later.names,
            starts=np.concatenate([self.starts, self.starts[-1] + later.starts[1:]]),
            keys=np.concatenate([self.keys, later.keys]),
            counts=np.concatenate([self.counts, later.counts]),
            directions=np.concatenate([self.directions, later.directions]),
            hours=np.concatenate([self.hours, later.hours]),
            points=np.concatenate([self.points, later.points]),
        )


@dataclass(frozen=True, slots=True)
class TextIndex:
    """An inverted index over `Texts`, weighted and of length one an issue, with the leading axes of their directions.

    Attributes
    ----------
    rows : mapping of str to int
        Row of each issue in `texts`.
    words : ndarray of shape (n_words,)
        Hashed distinct words, sorted.
    offsets : ndarray of shape (n_words + 1,)
        Where each word's postings begin and end.
    rarity : ndarray of shape (n_words,)
        ln((1 + n) / (1 + issues that have it)) + 1.
    owners, weights : ndarray of shape (n_postings,)
        Row of an issue, and what the word is to it; the squares of an issue's weights sum to 1.
    coarse : ndarray of shape (n_issues, COARSE_AXES)
        Leading axes of directions of length one.
    lengths : ndarray of shape (n_issues,)
        Of the rounded directions in `texts`; 1 for those of nothing.
    finished : ndarray of bool, shape (n_issues,)
        Where hours or points are known.
    """

    texts: Texts
    rows: Mapping[str, int]
    table: MeaningTable
    words: NDArray[np.uint32]
    offsets: Integers
    rarity: Floats
    owners: NDArray[np.int32]
    weights: NDArray[np.float32]
    coarse: Vector
    lengths: Vector
    finished: NDArray[np.bool_]

    @classmethod
    def build(cls, texts: Texts, table: MeaningTable) -> "TextIndex":
        """Index what was read."""
        owners = np.repeat(np.arange(len(texts), dtype=np.int32), np.diff(texts.starts))
        words, places, frequencies = np.unique(texts.keys, return_inverse=True, return_counts=True)
        rarity = np.log((1 + len(texts)) / (1 + frequencies)) + 1
        weights = (1 + np.log(texts.counts.astype(np.float64))) * rarity[places]
        lengths = np.sqrt(np.bincount(owners, weights=weights**2, minlength=len(texts)))
        order = np.argsort(places, kind="stable")
        lengths_of_directions = _lengths_of(texts.directions)
        return cls(
            texts=texts,
            rows={issue_id: row for row, issue_id in enumerate(texts.issue_ids)},
            table=table,
            words=words,
            offsets=np.cumsum([0, *frequencies]),
            rarity=rarity,
            owners=owners[order],
            weights=(weights / lengths[owners])[order].astype(np.float32),
            coarse=(texts.directions[:, :COARSE_AXES] / lengths_of_directions[:, None]).astype(np.float32, copy=False),
            lengths=lengths_of_directions,
            finished=~(np.isnan(texts.hours) & np.isnan(texts.points)),
        )

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def nbytes(self) -> int:
        """Memory, in bytes."""
        arrays = (self.words, self.offsets, self.rarity, self.owners, self.weights, self.coarse, self.lengths)
        # An entry of `rows` takes some 100 bytes, one of `finished` one.
        return sum(array.nbytes for array in arrays) + self.texts.nbytes + 101 * len(self)

    def query(
        self,
        title: str,
        description: str = "",
        *,
        k: int = DEFAULT_MATCHES,
        among: NDArray[np.bool_] | None = None,
    ) -> tuple[Match, ...]:
        """At most k issues like this one: first those alike in words, then those in meaning; the best of each first.

        Parameters
        ----------
        k : int
            How many at most, MAX_BY_MEANING of them by meaning alone.
        among : ndarray of bool, shape (n_issues,), optional
            The issues that may be found; all of them without it.
        """
        if not len(self):
            return ()
        by_words, direction = self.word_similarity(title, description), self.table.direction(title, description)
        rows = self._candidates(by_words, self.coarse @ direction[:COARSE_AXES], among)
        shared, meaning = by_words[rows], self.meaning_similarity(rows, direction)
        few = shared <= FEW_SHARED_WORDS
        both = np.where(few, 0.0, shared + MEANING_SHARE * meaning) / (1 + MEANING_SHARE)
        apart = np.where(few, meaning, 0.0)
        others = largest(apart, MAX_BY_MEANING, MINIMUM_MEANING)[:k]
        alike = largest(both, k, MINIMUM_SIMILARITY)[: k - len(others)]
        return (
            *(Match(int(rows[at]), float(both[at]), "words") for at in alike),
            *(Match(int(rows[at]), float(apart[at]), "meaning") for at in others),
        )

    def word_similarity(self, title: str, description: str) -> Floats:
        """Tf-idf cosine of the words with every issue, shape (n_issues,); words no issue has make the text longer."""
        said = _said(title, description)
        keys = np.fromiter(said, dtype=np.uint32, count=len(said))
        weights = 1 + np.log(np.fromiter(said.values(), dtype=np.float64, count=len(said)))
        places = np.minimum(np.searchsorted(self.words, keys), max(len(self.words) - 1, 0))
        known = self.words[places] == keys if len(self.words) else np.zeros(len(keys), dtype=bool)
        weights *= np.where(known, self.rarity[places] if len(self.words) else 0.0, math.log(1 + len(self)) + 1)
        length = float(np.sqrt(weights @ weights))
        return self._added_up(places[known], weights[known] / length if length else weights[known])

    def _added_up(self, places: Integers, weights: Floats) -> Floats:
        order = np.argsort(self.offsets[places + 1] - self.offsets[places], kind="stable")
        spans = [slice(self.offsets[place], self.offsets[place + 1]) for place in places[order]]
        sizes = np.array([span.stop - span.start for span in spans], dtype=np.int64)
        spans = spans[: max(int(np.searchsorted(np.cumsum(sizes), MAX_POSTINGS, side="right")), 1)]
        if not spans:
            return np.zeros(len(self))
        owners = np.concatenate([self.owners[span] for span in spans])
        factors = np.repeat(weights[order][: len(spans)], sizes[: len(spans)])
        products = np.concatenate([self.weights[span] for span in spans]) * factors
        return np.bincount(owners, weights=products, minlength=len(self)).astype(np.float64, copy=False)

    def meaning_similarity(self, rows: Integers, direction: Vector) -> Floats:
        """Cosine of the directions of some issues with one, none below zero; shape (n_rows,)."""
        cosines = self.texts.directions[rows].astype(np.float32) @ direction / self.lengths[rows]
        return np.maximum(np.asarray(cosines, dtype=np.float64), 0.0)

    def _candidates(self, by_words: Floats, by_meaning: Vector, among: NDArray[np.bool_] | None) -> Integers:
        """Rows of the best of both, ascending; of words only those that share one."""
        if among is not None and not among.all():
            # Both were made for this question.
            np.copyto(by_words, 0.0, where=~among)
            np.copyto(by_meaning, -np.inf, where=~among)
        chosen = np.zeros(len(self), dtype=bool)
        chosen[among_largest(by_words, CANDIDATES, ANY)] = True
        chosen[among_largest(by_meaning, CANDIDATES)] = True
        if among is not None:
            chosen &= among
        return chosen.nonzero()[0]


def _said(title: str, description: str) -> dict[int, int]:
    """Hashed words of title and description with their counts."""
    return Counter(map(hashed, tokens(title) + tokens(clipped(description))))


def _lengths_of(directions: NDArray[np.int8]) -> Vector:
    lengths = np.linalg.norm(directions.astype(np.float32), axis=1)
    return np.asarray(np.maximum(lengths, 1.0), dtype=np.float32)
