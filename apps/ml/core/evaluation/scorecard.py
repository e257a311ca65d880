"""How predictions turned out: errors, ranges and probabilities beside the naive baseline and the team's own estimates.

Errors are in the unit of the prediction, hours of work or story points. A prediction is compared with the baseline that
was known when it was made, on the same outcomes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from apps.ml.core.arrays import Booleans, Floats
from apps.ml.core.evaluation.metrics import expected_calibration_error, rmse

#: Fewer outcomes give an interval that says more than is known. Simulated with log-normal hours, intervals of
#: 95 % held the true skill in 92 % of worlds of 20 outcomes, 94 % of 50, 96 % of 200.
MIN_FOR_INTERVAL = 20
#: Resamples of the bootstrap; at 2,000 the ends of an interval move by less than a percentage point between seeds.
RESAMPLES = 2_000
INTERVAL_LEVEL = 0.95
#: Resampled values held at once: 1.6 MB stay in the processor's cache.
_CHUNK_VALUES = 200_000
#: Two values that agree to this relative difference are equal; guards 'within a factor of two' against rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class ScoredPredictions:
    """Predictions of one kind whose truth is known, oldest outcome first; all arrays of shape (n,).

    NaN says that a prediction came without the number.
    """

    actual: Floats
    predicted: Floats
    #: Ends of the range and the share of outcomes it promised to hold.
    low: Floats
    high: Floats
    level: Floats
    #: Promised probability that the truth lies between `near_low` and `near_high`.
    confidence: Floats
    near_low: Floats
    near_high: Floats
    #: What the naive baseline said at that moment, and what the team estimated.
    baseline: Floats
    team: Floats
    #: Mean pinball loss of the percentiles that were told.
    pinball: Floats

    @classmethod
    def of(cls, *, actual: ArrayLike, predicted: ArrayLike, **others: ArrayLike) -> "ScoredPredictions":
        """Predictions from any sequences; those not given are not known.

        Raises
        ------
        ValueError
            If the sequences differ in length or a truth or prediction is not a number.
        """
        truth, guess = np.asarray(actual, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
        unknown = np.full(truth.shape, np.nan)
        given = {name: np.asarray(values, dtype=np.float64) for name, values in others.items()}
        if any(values.shape != truth.shape for values in (guess, *given.values())):
            raise ValueError("Every scored prediction needs one number of each sort; NaN where there is none.")
        if not (np.isfinite(truth).all() and np.isfinite(guess).all()):
            raise ValueError("A scored prediction has a truth and a predicted value.")
        return cls(**{"actual": truth, "predicted": guess} | {name: given.get(name, unknown) for name in _OPTIONAL})

    def __len__(self) -> int:
        return int(self.actual.size)

    def where(self, chosen: Booleans) -> "ScoredPredictions":
        """Those predictions for which `chosen`, shape (n,), is true."""
        return ScoredPredictions(*(getattr(self, name)[chosen] for name in ("actual", "predicted", *_OPTIONAL)))


_OPTIONAL = ("low", "high", "level", "confidence", "near_low", "near_high", "baseline", "team", "pinball")


@dataclass(frozen=True, slots=True)
class Skill:
    """Errors against those of another answer to the same questions: 1 - error / its error."""

    #: 1 is perfect, 0 as good as the other, negative worse.
    value: float
    #: Interval of `value` at INTERVAL_LEVEL; None below MIN_FOR_INTERVAL outcomes.
    low: float | None
    high: float | None
    #: Outcomes for which both answers exist, and the mean absolute errors on them.
    n: int
    mean_absolute_error: float
    reference_error: float

    @property
    def is_told_apart(self) -> bool:
        """Whether the interval excludes 'no difference'."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True, slots=True)
class RangeScore:
    """Whether ranges held what they promised, over the predictions that had one."""

    n: int
    coverage: float
    #: Mean promised share.
    nominal: float


@dataclass(frozen=True, slots=True)
class ConfidenceScore:
    """Whether stated probabilities came true, over the predictions that stated one."""

    n: int
    #: Mean promised probability, and the share that was near enough.
    promised: float
    came_true: float
    #: Mean squared difference of probability and outcome (0 or 1): 0 is perfect, 0.25 is a coin's.
    brier: float
    #: Mean gap between promise and share over ten bins.
    ece: float


@dataclass(frozen=True, slots=True)
class HitScore:
    """Where among those named the right one was."""

    n: int
    #: Shares of outcomes.
    named_first: float
    among_named: float
    #: Mean of 1 / rank, 0 where it was somebody else.
    mean_reciprocal_rank: float


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of one method; errors in hours, points or days."""

    n: int
    mean_absolute_error: float
    #: Above the mean absolute error by so much more as a few answers are far off.
    root_mean_squared_error: float
    median_absolute_error: float
    #: Mean of predicted - actual: positive where too much was promised.
    bias: float
    #: Geometric mean of predicted / actual over the `n_log` pairs in which both are positive; None without any.
    bias_factor: float | None
    #: Mean of |ln(predicted / actual)| over the same: 0.69 is typically a factor of two.
    mean_absolute_log_ratio: float | None
    n_log: int
    ranges: RangeScore | None
    confidence: ConfidenceScore | None
    #: None where no baseline, or no estimate of the team, was recorded with a prediction, and where it never erred.
    against_baseline: Skill | None
    against_team: Skill | None
    #: Mean pinball loss, over the predictions that told percentiles; None without any.
    pinball: float | None = None
    #: Only where answers are people.
    hits: HitScore | None = None


def score(predictions: ScoredPredictions, *, rng: "np.random.Generator") -> Score:
    """Score predictions.

    Parameters
    ----------
    predictions : ScoredPredictions
        At least one; one an issue, since answers about one issue share their error and would feign certainty.
    rng : Generator
        Of the bootstrap.

    Raises
    ------
    ValueError
        If there are none.
    """
    if not len(predictions):
        raise ValueError("Nothing has been scored.")
    errors = np.abs(predictions.predicted - predictions.actual)
    log_ratios = _log_ratios(predictions)
    return Score(
        n=len(predictions),
        mean_absolute_error=float(errors.mean()),
        root_mean_squared_error=rmse(predictions.actual, predictions.predicted),
        median_absolute_error=float(np.median(errors)),
        bias=float((predictions.predicted - predictions.actual).mean()),
        bias_factor=float(np.exp(log_ratios.mean())) if log_ratios.size else None,
        mean_absolute_log_ratio=float(np.abs(log_ratios).mean()) if log_ratios.size else None,
        n_log=int(log_ratios.size),
        ranges=_range_score(predictions),
        confidence=_confidence_score(predictions),
        against_baseline=skill(errors, np.abs(predictions.baseline - predictions.actual), rng=rng),
        against_team=skill(errors, np.abs(predictions.team - predictions.actual), rng=rng),
        pinball=_mean_or_none(predictions.pinball),
    )


def hit_score(reciprocal_ranks: ArrayLike) -> HitScore:
    """From 1 / rank of who was right among those named, 0 where it was somebody else: shape (n,), n at least 1."""
    ranks = np.asarray(reciprocal_ranks, dtype=np.float64)
    return HitScore(
        n=int(ranks.size),
        named_first=float((ranks == 1.0).mean()),
        among_named=float((ranks > 0.0).mean()),
        mean_reciprocal_rank=float(ranks.mean()),
    )


def _mean_or_none(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None


def team_score(predictions: ScoredPredictions, *, rng: "np.random.Generator") -> Score | None:
    """The team's own estimates, scored as if they were predictions; None where there are none."""
    estimated = predictions.where(~np.isnan(predictions.team))
    if not len(estimated):
        return None
    return score(
        ScoredPredictions.of(actual=estimated.actual, predicted=estimated.team, baseline=estimated.baseline), rng=rng
    )


def skill(errors: Floats, reference_errors: Floats, *, rng: "np.random.Generator") -> Skill | None:
    """Skill against a reference, over the outcomes for which both errors, shape (n,), are known.

    The interval is the percentile bootstrap of the ratio of mean errors, both resampled together.

    Returns
    -------
    skill : Skill or None
        None without a common outcome, and where the reference never erred, since nothing can be compared with that.

    References
    ----------
    B. Efron, R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
    """
    both = ~(np.isnan(errors) | np.isnan(reference_errors))
    own, other = errors[both], reference_errors[both]
    if not own.size or other.sum() == 0:
        return None
    low, high = _skill_interval(own, other, rng) if own.size >= MIN_FOR_INTERVAL else (None, None)
    return Skill(
        value=1.0 - float(own.sum() / other.sum()),
        low=low,
        high=high,
        n=int(own.size),
        mean_absolute_error=float(own.mean()),
        reference_error=float(other.mean()),
    )


def _skill_interval(own: Floats, other: Floats, rng: "np.random.Generator") -> tuple[float | None, float | None]:
    chunk = max(_CHUNK_VALUES // own.size, 1)
    sizes = [min(chunk, RESAMPLES - done) for done in range(0, RESAMPLES, chunk)]
    drawn = np.concatenate([_resampled(own, other, size, rng) for size in sizes])
    tail = (1.0 - INTERVAL_LEVEL) / 2
    # Inverted quantiles stay finite where a resample holds only errorless references.
    low, high = np.quantile(drawn, [tail, 1.0 - tail], method="inverted_cdf")
    return (float(low), float(high)) if np.isfinite([low, high]).all() else (None, None)


def _resampled(own: Floats, other: Floats, n_resamples: int, rng: "np.random.Generator") -> Floats:
    """Skill of `n_resamples` samples with replacement, shape (n_resamples,)."""
    rows = rng.integers(0, own.size, size=(n_resamples, own.size))
    reference = other[rows].sum(axis=1)
    ratio = np.full(n_resamples, np.inf)
    np.divide(own[rows].sum(axis=1), reference, out=ratio, where=reference > 0)
    return 1.0 - ratio


def _log_ratios(predictions: ScoredPredictions) -> Floats:
    positive = (predictions.actual > 0) & (predictions.predicted > 0)
    return np.asarray(np.log(predictions.predicted[positive]) - np.log(predictions.actual[positive]))


def _range_score(predictions: ScoredPredictions) -> RangeScore | None:
    ranged = predictions.where(~np.isnan(predictions.low + predictions.high + predictions.level))
    if not len(ranged):
        return None
    inside = (ranged.actual >= ranged.low) & (ranged.actual <= ranged.high)
    return RangeScore(n=len(ranged), coverage=float(inside.mean()), nominal=float(ranged.level.mean()))


def with_confidence(predictions: ScoredPredictions) -> ScoredPredictions:
    """Those that stated a probability and what it was about."""
    return predictions.where(~np.isnan(predictions.confidence + predictions.near_low + predictions.near_high))


def came_true(predictions: ScoredPredictions) -> Floats:
    """1 where the truth was as near as the stated probability was about, 0 elsewhere; shape (n,)."""
    low, high = predictions.near_low * (1 - _ROUNDING), predictions.near_high * (1 + _ROUNDING)
    return ((predictions.actual >= low) & (predictions.actual <= high)).astype(np.float64)


def _confidence_score(predictions: ScoredPredictions) -> ConfidenceScore | None:
    told = with_confidence(predictions)
    if not len(told):
        return None
    hits = came_true(told)
    return ConfidenceScore(
        n=len(told),
        promised=float(told.confidence.mean()),
        came_true=float(hits.mean()),
        brier=float(np.square(told.confidence - hits).mean()),
        ece=expected_calibration_error(hits, told.confidence),
    )
