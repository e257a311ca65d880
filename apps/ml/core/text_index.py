"""Issues about the same thing: tf-idf cosine of the project's own words, and of meaning beside it.

Two lists are drawn up. The first ranks by shared rare words and, half as much, by meaning; it finds the issue that is
spoken of in the same terms. The second, of at most two, holds issues that say it in other words. On open data
(`benchmark similar`) the first finds the right issue more often than exact Jaccard does; paraphrases only the second.

Rarities and lengths change with every issue, postings do not: an index that takes in what changed is the one that
would be built anew, to the last bit, for some tens of milliseconds at 100,000 issues.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from apps.ml.core import artifact
from apps.ml.core.arrays import ANY, Booleans, Floats, Integers, among_largest, largest
from apps.ml.core.issue_texts import MOST_COUNTED, READING, IssueText, Texts, said
from apps.ml.core.meaning import DIMENSIONS, MeaningTable, Vector
from apps.ml.core.packed import PackedTexts

__all__ = ["IssueText", "Match", "TextIndex", "Texts"]

KIND = "text_index"
#: What meaning counts beside words: chosen on the earlier half of the references of 26 projects; .25 to 1 do alike.
MEANING_SHARE = 0.5
#: Issues that each of both lists begins with; only these are compared exactly, however many there are.
CANDIDATES = 200
#: Leading axes by which the candidates of meaning are found: 100,000 issues of them are gone through in a millisecond.
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
_Array = TypeVar("_Array", bound=NDArray[Any])
#: Weight of a word that an issue says so often, before its rarity.
_COUNT_WEIGHTS: Floats = 1 + np.log(np.maximum(np.arange(MOST_COUNTED + 1), 1).astype(np.float64))
#: Between an issue's key and its title; no database keeps it in a text.
_BETWEEN = "\0"


class Match(NamedTuple):
    """An issue like the one asked about."""

    row: int
    #: In (0, 1]: of words and meaning together, or of meaning alone.
    similarity: float
    basis: Basis


@dataclass(frozen=True, slots=True)
class TextIndex:
    """An inverted index over `Texts`, with the leading axes of their directions.

    Attributes
    ----------
    issue_ids : ndarray of bytes, shape (n_issues,)
    names : PackedTexts
        Key and title of each issue.
    hours, points, created, directions :
        As in `Texts`; rows are in the order of creation.
    words : ndarray of shape (n_words,)
        Hashed distinct words, sorted.
    offsets : ndarray of shape (n_words + 1,)
        Where each word's postings begin and end.
    owners, counts : ndarray of shape (n_postings,)
        Row of an issue, and how often it says the word.
    by_id : ndarray of shape (n_issues,)
        Rows in the order of their ids.
    rarity : ndarray of shape (n_words,)
        ln((1 + n) / (1 + issues that have it)) + 1.
    lengths : ndarray of shape (n_issues,)
        Of the weights of an issue's words; 1 for those that say nothing.
    coarse : ndarray of shape (n_issues, COARSE_AXES)
        Leading axes of directions of length one.
    direction_lengths : ndarray of shape (n_issues,)
        Of the rounded directions; 1 for those of nothing.
    finished : ndarray of bool, shape (n_issues,)
        Where hours or points are known.
    """

    issue_ids: NDArray[np.bytes_]
    names: PackedTexts
    hours: Floats
    points: Floats
    created: Integers
    directions: NDArray[np.int8]
    words: NDArray[np.uint32]
    offsets: Integers
    owners: NDArray[np.int32]
    counts: NDArray[np.uint8]
    table: MeaningTable
    by_id: Integers
    rarity: Floats
    lengths: Floats
    coarse: Vector
    direction_lengths: Vector
    finished: Booleans

    @classmethod
    def build(cls, texts: Texts, table: MeaningTable) -> "TextIndex":
        """Index what was read, in the order given."""
        return cls._of_arrays(_nothing(), PackedTexts.of(()), table).changed(texts)

    @classmethod
    def _of_arrays(cls, arrays: "_Arrays", names: PackedTexts, table: MeaningTable) -> "TextIndex":
        """With all that follows from what is stored."""
        of_directions = arrays["direction_lengths"]
        return cls(
            **arrays,
            names=names,
            table=table,
            rarity=_rarity(arrays),
            coarse=(arrays["directions"][:, :COARSE_AXES] / of_directions[:, None]).astype(np.float32, copy=False),
            finished=~(np.isnan(arrays["hours"]) & np.isnan(arrays["points"])),
        )

    def __len__(self) -> int:
        return len(self.issue_ids)

    @property
    def nbytes(self) -> int:
        """Memory, in bytes."""
        derived = self.rarity.nbytes + self.coarse.nbytes + self.finished.nbytes
        return sum(array.nbytes for array in self._arrays().values()) + derived + self.names.nbytes

    def issue_id(self, row: int) -> str:
        """Of the issue in a row."""
        return str(self.issue_ids[row].decode())

    def name(self, row: int) -> tuple[str, str]:
        """Key and title of the issue in a row."""
        key, _, title = self.names[row].partition(_BETWEEN)
        return key, title

    def row_of(self, issue_id: str) -> int | None:
        """The row of an issue; None where it is not here."""
        return next(iter(self._rows_of([issue_id]).tolist()), None)

    def _rows_of(self, issue_ids: Collection[str]) -> Integers:
        """Rows of those issues that are here."""
        # A longer id cannot be here, and would make every id as long.
        wanted = [id_ for id_ in map(str.encode, issue_ids) if len(id_) <= self.issue_ids.itemsize]
        if not wanted or not len(self):
            return np.zeros(0, dtype=np.int64)
        sought = np.array(wanted, dtype=self.issue_ids.dtype)
        places = np.searchsorted(self.issue_ids, sought, sorter=self.by_id).clip(max=len(self) - 1)
        rows = self.by_id[places]
        return np.asarray(rows[self.issue_ids[rows] == sought])

    # --- What changed, and what is stored -------------------------------------------------------------------------
    def changed(self, fresh: Texts, *, gone: Collection[str] = (), most: int | None = None) -> "TextIndex":
        """The index after some issues were added or edited and others are gone: the one of all texts, to the last bit.

        Parameters
        ----------
        fresh : Texts
            In the order of creation, of equal moments the largest id first; issues that are here already are replaced.
        gone : collection of str
            Issues to leave out.
        most : int, optional
            The newest issues that are kept.
        """
        kept = np.ones(len(self), dtype=bool)
        kept[self._rows_of([*gone, *fresh.issue_ids])] = False
        rows = np.flatnonzero(kept)
        places = self._places(rows, fresh) + np.arange(len(fresh))
        n_cut = max(len(rows) + len(fresh) - most, 0) if most is not None else 0
        if n_cut and (places < n_cut).any():
            return self.changed(fresh.only(places >= n_cut), gone={*gone, *fresh.issue_ids}, most=most)
        # All of the fresh ones are newer than what is cut.
        rows, places = rows[n_cut:], places - n_cut
        return self._assembled(rows, fresh, places)

    def _places(self, rows: Integers, fresh: Texts) -> Integers:
        """Before how many of some rows each fresh issue stands, shape (n_fresh,)."""
        created = self.created[rows]
        first, last = (np.searchsorted(created, fresh.created, side=side) for side in ("left", "right"))
        places: Integers = first.astype(np.int64)
        for at in np.flatnonzero(first < last):
            alike = self.issue_ids[rows[first[at] : last[at]]]
            places[at] += int(np.count_nonzero(alike > np.bytes_(fresh.issue_ids[at].encode())))
        return places

    def _assembled(self, rows: Integers, fresh: Texts, places: Integers) -> "TextIndex":
        """Some rows, and fresh issues at their places among all."""
        n, is_fresh = len(rows) + len(fresh), np.zeros(len(rows) + len(fresh), dtype=bool)
        is_fresh[places] = True
        to = np.flatnonzero(~is_fresh)
        put = partial(_put, n, to, places)
        new_rows = np.full(len(self), -1, dtype=np.int32)
        new_rows[rows] = to
        owners = new_rows[self.owners]
        stays = owners >= 0
        old_keys = np.repeat(self.words, np.diff(self.offsets))[stays]
        fresh_owners = np.repeat(places.astype(np.int32), np.diff(fresh.starts))
        owners = np.concatenate([owners[stays], fresh_owners])
        keys, counts = np.concatenate([old_keys, fresh.keys]), np.concatenate([self.counts[stays], fresh.counts])
        # By word and issue: two runs, of which the first is in order already.
        order = np.argsort((keys.astype(np.uint64) << np.uint64(32)) | owners.astype(np.uint64), kind="stable")
        keys = keys[order]
        begins = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.zeros(0, int)
        fresh_ids = np.array(fresh.issue_ids or [""], dtype=np.bytes_)[: len(fresh)]
        arrays: _Arrays = {
            "issue_ids": put(self.issue_ids[rows], fresh_ids),
            "hours": put(self.hours[rows], fresh.hours),
            "points": put(self.points[rows], fresh.points),
            "created": put(self.created[rows], fresh.created),
            "directions": put(self.directions[rows], fresh.directions),
            "words": keys[begins],
            "offsets": np.append(begins, len(keys)).astype(np.int64),
            "owners": owners[order],
            "counts": counts[order],
        }
        arrays["by_id"] = np.argsort(arrays["issue_ids"])
        arrays["lengths"] = _lengths(arrays)
        arrays["direction_lengths"] = put(self.direction_lengths[rows], _lengths_of(fresh.directions))
        return TextIndex._of_arrays(arrays, self._names(n, rows, to, fresh, places), self.table)

    def _names(self, n: int, rows: Integers, to: Integers, fresh: Texts, places: Integers) -> PackedTexts:
        pieces: list[bytes] = [b""] * n
        own = self.names.pieces()
        for row, place in zip(rows.tolist(), to.tolist(), strict=True):
            pieces[place] = own[row]
        for name, place in zip(fresh.names, places.tolist(), strict=True):
            pieces[place] = _BETWEEN.join(name).encode()
        return PackedTexts.of_pieces(pieces)

    def _arrays(self) -> "_Arrays":
        return {name: getattr(self, name) for name in _STORED}

    def to_bytes(self) -> bytes:
        """The index as an artefact: plain arrays, without those that follow from others in no time."""
        named: _Arrays = {"names": self.names.data, "name_ends": self.names.ends}
        meta = {"table": self.table.digest, "reading": READING}
        return artifact.dumps(KIND, {**self._arrays(), **named}, meta, compressed=False)

    @classmethod
    def from_bytes(cls, data: bytes, table: MeaningTable) -> "TextIndex":
        """Read what `to_bytes` wrote.

        Raises
        ------
        ArtifactCorrupted
            If the bytes are no such index.
        """
        read = artifact.loads(data, kind=KIND)
        arrays = read.arrays
        if read.meta != {"table": table.digest, "reading": READING}:
            raise artifact.ArtifactCorrupted("The index of texts was read in another way; it is built anew.")
        if arrays.keys() != {*_STORED, "names", "name_ends"}:
            raise artifact.ArtifactCorrupted("The index of texts holds other arrays; it is built anew.")
        names = PackedTexts(arrays.pop("names"), arrays.pop("name_ends"))
        n, postings = len(arrays["issue_ids"]), int(arrays["offsets"][-1])
        rows = {len(names), *(len(arrays[name]) for name in _OF_ROWS)}
        if rows != {n} or {len(arrays["owners"]), len(arrays["counts"])} != {postings}:
            raise artifact.ArtifactCorrupted("The arrays of the index of texts do not fit together; it is built anew.")
        return cls._of_arrays(arrays, names, table)

    # --- Asking ---------------------------------------------------------------------------------------------------
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
        words = said(title, description)
        keys = np.fromiter(words, dtype=np.uint32, count=len(words))
        weights = 1 + np.log(np.fromiter(words.values(), dtype=np.float64, count=len(words)))
        places = np.minimum(np.searchsorted(self.words, keys), max(len(self.words) - 1, 0))
        known = self.words[places] == keys if len(self.words) else np.zeros(len(keys), dtype=bool)
        weights *= np.where(known, self.rarity[places] if len(self.words) else 0.0, math.log(1 + len(self)) + 1)
        length = float(np.sqrt(weights @ weights)) or 1.0
        # Of an issue's word the count is kept: what its rarity makes of it is the question's to say.
        return self._added_up(places[known], weights[known] * self.rarity[places[known]] / length) / self.lengths

    def _added_up(self, places: Integers, weights: Floats) -> Floats:
        order = np.argsort(self.offsets[places + 1] - self.offsets[places], kind="stable")
        spans = [slice(self.offsets[place], self.offsets[place + 1]) for place in places[order]]
        sizes = np.array([span.stop - span.start for span in spans], dtype=np.int64)
        spans = spans[: max(int(np.searchsorted(np.cumsum(sizes), MAX_POSTINGS, side="right")), 1)]
        if not spans:
            return np.zeros(len(self))
        owners = np.concatenate([self.owners[span] for span in spans])
        factors = np.repeat(weights[order][: len(spans)], sizes[: len(spans)])
        products = _COUNT_WEIGHTS[np.concatenate([self.counts[span] for span in spans])] * factors
        return np.bincount(owners, weights=products, minlength=len(self)).astype(np.float64, copy=False)

    def meaning_similarity(self, rows: Integers, direction: Vector) -> Floats:
        """Cosine of the directions of some issues with one, none below zero; shape (n_rows,)."""
        cosines = self.directions[rows].astype(np.float32) @ direction / self.direction_lengths[rows]
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


_Arrays = dict[str, NDArray[Any]]
#: What is stored of an index besides its names.
_STORED: Sequence[str] = (
    "issue_ids", "hours", "points", "created", "directions", "by_id", "lengths", "direction_lengths",
    "words", "offsets", "owners", "counts",
)  # fmt: skip
#: Of these, what has an entry for each issue.
_OF_ROWS = _STORED[:8]


def _nothing() -> _Arrays:
    """The arrays of no issue."""
    empty: _Arrays = {name: np.zeros(0) for name in ("hours", "points")}
    return empty | {
        "issue_ids": np.zeros(0, dtype="S1"),
        "created": np.zeros(0, dtype=np.int64),
        "directions": np.zeros((0, DIMENSIONS), dtype=np.int8),
        "words": np.zeros(0, dtype=np.uint32),
        "offsets": np.zeros(1, dtype=np.int64),
        "owners": np.zeros(0, dtype=np.int32),
        "counts": np.zeros(0, dtype=np.uint8),
        "by_id": np.zeros(0, dtype=np.int64),
        "lengths": np.zeros(0),
        "direction_lengths": np.zeros(0, dtype=np.float32),
    }


def _rarity(arrays: _Arrays) -> Floats:
    return np.asarray(np.log((1 + len(arrays["issue_ids"])) / (1 + np.diff(arrays["offsets"]))) + 1)


def _lengths(arrays: _Arrays) -> Floats:
    """Of the weights of each issue's words."""
    weights = _COUNT_WEIGHTS[arrays["counts"]] * np.repeat(_rarity(arrays), np.diff(arrays["offsets"]))
    lengths = np.sqrt(np.bincount(arrays["owners"], weights=weights**2, minlength=len(arrays["issue_ids"])))
    return np.where(lengths > 0, lengths, 1.0)


def _put(n: int, to: Integers, places: Integers, own: _Array, fresh: NDArray[Any]) -> NDArray[Any]:
    """Both in one array of n rows."""
    found = np.empty((n, *own.shape[1:]), dtype=np.result_type(own, fresh))
    found[to], found[places] = own, fresh
    return found


def _lengths_of(directions: NDArray[np.int8]) -> Vector:
    lengths = np.linalg.norm(directions.astype(np.float32), axis=1)
    return np.asarray(np.maximum(lengths, 1.0), dtype=np.float32)
