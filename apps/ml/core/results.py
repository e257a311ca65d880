"""What comes out of the core: frozen answers. Hours are hours of work; probabilities lie in [0, 1].

Of the small ones there are dozens in an answer: a named tuple is made three times as fast as a frozen class.
"""

from dataclasses import dataclass, field
from typing import NamedTuple


class SimilarIssue(NamedTuple):
    """A finished issue like the one asked about: evidence, not an answer."""

    issue_id: str
    #: In (0, 1]: exact Jaccard of the token sets, or of words and meaning (`text_index`).
    similarity: float
    actual_hours: float | None = None
    story_points: float | None = None
    #: What it is alike in: 'words' (and meaning), or 'meaning' alone.
    basis: str = "words"


class Contribution(NamedTuple):
    """One named part of a prediction; the parts of a prediction add up to it."""

    name: str
    #: In the unit of the prediction: hours for effort, points for story points.
    effect: float


class Interval(NamedTuple):
    """A prediction range with the level it promises and the share it held lately."""

    low: float
    high: float
    #: Promised share of outcomes inside, for example 0.8.
    level: float
    #: Share of the last `n_outcomes` outcomes that lay inside their ranges; None before there are any.
    measured_coverage: float | None = None
    n_outcomes: int = 0


@dataclass(frozen=True, slots=True)
class EffortEstimate:
    """Hours an issue will take."""

    #: The typical value: the predicted median, what a single task is compared with.
    predicted_hours: float
    #: The mean of the same distribution: what totals over many tasks add up.
    expected_hours: float
    interval: Interval
    #: Calibrated probability that the actual hours are within a factor of two of `predicted_hours`.
    confidence: float
    #: One of 'ml_model', 'similarity', 'heuristic', 'baseline'.
    method: str
    reasoning: str
    model_version: str | None = None
    similar_issues: tuple[SimilarIssue, ...] = ()
    contributions: tuple[Contribution, ...] = ()
    #: Predicted size of the error on the natural-log scale; stored with the prediction, so that its outcome can correct
    #: later ranges (`RecentOutcomes`).
    log_scale: float = 1.0
    #: Whether the team's own estimate was part of the answer; outcomes with and without it are told apart.
    used_estimate: bool = False


@dataclass(frozen=True, slots=True)
class PointsRecommendation:
    """Story points for an issue, as a distribution over the team's own scale."""

    #: Median of `probabilities`, snapped to the scale.
    recommended_points: float
    #: Calibrated probability that the team's points are within one step of the scale.
    confidence: float
    #: Scale value -> probability; sums to 1.
    probabilities: dict[float, float]
    interval: Interval
    #: One of 'ml_model', 'similarity', 'heuristic', 'prior', 'baseline'.
    method: str
    reasoning: str
    model_version: str | None = None
    similar_issues: tuple[SimilarIssue, ...] = ()
    contributions: tuple[Contribution, ...] = field(default=())
    #: The steps of the scale on either side of `recommended_points`, which the confidence is about.
    one_step: tuple[float, float] | None = None
