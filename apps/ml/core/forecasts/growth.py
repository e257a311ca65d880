"""Growth of a scope, drawn for the runs of a simulation."""

from collections.abc import Sequence

import numpy as np

from apps.ml.core.arrays import Floats


def drawn_growth(shares: Sequence[float], n_runs: int, *, seed: int) -> float | Floats:
    """One of the shares for each run, the same for every question; 0 without any."""
    if not shares:
        return 0.0
    rng = np.random.default_rng([seed, 4])
    return np.take(np.asarray(shares, dtype=np.float64), rng.integers(0, len(shares), n_runs))
