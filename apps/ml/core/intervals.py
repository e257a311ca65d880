"""Ranges and probabilities from past errors: weighted conformal quantiles on the log scale.

A prediction is a centre and a scale, both on the log scale of hours. What was seen of past errors, divided by the scale
promised with each, is one pool of numbers; ranges, the confidence and the mean of the next prediction are read from it.
Recent outcomes weigh more, so that coverage follows a team that changes (Barber et al., Conformal prediction beyond
exchangeability, 2023; Tibshirani et al., Conformal prediction under covariate shift, 2019).
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
#: Outcomes beyond the last 300 tell about another time: the window that held 79 to 80 % where 80 % was promised.
MAX_RECENT_OUTCOMES = 300
#: Recency of the pool: an outcome this many outcomes ago counts half.
HALF_LIFE_OUTCOMES = 150.0
#: With fewer served outcomes than this the errors measured in training still have a say.
TRAINING_ERRORS_WEIGHT = 40.0
#: The mean of exp(error) hangs on its largest values; beyond 4 scales one outcome would move every total.
_LARGEST_STANDARD_ERROR = 4.0
_EMPTY: Floats = np.zeros(0)


@dataclass(frozen=True, slots=True)
class RecentOutcomes:
    """What came of the last predictions, oldest first; all arrays of shape (n,).

    For each scored prediction: ln(actual / predicted hours), the `log_scale` stored with the estimate, whether the
    actual was inside the range, and the estimate's `used_estimate` flag. More than 300 are cut to the latest.
    """

    log_errors: Floats = field(default_factory=lambda: _EMPTY)
    log_scales: Floats = field(default_factory=lambda: _EMPTY)
    inside: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    used_estimate: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))

    @classmethod
    def of(
        cls, *, log_errors: ArrayLike, log_scales: ArrayLike, inside: ArrayLike, used_estimate: ArrayLike
    ) -> "RecentOutcomes":
        """Outcomes from any sequences.

        Raises
        ------
        ValueError
            If the sequences differ in length or a scale is not positive.
        """
        errors, scales = np.asarray(log_errors, dtype=np.float64), np.asarray(log_scales, dtype=np.float64)
        held, used = np.asarray(inside, dtype=bool), np.asarray(used_estimate, dtype=bool)
        if len({errors.size, scales.size, held.size, used.size}) != 1:
            raise ValueError("Every outcome needs an error, a scale, and whether it was inside and used an estimate.")
        if scales.size and scales.min() <= 0:
            raise ValueError("A predicted scale is positive; outcomes without one cannot correct a range.")
        return cls(errors, scales, held, used)

    def like(self, *, used_estimate: bool) -> "RecentOutcomes":
        """The latest outcomes of predictions made with (or without) the team's own estimate."""
        keep = np.flatnonzero(self.used_estimate == used_estimate)[-MAX_RECENT_OUTCOMES:]
        return RecentOutcomes(self.log_errors[keep], self.log_scales[keep], self.inside[keep], self.used_estimate[keep])

    def __len__(self) -> int:
        return int(self.log_errors.size)

    @property
    def measured_coverage(self) -> float | None:
        """Share of these outcomes inside their ranges; None where there are none."""
        return float(self.inside.mean()) if len(self) else None


@dataclass(frozen=True, slots=True)
class ErrorPool:
    """Past errors in units of the predicted scale, sorted, with weights that sum to 1; both of shape (n,)."""

    values: Floats
    weights: Floats
    cumulative: Floats

    @classmethod
    def of(cls, values: ArrayLike, weights: ArrayLike | None = None) -> "ErrorPool":
        """Pool errors; equal weights where none are given.

        Raises
        ------
        ValueError
            If there is no error: nothing is known then, and the caller must say so.
        """
        errors = np.asarray(values, dtype=np.float64)
        if errors.size == 0:
            raise ValueError("A range needs at least one past error.")
        mass = np.ones(errors.size) if weights is None else np.asarray(weights, dtype=np.float64)
        order = np.argsort(errors, kind="stable")
        mass = mass[order] / mass.sum()
        return cls(errors[order], mass, np.cumsum(mass))

    def quantile(self, share: float) -> float:
        """Smallest pooled error with at least `share` of the weight at or below it."""
        position = int(np.searchsorted(self.cumulative, min(max(share, 0.0), 1.0) - 1e-12))
        return float(self.values[min(position, self.values.size - 1)])

    def band(self, level: float) -> tuple[float, float]:
        """Central band that holds `level` of the weight, widened as conformal prediction does for a small pool."""
        tail = (1.0 - level) / 2 - self._small_pool_margin()
        return self.quantile(tail), self.quantile(1.0 - tail)

    def share_within(self, distance: float) -> float:
        """Weight of errors whose size is at most `distance`: a probability for the next one, in (0, 1)."""
        low, high = np.searchsorted(self.values, (-distance - 1e-12, distance + 1e-12))
        held = self.cumulative[high - 1] if high else 0.0
        below = self.cumulative[low - 1] if low else 0.0
        # Laplace's rule of succession: a short record can promise neither 0 nor 1.
        size = self.effective_size
        return float((max(held - below, 0.0) * size + 1.0) / (size + 2.0))

    def mean_factor(self, scale: float) -> float:
        """Mean of exp(scale x error): by what the mean exceeds the centre (smearing; Duan, JASA 1983)."""
        return float(self.weights @ np.exp(scale * np.minimum(self.values, _LARGEST_STANDARD_ERROR)))

    @property
    def effective_size(self) -> float:
        """Number of equally weighted errors that would tell as much (Kish)."""
        return float(1.0 / (self.weights @ self.weights))

    def _small_pool_margin(self) -> float:
        # Split conformal asks for the ceil((n + 1) q)-th of n errors: half a rank a side.
        return 0.5 / (self.effective_size + 1.0)


def recency_weights(n: int, *, half_life: float = HALF_LIFE_OUTCOMES) -> Floats:
    """Weights of n outcomes in time order, the last one 1, shape (n,)."""
    return np.asarray(0.5 ** (np.arange(n - 1, -1, -1) / half_life))


def corrected_pool(training: ErrorPool, recent: RecentOutcomes | None) -> ErrorPool:
    """The pool of training errors, moved over to what was measured on served predictions as they come in."""
    if recent is None or not len(recent):
        return training
    served = recent.log_errors / recent.log_scales
    return ErrorPool.of(
        np.concatenate([training.values, served]),
        np.concatenate([training.weights * TRAINING_ERRORS_WEIGHT, recency_weights(served.size)]),
    )
