"""Score what was served: the inner objects of the benchmark's JSON."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.effort.replay import ReplayedIssue, Timings
from apps.ml.core.evaluation import metrics as evaluation
from apps.ml.core.results import EffortEstimate

Scores = dict[str, float | int | None]
#: Outcomes that set the range of a baseline, as many as correct that of the model.
_RANGE_WINDOW = 300
_ENOUGH_FOR_A_RANGE = 50
#: The seed's range, by decree.
_SEED_RANGE = (0.7, 1.3)
_SMALLEST_HOURS = 0.05


@dataclass(frozen=True, slots=True)
class Test:
    """The test part: truth and time, shape (n,), and the median hours known before it."""

    served: Sequence[ReplayedIssue]
    hours: Floats
    train_median: float


def score_estimates(test: Test, estimates: Sequence[EffortEstimate | None], timings: Timings) -> Scores:
    """Errors, range, confidence and totals of served estimates."""
    pairs = [(h, e, s) for h, e, s in zip(test.hours, estimates, test.served, strict=True) if e is not None]
    if not pairs:
        return {"n": 0}
    hours, answers = np.array([h for h, _, _ in pairs]), np.array([e.predicted_hours for _, e, _ in pairs])
    low, high = np.array([(e.interval.low, e.interval.high) for _, e, _ in pairs]).T
    confidence = np.array([e.confidence for _, e, _ in pairs])
    hits = evaluation.within_factor(hours, answers)
    expected = np.array([e.expected_hours for _, e, _ in pairs])
    months = [f"{s.issue.known_at:%Y-%m}" for _, _, s in pairs]
    return {
        **_errors(hours, answers, test.train_median),
        "coverage": evaluation.coverage(hours, low, high),
        "width": evaluation.log_width(low, high),
        "ece": evaluation.expected_calibration_error(hits, confidence),
        "confidence_thirds_spread": evaluation.thirds_spread(hits, confidence),
        "month_total_ratio": float(expected.sum() / hours.sum()),
        "month_total_ratio_median": _median_month_ratio(months, expected, hours),
        "model_share": float(np.mean([e.method == "ml_model" for _, e, _ in pairs])),
        **_times(timings),
    }


def _errors(hours: Floats, answers: Floats, train_median: float) -> Scores:
    return {
        "n": int(hours.size),
        "mae": evaluation.mae(hours, answers),
        "rmae": evaluation.rmae(hours, answers, reference=train_median),
        "malr": evaluation.malr(hours, answers),
        "rmse": evaluation.rmse(hours, answers),
        "within_2x": float(evaluation.within_factor(hours, answers).mean()),
    }


def _times(timings: Timings) -> Scores:
    p50, p95 = np.percentile(timings.predict, [50, 95]) * 1e3
    return {
        "fit_seconds": float(np.mean(timings.fit)),
        "refit_seconds": float(np.mean(timings.refit)) if timings.refit else None,
        "predict_ms_p50": float(p50),
        "predict_ms_p95": float(p95),
    }


def _median_month_ratio(months: Sequence[str], expected: Floats, hours: Floats) -> float:
    names, owner = np.unique(months, return_inverse=True)
    totals = [np.bincount(owner, weights=values, minlength=names.size) for values in (expected, hours)]
    return float(np.median(totals[0] / totals[1]))


def score_baseline(test: Test, name: str, past_errors: Floats) -> Scores:
    """Errors of a baseline, with the range its own past errors give it.

    Parameters
    ----------
    past_errors : ndarray
        Log errors known before the test, which set the range until the baseline's own outcomes can.
    """
    rows = [row for row, served in enumerate(test.served) if served.baselines.get(name)]
    if not rows:
        return {"n": 0}
    answers = np.maximum([test.served[row].baselines[name] or np.nan for row in rows], _SMALLEST_HOURS)
    hours = test.hours[rows]
    low, high = _baseline_ranges(test, name, rows, answers, past_errors)
    return {
        **_errors(hours, answers, test.train_median),
        "coverage": evaluation.coverage(hours, low, high),
        "width": evaluation.log_width(low, high),
        "ece": None,
        "month_total_ratio": float(answers.sum() / hours.sum()),
    }


def _baseline_ranges(
    test: Test, name: str, rows: Sequence[int], answers: Floats, past_errors: Floats
) -> tuple[Floats, Floats]:
    if name == "seed_trees":
        return answers * _SEED_RANGE[0], answers * _SEED_RANGE[1]
    errors = evaluation.log_errors(test.hours[list(rows)], answers)
    months = np.array([f"{test.served[row].issue.known_at:%Y-%m}" for row in rows])
    done = np.array([f"{test.served[row].issue.completed_at:%Y-%m}" for row in rows])
    bounds = np.empty((len(rows), 2))
    for month in np.unique(months):
        own = errors[done < month][-_RANGE_WINDOW:]
        known = own if own.size >= _ENOUGH_FOR_A_RANGE else past_errors[-_RANGE_WINDOW:]
        bounds[months == month] = np.quantile(known, [0.1, 0.9])
    return answers * np.exp(bounds[:, 0]), answers * np.exp(bounds[:, 1])
