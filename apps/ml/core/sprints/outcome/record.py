"""How the prior did on a team's own past sprints, and what follows for the next: range, chance, or the baseline."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.intervals import ErrorPool, recency_weights
from apps.ml.core.sprints.outcome.baselines import committed_ratio
from apps.ml.core.sprints.outcome.features import matrix
from apps.ml.core.sprints.outcome.moment import PastSprint
from apps.ml.core.sprints.outcome.prior import RawOutcomes, SprintPrior

_NONE: Floats = np.zeros(0)
#: Older sprints tell of another team.
MAX_SPRINTS = 300
#: A sprint so many sprints ago counts half when ranges are corrected.
HALF_LIFE_SPRINTS = 60.0
#: The strangers' misses count as so many of the team's own.
PRIOR_MISSES = 2.0
#: What each range that held too much or too little moves the share asked for (adaptive conformal inference).
COVERAGE_STEP = 0.07
#: Information, in units of p(1 - p), that the team's own deliveries must outweigh to move the chance.
CHANCE_PRIOR_INFORMATION = 5.0
#: Totals hang on few large sprints: the strangers' factor counts as so many of the team's own.
PRIOR_TOTALS = 10.0
#: With fewer sprints a better baseline is luck; beyond this many standard errors it is hardly (one-sided 5 %).
MIN_SPRINTS_TO_ABSTAIN = 8
ABSTAIN_BEYOND_ERRORS = 1.645
_LEVEL_BOUNDS = (0.3, 0.98)


@dataclass(frozen=True, slots=True)
class OwnRecord:
    """A team's past sprints, oldest first, as the prior saw them at the matching share of their days; shape (n,)."""

    #: `RawOutcomes.miss` of each, and whether its corrected range held.
    misses: Floats = field(default_factory=lambda: _NONE)
    held: Floats = field(default_factory=lambda: _NONE)
    #: Chances before correction, and whether it was delivered.
    log_odds: Floats = field(default_factory=lambda: _NONE)
    delivered: Floats = field(default_factory=lambda: _NONE)
    #: By how many points the prior's typical answer was further off than committed x usual ratio.
    excess_errors_points: Floats = field(default_factory=lambda: _NONE)
    #: The prior's typical answers, and what was delivered.
    typical_points: Floats = field(default_factory=lambda: _NONE)
    delivered_points: Floats = field(default_factory=lambda: _NONE)

    def __len__(self) -> int:
        return int(self.misses.size)

    @property
    def held_share(self) -> float | None:
        """Share of the team's own sprints inside the range that they would have been given; None without any."""
        return float(self.held.mean()) if len(self) else None

    @property
    def prefers_baseline(self) -> bool:
        """Whether committed x usual ratio did better on this team's sprints by more than noise."""
        excess = self.excess_errors_points
        if len(self) < MIN_SPRINTS_TO_ABSTAIN:
            return False
        standard_error = float(excess.std(ddof=1)) / np.sqrt(len(self))
        return bool(excess.mean() > ABSTAIN_BEYOND_ERRORS * standard_error > 0)

    @property
    def log_odds_shift(self) -> float:
        """What the team's own deliveries add to the log odds: one Newton step from none."""
        if not len(self):
            return 0.0
        chances = 1.0 / (1.0 + np.exp(-self.log_odds))
        information = float((chances * (1.0 - chances)).sum()) + CHANCE_PRIOR_INFORMATION
        return float((self.delivered - chances).sum()) / information

    def mean_factor(self, strangers: float) -> float:
        """The mean divided by the typical value: a ratio of sums, so that it holds for totals."""
        typical = float(self.typical_points.sum())
        if typical <= 0:
            return strangers
        borrowed = PRIOR_TOTALS * typical / len(self)
        return (float(self.delivered_points.sum()) + strangers * borrowed) / (typical + borrowed)

    def widening(self, strangers: Floats, level: float) -> float:
        """How many of its widths a raw range must grow on each side (or shrink) to hold `level`.

        Parameters
        ----------
        strangers : ndarray of shape (n_quantiles,)
            Misses of projects that the prior had not seen.
        level : float
            Promised share, in (0, 1).
        """
        each = np.full(strangers.size, PRIOR_MISSES / strangers.size)
        own = recency_weights(len(self), half_life=HALF_LIFE_SPRINTS)
        pool = ErrorPool.of(np.concatenate([strangers, self.misses]), np.concatenate([each, own]))
        return pool.quantile(self._asked_level(level))

    def with_sprint(self, raw: RawOutcomes, sprint: PastSprint, *, held: bool) -> "OwnRecord":
        """The record after one more sprint has ended; `raw` is of shape (1,)."""
        typical_points = float(raw.typical[0]) * sprint.committed_points
        excess = abs(typical_points - sprint.delivered_points)
        excess -= abs(committed_ratio(sprint.moment) - sprint.delivered_points)
        return OwnRecord(
            misses=_appended(self.misses, raw.miss(np.array([sprint.ratio]))[0]),
            held=_appended(self.held, held),
            log_odds=_appended(self.log_odds, raw.log_odds[0]),
            delivered=_appended(self.delivered, sprint.delivered),
            excess_errors_points=_appended(self.excess_errors_points, excess),
            typical_points=_appended(self.typical_points, typical_points),
            delivered_points=_appended(self.delivered_points, sprint.delivered_points),
        )

    def _asked_level(self, level: float) -> float:
        missing = COVERAGE_STEP * float((level - self.held).sum())
        return float(np.clip(level + missing, *_LEVEL_BOUNDS))


def own_record(prior: SprintPrior, sprints: Sequence[PastSprint], *, level: float) -> OwnRecord:
    """Replay a team's past sprints, oldest first, each with only what came before it as its past and record."""
    record = OwnRecord()
    known = sprints[-MAX_SPRINTS:]
    raw = prior.ask(matrix([sprint.moment for sprint in known]))
    for index, sprint in enumerate(known):
        one = raw[index : index + 1]
        low, high = corrected_range(prior, one, sprint.moment.elapsed_ratio, record, level=level)
        record = record.with_sprint(one, sprint, held=low <= sprint.ratio <= high)
    return record


def corrected_range(
    prior: SprintPrior, raw: RawOutcomes, elapsed_ratio: float, record: OwnRecord, *, level: float
) -> tuple[float, float]:
    """The range of delivered / committed that shall hold `level`; `raw` is of shape (1,)."""
    grow = record.widening(prior.misses[prior.nearest(elapsed_ratio)], level) * float(raw.width[0])
    typical = float(raw.typical[0])
    return max(min(float(raw.low[0]) - grow, typical), 0.0), max(float(raw.high[0]) + grow, typical)


def _appended(values: Floats, value: float) -> Floats:
    return np.append(values, float(value))[-MAX_SPRINTS:]
