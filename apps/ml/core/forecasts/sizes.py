"""How large an issue of unknown size may turn out to be, and one size of it for each simulated future."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.ml.core.arrays import Floats
from apps.ml.core.hashing import hashed

#: A distribution is a table of as many equally likely sizes: to a tenth of a percent, and a draw is one small integer.
SLOTS = 1024
#: The shares in the middle of the slots.
SLOT_SHARES: Floats = (np.arange(SLOTS) + 0.5) / SLOTS


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Equally likely sizes of an issue, ascending, shape (SLOTS,)."""

    table: NDArray[np.float32]

    @classmethod
    def of(cls, sizes: Sequence[float] | Floats, weights: Sequence[float] | Floats | None = None) -> "Spread":
        """A spread of sizes with their weights; the weights are equal where none are given.

        Raises
        ------
        ValueError
            Without any size.
        """
        values = np.asarray(sizes, dtype=np.float64)
        if not len(values):
            raise ValueError("A spread needs at least one size.")
        order = np.argsort(values, kind="stable")
        mass = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)[order]
        chosen = np.searchsorted(np.cumsum(mass) / mass.sum(), SLOT_SHARES)
        return cls(values[order][np.minimum(chosen, len(values) - 1)].astype(np.float32))

    def drawn(self, issue_id: str, n_runs: int, *, seed: int, done: float = 0.0) -> NDArray[np.float32]:
        """What is left of an issue in each run, shape (n_runs,).

        Parameters
        ----------
        issue_id : str
            Each issue has a stream of its own: dropping one changes no other's size.
        done : float
            What has gone into it, in the unit of the sizes: it is larger than that, and only the rest is left. An
            issue that has outgrown every known size begins anew.
        """
        gone = np.float32(done)
        rng = np.random.default_rng([seed, 2, hashed(issue_id)])
        slots = rng.integers(0, SLOTS, n_runs, dtype=np.uint16)
        smaller = int(np.searchsorted(self.table, gone, side="right")) if done > 0 else 0
        if smaller in (0, SLOTS):
            left = self.table if smaller else self.table - gone
            return np.take(left, slots)
        rest = self.table[smaller:] - gone
        return np.take(rest, slots.astype(np.uint32) * (SLOTS - smaller) // SLOTS)
