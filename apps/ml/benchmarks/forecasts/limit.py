"""How soon a change of speed can be told at all: by a running sum that knows both speeds and how weeks scatter.

No rule with as few false alarms is faster (Moustakides 1986): what the product's sum, which knows neither, leaves of
this is its own; what this leaves is nobody's.
"""

from typing import Any

import numpy as np
from scipy.special import gammaln

from apps.ml.benchmarks.forecasts.shifts import LATER_WEEKS, TEAMS
from apps.ml.core.arrays import Floats
from apps.ml.core.forecasts.change import SLOWER

#: One false alarm in four years, looked at each week: so long a steady stretch has none with probability 1 / e.
BUDGET_WEEKS = 208
STEADY_WEEKS, N_TEAMS = 60, 2_000


def limits() -> dict[str, Any]:
    """By kind of team, the share told within `LATER_WEEKS` of a fall to `SLOWER`, in percent."""
    return {name: _found(mean, shape) for name, (mean, shape) in TEAMS.items()}


def _found(mean: float, shape: float) -> dict[str, float]:
    rng = np.random.default_rng(3)

    def evidence(speed: float, n: int) -> Floats:
        rate = speed * mean * rng.gamma(shape, 1 / shape, (N_TEAMS, n))
        counts = rng.poisson(rate).astype(np.float64)
        ratio = _log_chance(counts, SLOWER * mean, shape) - _log_chance(counts, mean, shape)
        return np.asarray(ratio, dtype=np.float64)

    level = float(np.quantile(_sums(evidence(1.0, BUDGET_WEEKS)).max(axis=1), np.exp(-1.0)))
    told = _sums(np.hstack([evidence(1.0, STEADY_WEEKS), evidence(SLOWER, max(LATER_WEEKS))]))[:, STEADY_WEEKS:]
    return {str(n): round(100 * float(np.mean(told[:, :n].max(axis=1) > level)), 1) for n in LATER_WEEKS}


def _log_chance(counts: Floats, mean: float, shape: float) -> Floats:
    """Of counts whose rate has a gamma distribution: negative binomial."""
    share = shape / (shape + mean)
    return np.asarray(
        gammaln(counts + shape) - gammaln(shape) - gammaln(counts + 1.0)
        + shape * np.log(share) + counts * np.log1p(-share),
        dtype=np.float64,
    )  # fmt: skip


def _sums(evidence: Floats) -> Floats:
    sums, last = np.zeros_like(evidence), np.zeros(len(evidence))
    for week in range(evidence.shape[1]):
        last = np.maximum(0.0, last + evidence[:, week])
        sums[:, week] = last
    return sums
