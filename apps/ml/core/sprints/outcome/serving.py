"""The answer about one sprint: one distribution, and every number read from it."""

from dataclasses import dataclass

import numpy as np

from apps.common.exceptions import NotEnoughData
from apps.ml.core.arrays import Floats
from apps.ml.core.results import Interval
from apps.ml.core.sprints.outcome.baselines import scope_met, scope_ratio, usual_ratio
from apps.ml.core.sprints.outcome.distribution import OutcomeDistribution
from apps.ml.core.sprints.outcome.moment import DELIVERED_SHARE, SprintMoment
from apps.ml.core.sprints.outcome.prior import SprintTeacher
from apps.ml.core.sprints.outcome.record import OwnRecord

#: Outcomes that the range is to hold: four of five, as everywhere in this product.
RANGE_LEVEL = 0.8
LEARNED, PRIOR_ONLY, POOLED = "learned", "prior_only", "pooled"
#: What the simulation of the team's weeks counts beside what was learned. With the points that a team's last sprints
#: still finished in its place, .15 was best in CRPS on public sprints; .3 made ranges too narrow. Such data have no
#: weeks: of the simulation itself no better weight is known.
SIMULATION_WEIGHT = 0.15


@dataclass(frozen=True, slots=True)
class SprintOutcome:
    """What a sprint will have delivered by its end, in points (or issues, where these stand for points)."""

    scope_points: float
    distribution: OutcomeDistribution
    #: Measured on the team's own past sprints.
    range_held: float | None
    scope_met_points: float
    #: None without past sprints of which it is known what they had committed.
    scope_ratio_points: float | None
    usual_ratio: float | None
    #: The team's sprints that had something in scope, and those of them that were replayed.
    past_sprints: int
    replayed_sprints: int
    #: 'learned'; 'prior_only' without a past of its own; 'pooled' where the team's weeks were simulated, too.
    method: str
    prior_version: str
    #: Promised by the range, and what it is made to hold so that the promise is kept on this team's sprints.
    level: float
    asked_level: float

    @property
    def typical_points(self) -> float:
        """The median: what a single sprint is compared with."""
        return self.distribution.median * self.scope_points

    @property
    def expected_points(self) -> float:
        """The mean: what totals over sprints add up."""
        return self.distribution.mean * self.scope_points

    @property
    def range(self) -> tuple[float, float]:
        """Of shares of the commitment."""
        return self.distribution.range(self.asked_level)

    @property
    def interval(self) -> Interval:
        """Of points."""
        low, high = self.range
        return Interval(
            low=low * self.scope_points,
            high=high * self.scope_points,
            level=self.level,
            measured_coverage=self.range_held,
            n_outcomes=self.replayed_sprints,
        )

    @property
    def probability(self) -> float:
        """Of delivering at least `DELIVERED_SHARE` of the scope."""
        return self.distribution.chance_of(DELIVERED_SHARE)

    @property
    def probability_all(self) -> float:
        """Of delivering at least all of the scope."""
        return self.distribution.chance_of(1.0)

    @property
    def delivering_points(self) -> float:
        """What counts as delivered."""
        return DELIVERED_SHARE * self.scope_points


def sprint_outcome(
    prior: SprintTeacher,
    moment: SprintMoment,
    record: OwnRecord,
    *,
    simulated: Floats | None = None,
    level: float = RANGE_LEVEL,
) -> SprintOutcome:
    """Predict a sprint's outcome.

    Parameters
    ----------
    prior : SprintTeacher
        What other teams teach.
    moment : SprintMoment
        The sprint as it stands.
    record : OwnRecord
        How the prior did on this team's past sprints.
    simulated : ndarray of shape (n_runs,), optional
        Shares of what is missing that each simulated run of the team's weeks still delivers; above 1 where the scope
        grows.
    level : float
        Share of outcomes that the range shall hold.

    Raises
    ------
    NotEnoughData
        If nothing is in scope.
    """
    if moment.scope_points <= 0:
        raise NotEnoughData(have=0, needed=1, what="issues in the sprint")
    return outcome_of(prior, prior.chances([moment])[0], moment, record, simulated=simulated, level=level)


def outcome_of(
    prior: SprintTeacher,
    chances: Floats,
    moment: SprintMoment,
    record: OwnRecord,
    *,
    simulated: Floats | None = None,
    level: float = RANGE_LEVEL,
) -> SprintOutcome:
    """The same with the trees asked before; `chances` is of shape (n_levels,)."""
    past_sprints = sum(sprint.scope_points > 0 for sprint in moment.past)
    learned = record.distribution(chances, moment)
    return SprintOutcome(
        scope_points=moment.scope_points,
        distribution=learned if simulated is None else _pooled(learned, moment, simulated),
        range_held=record.held_share,
        scope_met_points=scope_met(moment),
        scope_ratio_points=scope_ratio(moment),
        usual_ratio=usual_ratio(moment.past),
        past_sprints=past_sprints,
        replayed_sprints=len(record),
        method=POOLED if simulated is not None else LEARNED if past_sprints else PRIOR_ONLY,
        prior_version=prior.version,
        level=level,
        asked_level=record.asked_level(level),
    )


def _pooled(learned: OutcomeDistribution, moment: SprintMoment, simulated: Floats) -> OutcomeDistribution:
    if moment.is_over:
        return learned
    done = moment.done_share
    runs = OutcomeDistribution.of_runs(done + np.maximum(1.0 - done, 0.0) * simulated, done)
    return learned.pooled(runs, SIMULATION_WEIGHT)


@dataclass(frozen=True, slots=True)
class Outlook:
    """An outcome with what it was told from."""

    outcome: SprintOutcome
    moment: SprintMoment
    #: 'points' or 'issues'.
    unit: str
    #: Completed sprints that teach nothing, since nobody knows what they had committed.
    unrecorded_sprints: int = 0

    def left_at(self, shares: Floats) -> Floats:
        """What is left of the scope at the end, below which so many outcomes stay: shape (n_shares,), rising."""
        delivered = self.outcome.distribution.quantiles(1.0 - shares)
        return np.maximum((1.0 - delivered) * self.outcome.scope_points, 0.0)
