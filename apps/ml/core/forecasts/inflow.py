"""What comes in while work is done: new issues, by the weeks in which some were created, and growth of a scope."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from apps.ml.core.arrays import Floats
from apps.ml.core.forecasts.level import recency_weights
from apps.ml.core.forecasts.simulation import CHUNK_WEEKS, SEED, SLOTS, slot_table


class Inflow:
    """All runs of what comes in: recent weeks are drawn more often, as those of the output are.

    Parameters
    ----------
    weekly : sequence of float
        Issues created in each past week, oldest first, at least one week.
    issue_size : float
        Mean size of an issue in the unit of the forecast.
    """

    def __init__(self, weekly: Sequence[float], *, issue_size: float, n_runs: int, seed: int = SEED):
        past, weights = np.asarray(weekly, dtype=np.float64) * issue_size, recency_weights(len(weekly))
        #: What comes in a week on average, in the unit of the forecast.
        self.weekly_mean = float(weights @ past)
        self.n_runs = n_runs
        self._slots = slot_table(past, weights)
        self._draws = np.random.default_rng([seed, 3])
        self._chunks: list[NDArray[np.float32]] = []

    def totals(self, number: int) -> NDArray[np.float32]:
        """Sums at the ends of the weeks of one chunk: shape (CHUNK_WEEKS, n_runs)."""
        while len(self._chunks) <= number:
            drawn = self._draws.integers(0, SLOTS, size=(CHUNK_WEEKS, self.n_runs), dtype=np.uint16)
            amounts = np.take(self._slots, drawn)
            if self._chunks:
                amounts[0] += self._chunks[-1][-1]
            self._chunks.append(np.cumsum(amounts, axis=0, out=amounts))
        return self._chunks[number]


def drawn_growth(shares: Sequence[float], n_runs: int, *, seed: int) -> float | Floats:
    """Growth of a scope: one of the shares for each run, the same for every question; 0 without any."""
    if not shares:
        return 0.0
    rng = np.random.default_rng([seed, 4])
    return np.take(np.asarray(shares, dtype=np.float64), rng.integers(0, len(shares), n_runs))
