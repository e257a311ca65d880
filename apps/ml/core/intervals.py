"""Ranges and probabilities from past errors: weighted conformal quantiles on the log scale.

A prediction is a centre and a scale, both on the log scale of hours. What was seen of past errors, divided by the scale
promised with each, is one pool of numbers; ranges, the confidence and the mean of the next prediction are read from it.
Recent outcomes weigh more, so that coverage follows a team that changes (Barber et al., Conformal prediction beyond
exchangeability, 2023; Tibshirani et al., Conformal prediction under covariate shift, 2019).
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from apps.ml.core.arrays import Booleans, Floats

#: Outcomes beyond the last 300 tell about another time: the window that held 79 to 80 % where 80 % was promised.
MAX_RECENT_OUTCOMES = 300
#: Errors kept from training: as many as a call can sort in 0.2 ms. The latest 1,000 alone made wider ranges.
MAX_TRAINING_ERRORS = 3_000
#: Recency of the pool: an outcome this many outcomes ago counts half.
HALF_LIFE_OUTCOMES = 150.0
#: With fewer served outcomes than this the errors measured in training still have a say.
TRAINING_ERRORS_WEIGHT = 100.0
#: Totals hang on few large tasks: the training's outcomes stay in, worth up to this many served ones.
TOTALS_TRAINING_WEIGHT = 600.0
#: A mean below half the median would be an artefact of few outcomes.
_SMALLEST_MEAN_FACTOR = 0.5
#: Share of a missed coverage that is made good at once (adaptive conformal inference; Gibbs, Candes 2021) ...
COVERAGE_GAIN = 0.2
#: ... once so many outcomes were seen that their share means something.
COVERAGE_PRIOR_OUTCOMES = 50.0
#: Of trainings whose ranges are right one in ten holds less than this by chance: it is no reason to widen them.
MISS_IN_STANDARD_ERRORS = 1.28
#: Teams drift between an error and the range made from it: on the validation year ranges held half a point too little.
DRIFT_ALLOWANCE = 0.005
#: Sums of weights are rounded: so much less than what is asked for is enough.
ROUNDING = 1e-12
_LEVEL_BOUNDS = (0.02, 0.995)
_EMPTY: Floats = np.zeros(0)


@dataclass(frozen=True, slots=True)
class RecentOutcomes:
    """What came of the last predictions, oldest first; all arrays of shape (n,).

    For each scored prediction: ln(actual / predicted hours), the `log_scale` stored with the estimate, whether the
    actual was inside the range, the estimate's `used_estimate` flag, and the predicted hours (NaN where not given: such
    outcomes correct no totals). More than 300 are cut to the latest.
    """

    log_errors: Floats = field(default_factory=lambda: _EMPTY)
    log_scales: Floats = field(default_factory=lambda: _EMPTY)
    inside: Booleans = field(default_factory=lambda: np.zeros(0, dtype=bool))
    used_estimate: Booleans = field(default_factory=lambda: np.zeros(0, dtype=bool))
    predicted_hours: Floats = field(default_factory=lambda: _EMPTY)

    @classmethod
    def of(
        cls,
        *,
        log_errors: ArrayLike,
        log_scales: ArrayLike,
        inside: ArrayLike,
        used_estimate: ArrayLike,
        predicted_hours: ArrayLike | None = None,
    ) -> "RecentOutcomes":
        """Outcomes from any sequences.

        Raises
        ------
        ValueError
            If the sequences differ in length or a scale is not positive.
        """
        errors, scales = np.asarray(log_errors, dtype=np.float64), np.asarray(log_scales, dtype=np.float64)
        held, used = np.asarray(inside, dtype=bool), np.asarray(used_estimate, dtype=bool)
        hours = (
            np.full(errors.size, np.nan) if predicted_hours is None else np.asarray(predicted_hours, dtype=np.float64)
        )
        if len({errors.size, scales.size, held.size, used.size, hours.size}) != 1:
            raise ValueError("Every outcome needs an error, a scale, and whether it was inside and used an estimate.")
        if scales.size and scales.min() <= 0:
            raise ValueError("A predicted scale is positive; outcomes without one cannot correct a range.")
        return cls(errors, scales, held, used, hours)

    def like(self, *, used_estimate: bool) -> "RecentOutcomes":
        """The latest outcomes of predictions made with (or without) the team's own estimate."""
        keep = np.flatnonzero(self.used_estimate == used_estimate)[-MAX_RECENT_OUTCOMES:]
        return RecentOutcomes(
            self.log_errors[keep],
            self.log_scales[keep],
            self.inside[keep],
            self.used_estimate[keep],
            self.predicted_hours[keep],
        )

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
    #: Number of equally weighted errors that would tell as much.
    effective_size: float

    @classmethod
    def of(cls, values: ArrayLike, weights: ArrayLike | None = None, *, size: float | None = None) -> "ErrorPool":
        """Pool errors; equal weights where none are given, and the effective size of the weights (Kish).

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
        return cls(errors[order], mass, np.cumsum(mass), float(1.0 / (mass @ mass)) if size is None else size)

    def scaled(self, scale: float) -> "ErrorPool":
        """The same errors for an answer with this predicted scale, in its unit."""
        return replace(self, values=self.values * scale)

    @property
    def spread(self) -> float:
        """Root mean square of the errors."""
        return math.sqrt(float(self.weights @ self.values**2))

    def quantile(self, share: float) -> float:
        """Smallest pooled error with at least `share` of the weight at or below it."""
        position = int(np.searchsorted(self.cumulative, min(max(share, 0.0), 1.0) - ROUNDING))
        return float(self.values[min(position, self.values.size - 1)])

    def band(self, level: float) -> tuple[float, float]:
        """Central band that holds `level` of the weight, widened as conformal prediction does for a small pool."""
        tail = (1.0 - level) / 2 - self._small_pool_margin()
        return self.quantile(tail), self.quantile(1.0 - tail)

    def share_within(self, distance: float) -> float:
        """Weight of errors whose size is at most `distance`: a probability for the next one, in (0, 1)."""
        low, high = np.searchsorted(self.values, (-distance - ROUNDING, distance + ROUNDING))
        held = self.cumulative[high - 1] if high else 0.0
        below = self.cumulative[low - 1] if low else 0.0
        # Laplace's rule of succession: a short record can promise neither 0 nor 1.
        size = self.effective_size
        return float((max(held - below, 0.0) * size + 1.0) / (size + 2.0))

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


def missing_coverage(level: float, inside: Booleans) -> float:
    """What to ask for on top of `level`, since the last ranges held too little (below 0: too much); `inside`: (n,)."""
    return made_good(level, float(inside.mean()), inside.size) if inside.size else 0.0


def made_good(level: float, held: float, n: int) -> float:
    """What is made good at once of what n > 0 ranges missed that held a share of `held`."""
    believed = n / (n + COVERAGE_PRIOR_OUTCOMES)
    return COVERAGE_GAIN * believed * (level - held)


def is_missed(level: float, held: float, n: int) -> bool:
    """Whether n > 0 ranges held less than they promise by more than chance."""
    return level - held > MISS_IN_STANDARD_ERRORS * math.sqrt(level * (1.0 - level) / n)


def corrected_level(level: float, recent: RecentOutcomes | None, missed: float = 0.0) -> float:
    """The share to ask of the pool so that `level` is held: more where the last ranges held too little, and back.

    What was `missed` in training counts as long as no served outcome tells better.
    """
    n_served = 0 if recent is None else len(recent)
    missing = missed * COVERAGE_PRIOR_OUTCOMES / (COVERAGE_PRIOR_OUTCOMES + n_served)
    if recent is not None:
        missing += missing_coverage(level, recent.inside)
    return with_drift(level, DRIFT_ALLOWANCE, missing)


def with_drift(level: float, allowance: float, missing: float = 0.0) -> float:
    """`level` and what is `missing`, and more since a team drifts between an error and the range made from it.

    `allowance` is that at a level of .8. Near 1 there is little room: it shrinks with it.
    """
    asked = level + missing + allowance * 4 * level * (1.0 - level) / 0.64
    return min(max(asked, _LEVEL_BOUNDS[0]), _LEVEL_BOUNDS[1])


@dataclass(frozen=True, slots=True)
class Totals:
    """Mean hours per outcome, predicted and actual: by what totals exceed the sum of typical values.

    The ratio of sums, not the mean of ratios (smearing): it answers for the hours of a sprint, where large tasks
    decide. On the validation year it landed at 0.96 of the truth, smearing at 0.82; making it larger for less certain
    predictions was worse.
    """

    actual_hours: float
    predicted_hours: float

    @classmethod
    def of(cls, log_errors: Floats, predicted_hours: Floats) -> "Totals":
        """Means over outcomes; arrays of shape (n,) with n > 0."""
        return cls(float((predicted_hours * np.exp(log_errors)).mean()), float(predicted_hours.mean()))

    @property
    def mean_factor(self) -> float:
        """The mean of a prediction divided by its typical value."""
        return max(self.actual_hours / self.predicted_hours, _SMALLEST_MEAN_FACTOR)


def corrected_totals(training: Totals, recent: RecentOutcomes | None) -> Totals:
    """Training's totals with those of served predictions."""
    if recent is None:
        return training
    known = ~np.isnan(recent.predicted_hours)
    n = int(known.sum())
    if not n:
        return training
    served = Totals.of(recent.log_errors[known], recent.predicted_hours[known])
    share = n / (n + TOTALS_TRAINING_WEIGHT)
    return Totals(
        actual_hours=share * served.actual_hours + (1 - share) * training.actual_hours,
        predicted_hours=share * served.predicted_hours + (1 - share) * training.predicted_hours,
    )


@dataclass(frozen=True, slots=True)
class Corrected:
    """Errors and totals of a head, with what came of its last answers."""

    recent: RecentOutcomes | None
    #: Those of answers like this head's.
    outcomes: RecentOutcomes | None
    errors: ErrorPool
    totals: Totals

    @classmethod
    def by(
        cls, recent: RecentOutcomes | None, errors: ErrorPool, totals: Totals, *, used_estimate: bool
    ) -> "Corrected":
        """What training measured, corrected by the outcomes of either head."""
        outcomes = None if recent is None else recent.like(used_estimate=used_estimate)
        return cls(recent, outcomes, corrected_pool(errors, outcomes), corrected_totals(totals, outcomes))
