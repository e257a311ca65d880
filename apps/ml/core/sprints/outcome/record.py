"""A team's own past sprints as the prior saw them: what the chances for the next one are mixed with."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.intervals import recency_weights
from apps.ml.core.sprints.outcome.distribution import LEVELS, OutcomeDistribution, levels_reached
from apps.ml.core.sprints.outcome.moment import PastSprint, SprintMoment
from apps.ml.core.sprints.outcome.prior import SprintTeacher

_NONE: Floats = np.zeros(0)
_NO_LEVELS: Floats = np.zeros((0, len(LEVELS)))
#: Older sprints tell of another team.
MAX_SPRINTS = 300
#: A sprint so many sprints ago counts half.
HALF_LIFE_SPRINTS = 60.0
#: A sprint of e times the size, or of its e-th part, counts by exp(-1 / this): large scopes fall shorter.
SIZE_WIDTH = 0.5
#: The prior counts as so many of the team's own sprints.
PRIOR_SPRINTS = 30.0
#: Information, in units of p(1 - p), that the team's own levels must outweigh to move all chances.
SHIFT_PRIOR_INFORMATION = 5.0
#: What each range that held too much or too little moves the share asked for (adaptive conformal inference).
COVERAGE_STEP = 0.07
_LEVEL_BOUNDS = (0.3, 0.98)
_SMALLEST_CHANCE = 1e-6


@dataclass(frozen=True, slots=True)
class OwnRecord:
    """Past sprints, oldest first, each at the matching share of its days."""

    #: The prior's chances, and whether each level was reached: shape (n, n_levels).
    chances: Floats = field(default_factory=lambda: _NO_LEVELS)
    reached: Floats = field(default_factory=lambda: _NO_LEVELS)
    #: The scope of each, and whether the range it would have been given held: shape (n,).
    scope_points: Floats = field(default_factory=lambda: _NONE)
    held: Floats = field(default_factory=lambda: _NONE)

    def __len__(self) -> int:
        return int(self.held.size)

    @property
    def held_share(self) -> float | None:
        """Share of the team's own sprints inside the range that they would have been given; None without any."""
        return float(self.held.mean()) if len(self) else None

    def asked_level(self, level: float) -> float:
        """The share that the next range is made to hold so that `level` of all are held in the long run."""
        missing = COVERAGE_STEP * float((level - self.held).sum())
        return float(np.clip(level + missing, *_LEVEL_BOUNDS))

    def mixed(self, chances: Floats, scope_points: float) -> Floats:
        """The prior's chances of a sprint, shape (n_levels,), moved by and mixed with the team's own sprints.

        First all log odds move by one Newton step towards what the team's own sprints reached, then the sprints
        themselves speak beside the prior, recent ones and those of a like size more.
        """
        if not len(self):
            return chances
        weights = self._weights(scope_points)
        own = weights @ self.reached
        moved = _moved(chances, self._shift(weights))
        mixture = (PRIOR_SPRINTS * moved + own) / (PRIOR_SPRINTS + weights.sum())
        return np.asarray(np.minimum.accumulate(mixture))

    def distribution(self, chances: Floats, moment: SprintMoment) -> OutcomeDistribution:
        """What will be delivered at the end of a sprint of which the prior says `chances`."""
        if moment.is_over:
            return OutcomeDistribution.settled(moment.done_share)
        return OutcomeDistribution.of_levels(self.mixed(chances, moment.scope_points), moment.done_share)

    def with_sprint(self, chances: Floats, sprint: PastSprint, *, held: bool) -> "OwnRecord":
        """The record after one more sprint has ended."""
        reached = levels_reached(np.array([sprint.ratio]), np.array([sprint.moment.done_share]))
        return OwnRecord(
            chances=np.vstack([self.chances, chances])[-MAX_SPRINTS:],
            reached=np.vstack([self.reached, reached])[-MAX_SPRINTS:],
            scope_points=np.append(self.scope_points, sprint.scope_points)[-MAX_SPRINTS:],
            held=np.append(self.held, float(held))[-MAX_SPRINTS:],
        )

    def _weights(self, scope_points: float) -> Floats:
        sizes_apart = np.abs(np.log(self.scope_points / scope_points))
        return np.asarray(recency_weights(len(self), half_life=HALF_LIFE_SPRINTS) * np.exp(-sizes_apart / SIZE_WIDTH))

    def _shift(self, weights: Floats) -> float:
        information = float(weights @ (self.chances * (1.0 - self.chances)).mean(axis=1))
        surplus = float(weights @ (self.reached - self.chances).mean(axis=1))
        return surplus / (information + SHIFT_PRIOR_INFORMATION)


def own_record(prior: SprintTeacher, sprints: Sequence[PastSprint], *, level: float) -> OwnRecord:
    """Replay a team's past sprints, oldest first, each with only what came before it as its past and record."""
    record, known = OwnRecord(), sprints[-MAX_SPRINTS:]
    chances = prior.chances([sprint.moment for sprint in known])
    for said, sprint in zip(chances, known, strict=True):
        low, high = record.distribution(said, sprint.moment).range(record.asked_level(level))
        record = record.with_sprint(said, sprint, held=holds(low, high, sprint))
    return record


def holds(low: float, high: float, sprint: PastSprint) -> bool:
    """Whether a range of shares held what a sprint delivered; what was reopened afterwards lies below it."""
    return low - 1e-9 <= sprint.ratio <= high + 1e-9


def _moved(chances: Floats, shift: float) -> Floats:
    bounded = np.clip(chances, _SMALLEST_CHANCE, 1.0 - _SMALLEST_CHANCE)
    return np.asarray(1.0 / (1.0 + np.exp(-(np.log(bounded / (1.0 - bounded)) + shift))))
