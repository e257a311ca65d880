"""What the model says of some questions, and how far off it may be: by head, for all that it answers at once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from apps.ml.core.arrays import Floats
from apps.ml.core.effort.answer import HeadAnswers, ServedHead
from apps.ml.core.effort.experts import RANGE_BOUNDS, bounded_hours
from apps.ml.core.effort.explain import Counterfactual
from apps.ml.core.effort.neighbours import Neighbourhood
from apps.ml.core.effort.ranges.mixture import AnswerErrors
from apps.ml.core.intervals import Corrected, corrected_level
from apps.ml.core.reading import IssueReading
from apps.ml.core.results import Interval, SimilarIssue


class EffortRequest(NamedTuple):
    """One question, read. The similarities of its words to thousands of issues are not kept: see `EffortModel`."""

    reading: IssueReading
    #: Whether the head answers that knows the team's own estimate.
    informed: bool
    nearby: Neighbourhood
    #: What trees and error sizes are predicted from, of length n_static.
    static: Sequence[float]
    #: To the last outcomes that the range is made from, shape (n_last,); None where there are none.
    nearness: Floats | None
    #: Whether an issue learned from is alike in its words.
    has_similar: bool = False
    similar: tuple[SimilarIssue, ...] = ()


@dataclass(frozen=True, slots=True)
class HoursOutlook:
    """What a head says of n questions, and how far off it may be; sequences of length n."""

    head: ServedHead
    #: Of each question among those that were asked together.
    places: Sequence[int]
    requests: Sequence[EffortRequest]
    answers: HeadAnswers
    #: Log hours.
    centres: Floats
    #: What a global model's answers were moved by, for the team that asks; in `centres`.
    shift: float
    #: Errors to expect on the log scale of hours.
    errors: AnswerErrors
    #: What came of the last answers of this head, for whoever asks.
    measured: Corrected
    #: What to ask of a range on top of its level, as long as no served outcome tells better.
    missed: float
    otherwise: Sequence[Counterfactual | None]

    def hours(self) -> list[float]:
        """The typical hours of each."""
        return [bounded_hours(centre) for centre in self.centres.tolist()]

    def intervals(self, hours: Sequence[float], level: float) -> list[Interval]:
        """The ranges around them."""
        outcomes = self.measured.outcomes
        coverage = outcomes.measured_coverage if outcomes is not None else None
        n_outcomes = len(outcomes) if outcomes is not None else 0
        bands = self.errors.bands(corrected_level(level, outcomes, self.missed))
        # Around the hours that are told: an answer may have been cut to the bounds of one.
        return [
            Interval(
                min(bounded_hours(math.log(typical) + low, RANGE_BOUNDS), typical),
                max(bounded_hours(math.log(typical) + high, RANGE_BOUNDS), typical),
                level,
                coverage,
                n_outcomes,
            )
            for typical, (low, high) in zip(hours, bands, strict=True)
        ]
