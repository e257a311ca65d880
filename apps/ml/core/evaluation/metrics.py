"""How good predictions were: errors, ranges and probabilities, always on data the model had not seen."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from apps.ml.core.arrays import Booleans, Floats

T = TypeVar("T")
#: Two hours that agree to this many log units are equal; guards 'within a factor of two' against rounding.
_ROUNDING = 1e-9


def chronological_split(items: Sequence[T], *, test_share: float = 0.2) -> tuple[list[T], list[T]]:
    """Split items that are in time order into an earlier and a later part; at least one item is kept for each.

    Raises
    ------
    ValueError
        If there are fewer than two items.
    """
    if len(items) < 2:
        raise ValueError("A split needs at least two items.")
    cut = min(max(round(len(items) * (1 - test_share)), 1), len(items) - 1)
    return list(items[:cut]), list(items[cut:])


def _pair(actual: ArrayLike, predicted: ArrayLike) -> tuple[Floats, Floats]:
    truth, guess = np.asarray(actual, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if truth.shape != guess.shape or truth.size == 0:
        raise ValueError(f"Need as many predictions as outcomes and at least one: {guess.shape} against {truth.shape}.")
    return truth, guess


def mae(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Mean absolute error, in the unit of the outcome."""
    truth, guess = _pair(actual, predicted)
    return float(np.abs(guess - truth).mean())


def rmse(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Root mean squared error, in the unit of the outcome."""
    truth, guess = _pair(actual, predicted)
    return float(np.sqrt(np.square(guess - truth).mean()))


def r2(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Share of variance explained; 0.0 where the outcomes do not vary, since nothing could be explained.

    On raw hours it is near zero for every method without an estimate: reported because it is asked for, never a gate.
    """
    truth, guess = _pair(actual, predicted)
    spread = float(np.square(truth - truth.mean()).sum())
    return 1.0 - float(np.square(guess - truth).sum()) / spread if spread > 0 else 0.0


def log_errors(actual_hours: ArrayLike, predicted_hours: ArrayLike) -> Floats:
    """Natural log of actual over predicted, shape (n,); positive where the work took longer.

    Raises
    ------
    ValueError
        If any hours are not positive.
    """
    truth, guess = _pair(actual_hours, predicted_hours)
    if (truth <= 0).any() or (guess <= 0).any():
        raise ValueError("Hours must be positive to be compared by their ratio.")
    return np.asarray(np.log(truth) - np.log(guess))


def malr(actual_hours: ArrayLike, predicted_hours: ArrayLike) -> float:
    """Mean absolute log ratio: 0.69 means typically off by a factor of two. Hours are log-normal, so we steer by it."""
    return float(np.abs(log_errors(actual_hours, predicted_hours)).mean())


def rmae(actual: ArrayLike, predicted: ArrayLike, *, reference: float) -> float:
    """Error relative to always answering `reference` (usually the training median); below 1 is better than that."""
    truth, _ = _pair(actual, predicted)
    return mae(actual, predicted) / mae(truth, np.full(truth.shape, reference))


def within_factor(actual_hours: ArrayLike, predicted_hours: ArrayLike, *, factor: float = 2.0) -> Booleans:
    """Whether the truth lies within `factor` of the prediction, either way, shape (n,)."""
    return np.asarray(np.abs(log_errors(actual_hours, predicted_hours)) <= np.log(factor) + _ROUNDING)


def coverage(actual: ArrayLike, low: ArrayLike, high: ArrayLike) -> float:
    """Share of outcomes inside their ranges, ends included."""
    truth, bottom = _pair(actual, low)
    return float(((truth >= bottom) & (truth <= np.asarray(high))).mean())


def log_width(low: ArrayLike, high: ArrayLike) -> float:
    """Mean of ln(high / low): the width of ranges whose unit is a factor."""
    bottom, top = _pair(low, high)
    return float(np.log(top / bottom).mean())


def log_interval_score(actual: ArrayLike, low: ArrayLike, high: ArrayLike, *, level: float = 0.8) -> float:
    """Mean log width of ranges plus what outcomes lie outside, times 2 / (1 - level): least for the true quantiles.

    References
    ----------
    Gneiting, Raftery: Strictly proper scoring rules, prediction, and estimation (2007), section 6.2.
    """
    truth, lows, highs = (np.log(np.asarray(each, dtype=np.float64)) for each in (actual, low, high))
    outside = np.maximum(lows - truth, 0.0) + np.maximum(truth - highs, 0.0)
    return float((highs - lows + 2.0 / (1.0 - level) * outside).mean())


def expected_calibration_error(hit: ArrayLike, probability: ArrayLike, *, n_bins: int = 10) -> float:
    """Mean gap between promised probability and share of hits over bins of equal width, weighted by their size."""
    hits, promised = _pair(hit, probability)
    bins = np.minimum((promised * n_bins).astype(np.intp), n_bins - 1)
    gap = np.bincount(bins, weights=promised - hits, minlength=n_bins)
    return float(np.abs(gap).sum() / hits.size)


def grouped_calibration_error(hit: ArrayLike, probability: ArrayLike, *, n_groups: int = 10) -> float:
    """The same over groups of equal size, in the order of the probability, of which none is empty."""
    hits, promised = _pair(hit, probability)
    groups = [rows for rows in np.array_split(np.argsort(promised, kind="stable"), n_groups) if rows.size]
    gaps = [rows.size * abs(float(promised[rows].mean() - hits[rows].mean())) for rows in groups]
    return sum(gaps) / hits.size


def thirds_spread(hit: ArrayLike, probability: ArrayLike) -> float:
    """Share of hits in the most confident third minus that in the least confident: what the confidence tells apart."""
    hits, promised = _pair(hit, probability)
    ordered = hits[np.argsort(promised, kind="stable")]
    third = max(ordered.size // 3, 1)
    return float(ordered[-third:].mean() - ordered[:third].mean())
