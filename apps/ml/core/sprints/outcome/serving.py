"""The answer about one sprint: points, range and chance, from the prior and the team's own record."""

from dataclasses import dataclass

import numpy as np

from apps.common.exceptions import NotEnoughData
from apps.ml.core.results import Interval
from apps.ml.core.sprints.outcome.baselines import average_velocity, committed_met, committed_ratio, usual_ratio
from apps.ml.core.sprints.outcome.features import matrix
from apps.ml.core.sprints.outcome.moment import DELIVERED_SHARE, SprintMoment
from apps.ml.core.sprints.outcome.prior import RawOutcomes, SprintPrior
from apps.ml.core.sprints.outcome.record import OwnRecord, corrected_range

#: Outcomes that the range is to hold: four of five, as everywhere in this product.
RANGE_LEVEL = 0.8
LEARNED, PRIOR_ONLY, BASELINE = "learned", "prior_only", "committed_ratio"
#: While days remain nothing is sure, and a team's past holds no miracle either.
_CHANCE_BOUNDS = (0.01, 0.99)


@dataclass(frozen=True, slots=True)
class SprintOutcome:
    """What a sprint will have delivered by its end, in points (or issues, where these stand for points)."""

    committed_points: float
    #: The median: what a single sprint is compared with.
    typical_points: float
    #: The mean: what totals over sprints add up.
    expected_points: float
    #: Of points; measured on the team's own past sprints.
    interval: Interval
    #: Of delivering at least `DELIVERED_SHARE` of what is committed.
    probability: float
    committed_met_points: float
    average_velocity_points: float | None
    committed_ratio_points: float
    usual_ratio: float
    #: The team's sprints that had committed to something, and those of them that were replayed.
    past_sprints: int
    replayed_sprints: int
    #: 'learned'; 'prior_only' without a past of its own; 'committed_ratio' where that did better on the team's sprints.
    method: str
    prior_version: str

    @property
    def delivering_points(self) -> float:
        """What counts as delivered."""
        return DELIVERED_SHARE * self.committed_points


def sprint_outcome(
    prior: SprintPrior, moment: SprintMoment, record: OwnRecord, *, level: float = RANGE_LEVEL
) -> SprintOutcome:
    """Predict a sprint's outcome.

    Parameters
    ----------
    prior : SprintPrior
        What other teams teach.
    moment : SprintMoment
        The sprint as it stands.
    record : OwnRecord
        How the prior did on this team's past sprints.
    level : float
        Share of outcomes that the range shall hold.

    Raises
    ------
    NotEnoughData
        If nothing is committed.
    """
    if moment.committed_points <= 0:
        raise NotEnoughData(have=0, needed=1, what="issues committed to in the sprint")
    return outcome_of(prior, prior.ask(matrix([moment])), moment, record, level=level)


def outcome_of(
    prior: SprintPrior, raw: RawOutcomes, moment: SprintMoment, record: OwnRecord, *, level: float
) -> SprintOutcome:
    """The same with the trees asked before; `raw` is of shape (1,)."""
    committed = moment.committed_points
    past_sprints = sum(sprint.committed_points > 0 for sprint in moment.past)
    method = BASELINE if record.prefers_baseline else LEARNED if past_sprints else PRIOR_ONLY
    typical = committed_ratio(moment) if method == BASELINE else committed * float(raw.typical[0])
    low, high = corrected_range(prior, raw, moment.elapsed_ratio, record, level=level)
    return SprintOutcome(
        committed_points=committed,
        typical_points=typical,
        # The baseline is a ratio of sums: its answer is a mean already.
        expected_points=typical
        if method == BASELINE
        else typical * record.mean_factor(float(prior.mean_factor[prior.nearest(moment.elapsed_ratio)])),
        interval=Interval(
            low=min(low * committed, typical),
            high=max(high * committed, typical),
            level=level,
            measured_coverage=record.held_share,
            n_outcomes=len(record),
        ),
        probability=float(np.clip(1.0 / (1.0 + np.exp(-raw.log_odds[0] - record.log_odds_shift)), *_CHANCE_BOUNDS)),
        committed_met_points=committed_met(moment),
        average_velocity_points=average_velocity(moment),
        committed_ratio_points=committed_ratio(moment),
        usual_ratio=usual_ratio(moment.past),
        past_sprints=past_sprints,
        replayed_sprints=len(record),
        method=method,
        prior_version=prior.version,
    )


@dataclass(frozen=True, slots=True)
class Outlook:
    """An outcome with what it was told from."""

    outcome: SprintOutcome
    moment: SprintMoment
    #: 'points' or 'issues'.
    unit: str
