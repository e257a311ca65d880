"""The similarity expert: what issues with shared words and shared fields took."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.ml.core.arrays import Floats, largest
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


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """What the neighbours say."""

    log_hours: float
    #: Combined closeness of the nearest one.
    nearest: float
    #: Standard deviation of the neighbours' log hours.
    spread: float
    #: Share of `log_hours` that is the level, in (0, 1]: one where no neighbour is near.
    pull: float


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
    if not closeness.size:
        return Neighbourhood(level, 0.0, 0.0, 1.0)
    nearest = largest(closeness, N_NEIGHBOURS)
    weights, values = closeness[nearest] ** POWER, log_hours[nearest]
    prior, total = PRIOR_SIMILARITY**POWER, float(weights.sum())
    mean = (float(weights @ values) + prior * level) / (total + prior)
    spread = math.sqrt(float(weights @ (values - mean) ** 2) / max(total, 1e-12))
    return Neighbourhood(mean, float(closeness[nearest[0]]), spread, prior / (total + prior))
