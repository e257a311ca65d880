"""The similarity expert: what issues with shared words and shared fields took."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apps.ml.core.arrays import Floats, Integers, largest
from apps.ml.core.effort.features import log_estimates_of
from apps.ml.core.hashing import hashed
from apps.ml.core.reading import IssueReading
from apps.ml.core.records import IssueFacts
from apps.ml.core.similarity import SimilarIssueIndex

#: Neighbours that speak; flat between 10 and 40 on the validation year.
N_NEIGHBOURS = 20
#: What full agreement of the fields adds to the Jaccard similarity of the words.
FIELD_SIMILARITY = 0.3
#: Closeness counts with this power.
POWER = 3.0
#: The general level speaks with the weight of one neighbour this close.
PRIOR_SIMILARITY = 0.5
#: Among fewer issues than this all are compared with a question, some questions at once.
FEW_ISSUES = 2_000
#: Of more, first those that share more of its words than this, or agree in more fields than that: of 6,134 tasks 500
#: do, and the nearest are among them for nine questions of ten. Below what is told to be similar at all.
SHARE_OF_WORDS, FEW_FIELDS = 0.15, 2
#: What is added up in another order differs by less.
_ROUNDING = 1e-9


class Neighbourhood(NamedTuple):
    """What the neighbours say."""

    log_hours: float
    #: Combined closeness of the nearest one.
    nearest: float
    #: Standard deviation of the neighbours' log hours.
    spread: float
    #: Share of `log_hours` that is the level, in (0, 1]: one where no neighbour is near.
    pull: float


class Near(NamedTuple):
    """Finished issues as they are near a question."""

    #: Rows of the nearest, the nearest first, and how close they are.
    nearest: Integers
    closeness: Floats
    #: Rows that were looked at, ascending, and their similarity in words; all others share fewer words. None: all rows.
    rows: Integers | None
    similarity: Floats
    #: Words shared with each issue, and of how many.
    shared: Integers
    n_words: int

    def resembles(self, least: float) -> bool:
        """Whether an issue is as similar in its words; `least` is above what is not looked at."""
        return bool(self.similarity.size and np.maximum.reduce(self.similarity) >= least)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Finished issues by words and by fields.

    Attributes
    ----------
    fields : ndarray of shape (5, n_issues)
        Hashed values; 0 stands for 'not known' and agrees with nothing.
    log_hours : ndarray of shape (n_issues,)
    log_estimates : ndarray of shape (n_issues,)
        NaN where the team gave no estimate.
    """

    index: SimilarIssueIndex
    fields: NDArray[np.uint32]
    log_hours: Floats
    log_estimates: Floats
    #: What was worked out of all of them, by whoever asks for it first.
    kept: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def closeness(self, similarity: Floats, agreed: NDArray[np.int8]) -> Floats:
        """Words and fields together, each of shape (n_known,)."""
        return np.asarray(similarity + FIELD_SIMILARITY / len(self.fields) * agreed)

    def agreement(self, codes: Sequence[int], n_known: int) -> NDArray[np.int8]:
        """How many of the issue's fields agree with those of the first `n_known` issues, shape (n_known,)."""
        # A column at a time: four times as fast as the whole table at once.
        agreed = np.zeros(n_known, dtype=np.int8)
        for column, code in zip(self.fields, codes, strict=True):
            if code:
                # Added as bytes: as numbers of eight bytes it takes three times as long.
                agreed += (column[:n_known] == code).view(np.int8)
        return agreed

    def near(self, wanted: frozenset[int], agreed: NDArray[np.int8], n_fields: int) -> Near:
        """The issues near a question, of all of them.

        Parameters
        ----------
        wanted : frozenset of int
            Its tokens.
        agreed : ndarray of shape (n_issues,)
            See `agreement`.
        n_fields : int
            Fields of the question that are known: as many agree at most.
        """
        shared = self.index.shared_with(wanted)
        for share in () if shared.size < FEW_ISSUES or not wanted else (SHARE_OF_WORDS, 0.0):
            fewest = 1 + int(share * len(wanted))
            is_looked_at = shared >= fewest
            if n_fields > FEW_FIELDS:
                is_looked_at |= agreed > FEW_FIELDS
            near = self._near(is_looked_at.nonzero()[0], shared, len(wanted), agreed)
            # Of all others: they share fewer words, and of no fewer together, and agree in few fields.
            most = (fewest - 1) / len(wanted) + FIELD_SIMILARITY / len(self.fields) * min(n_fields, FEW_FIELDS)
            if near.nearest.size == N_NEIGHBOURS and near.closeness[-1] > most + _ROUNDING:
                return near
        return self._near(None, shared, len(wanted), agreed)

    def _near(self, rows: Integers | None, shared: Integers, n_words: int, agreed: NDArray[np.int8]) -> Near:
        similarity = self.index.similarities_at(rows, shared, n_words)
        closeness = self.closeness(similarity, agreed if rows is None else agreed.take(rows))
        nearest = largest(closeness, N_NEIGHBOURS)
        found = nearest if rows is None else rows.take(nearest)
        return Near(found, closeness.take(nearest), rows, similarity, shared, n_words)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays for the serving artefact."""
        return {
            **self.index.to_arrays(),
            "neighbour_fields": self.fields,
            "neighbour_log_hours": self.log_hours,
            "neighbour_log_estimates": self.log_estimates,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Neighbours":
        """Read what `to_arrays` wrote."""
        index, log_hours = SimilarIssueIndex.from_arrays(arrays), arrays["neighbour_log_hours"]
        # Artefacts of before there were ranges from own ratios keep no estimates.
        estimates = arrays.get("neighbour_log_estimates", np.full(log_hours.size, np.nan))
        return cls(index, arrays["neighbour_fields"], log_hours, estimates)


def field_codes(facts: IssueFacts) -> tuple[int, ...]:
    """The five hashed fields that neighbours may share; 0 for one that is not known."""
    values = (facts.issue_type, facts.component, facts.assignee, facts.reporter, "|".join(facts.labels))
    return tuple(hashed(value) if value else 0 for value in values)


def build_neighbours(readings: Sequence[IssueReading], log_hours: Floats, issue_ids: Sequence[str]) -> Neighbours:
    """Index issues in the order in which their outcomes became known."""
    index = SimilarIssueIndex.from_token_sets(
        [reading.token_set for reading in readings],
        issue_ids=issue_ids,
        hours=np.exp(log_hours).tolist(),
        points=[_points(reading.facts) for reading in readings],
    )
    fields = np.array([field_codes(reading.facts) for reading in readings], dtype=np.uint32).reshape(-1, 5).T.copy()
    return Neighbours(index, fields, log_hours, log_estimates_of(readings))


def _points(facts: IssueFacts) -> float:
    return float("nan") if facts.story_points is None else facts.story_points


def ask(closeness: Floats, log_hours: Floats, level: float) -> Neighbourhood:
    """Weighted mean of the nearest issues' log hours, drawn towards `level` where none is near.

    Of issues equally close at the end of the list the latest speak.
    """
    nearest = largest(closeness, N_NEIGHBOURS)
    return told(closeness[nearest], log_hours[nearest], level)


def told(closeness: Floats, log_hours: Floats, level: float) -> Neighbourhood:
    """What the nearest issues say, the nearest first."""
    if not closeness.size:
        return Neighbourhood(level, 0.0, 0.0, 1.0)
    weights = closeness**POWER
    prior, total = PRIOR_SIMILARITY**POWER, float(np.add.reduce(weights))
    mean = (float(weights @ log_hours) + prior * level) / (total + prior)
    spread = math.sqrt(float(weights @ (log_hours - mean) ** 2) / max(total, 1e-12))
    return Neighbourhood(mean, float(closeness[0]), spread, prior / (total + prior))
