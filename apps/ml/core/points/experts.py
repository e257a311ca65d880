"""The experts: linear models of the survival function that forget at different speeds, and text-blind short memories.

Every expert is an intercept and a coefficient matrix over the same features, so any mixture of them is one as well:
that is what folds a dozen models into a single product when serving.
"""

from dataclasses import dataclass, replace

import numpy as np

from apps.ml.core.arrays import Floats, Integers
from apps.ml.core.points.ridge import ForgettingRidge

#: Half-life in issues and relative ridge penalty of the experts over all features; the last is for teams whose text,
#: issue type or component tells more than text usually does.
RIDGES = ((50.0, 1.0), (100.0, 1.0), (200.0, 1.0), (400.0, 1.0), (800.0, 1.0), (3000.0, 1.0), (400.0, 0.1))
#: Half-lives of the pooled experts: the team's recent marginal, moved by the prior's score alone.
POOLED_HALF_LIVES = (50.0, 200.0)
#: Half-lives of the text-blind experts.
MARGINAL_HALF_LIVES = (15.0, 50.0, 200.0, 3000.0)
#: Ridge penalty in effective issues; validation is flat from 300 to 1,200.
ALPHA = 600.0
#: The prior's score was learned on thousands of issues, so it is hardly shrunk; text features more than word topics.
PRIOR_PENALTY, SHAPE_PENALTY, TOPIC_PENALTY = 0.03, 3.0, 0.5


@dataclass(frozen=True, slots=True)
class Linear:
    """Survival at the thresholds as a linear function of the features."""

    #: shape (n_thresholds,)
    intercept: Floats
    #: shape (n_features, n_thresholds); the first feature is the prior's score.
    coefficients: Floats
    #: What the expert says of its average issue, shape (n_thresholds,): the part that recent points move.
    level: Floats
    #: Effective number of issues behind the level.
    total: float

    def survival(self, Z: Floats) -> Floats:
        """Survival values, not yet proper, shape (n, n_thresholds)."""
        return self.intercept + Z @ self.coefficients


def expert_names() -> tuple[str, ...]:
    """Names of the experts, in the order of `Panel.linears`."""
    return (
        *(f"text, half-life {half_life:g}, penalty {ALPHA * factor:g}" for half_life, factor in RIDGES),
        *(f"prior, half-life {each:g}" for each in POOLED_HALF_LIVES),
        *(f"recent, half-life {each:g}" for each in MARGINAL_HALF_LIVES),
    )


#: Half-life of each expert, in the order of `Panel.linears`; the last ones are blind to the text.
HALF_LIVES = (*(half_life for half_life, _ in RIDGES), *POOLED_HALF_LIVES, *MARGINAL_HALF_LIVES)
#: An expert that forgets within half the time until the next training speaks of a time long gone when it is asked.
HALF_LIVES_PER_HORIZON = 0.5
#: However long the horizon, these memories are long enough to be heard.
_ALWAYS_HEARD = 400.0


def active_experts(horizon: int) -> Integers:
    """Which experts remember long enough to answer for `horizon` issues without learning anew."""
    return np.flatnonzero(np.array(HALF_LIVES) >= min(HALF_LIVES_PER_HORIZON * horizon, _ALWAYS_HEARD))


def text_blind(experts: Integers) -> Integers:
    """Those of the experts that do not read the text."""
    return experts[experts >= len(HALF_LIVES) - len(MARGINAL_HALF_LIVES)]


def penalties(n_shape: int, n_topics: int) -> Floats:
    """Penalty of the prior's score, the text features and the word topics; shape (1 + n_shape + n_topics,)."""
    return ALPHA * np.repeat([PRIOR_PENALTY, SHAPE_PENALTY, TOPIC_PENALTY], [1, n_shape, n_topics])


class Panel:
    """All experts of a team, learning together block by block."""

    def __init__(self, *, penalty: Floats, n_thresholds: int, slope: float) -> None:
        self._slope = slope
        self._ridges = [ForgettingRidge(half_life, factor * penalty, n_thresholds) for half_life, factor in RIDGES]
        # The others need no more than the sums of the prior's score.
        thin = np.ones(1)
        self._pooled = [ForgettingRidge(each, thin, n_thresholds) for each in POOLED_HALF_LIVES]
        self._marginals = [ForgettingRidge(each, thin, n_thresholds) for each in MARGINAL_HALF_LIVES]
        self._n_features = len(penalty)

    def update(self, Z: Floats, Y: Floats) -> None:
        """Let every expert learn a block, oldest row first."""
        for ridge in self._ridges:
            ridge.update(Z, Y)
        for narrow in (*self._pooled, *self._marginals):
            narrow.update(Z[:, :1], Y)

    def linears(self) -> list[Linear]:
        """What each expert says now, in the order of `expert_names`."""
        wide = [Linear(*ridge.solve(), ridge.level, ridge.total) for ridge in self._ridges]
        pooled = [self._pooled_linear(sums) for sums in self._pooled]
        return [*wide, *pooled, *(self._constant(sums) for sums in self._marginals)]

    def _constant(self, sums: ForgettingRidge) -> Linear:
        return Linear(sums.level, np.zeros((self._n_features, len(sums.level))), sums.level, sums.total)

    def _pooled_linear(self, sums: ForgettingRidge) -> Linear:
        """The pooled logistic slope, linearised at the team's own marginal."""
        flat, mean_score = self._constant(sums), float(sums.feature_sum[0]) / sums.total
        flat.coefficients[0] = self._slope * sums.level * (1.0 - sums.level)
        return replace(flat, intercept=sums.level - mean_score * flat.coefficients[0])
