"""The table of every method, and what is asked of predicted outcomes of sprints."""

from collections.abc import Callable

import numpy as np

from apps.common.console import table
from apps.ml.benchmarks.acceptance import Criterion, Figures, Goal, Value, at_least, at_most, shown

PERCENTS = ("0", "30", "50", "80")
_COLUMNS = {
    "mae": "MAE",
    "relative_mae": "relative",
    "auc": "AUC",
    "coverage": "holds",
    "median_width": "width",
    "chance_calibration_error": "ECE",
    "calibration_error_by_chance": "(chance)",
    "all_calibration_error": "ECE all",
    "expected_to_delivered": "mean/true",
    "crps": "CRPS",
}
_HOLDS = Goal((0.76, 0.84), (0.77, 0.83))
_CALIBRATED = at_most(None, 0.06)
_TOTALS = Goal(None, (0.95, 1.05))


def _mean(percent: str, key: str) -> Value:
    """Over projects, of what was served when so much of the sprint's days had passed."""

    def value(found: Figures) -> float | None:
        served = [project["served"].get(percent, {}).get(key) for project in found["projects"]]
        known = [one for one in served if one is not None]
        return round(float(np.mean(known)), 4) if known else None

    return value


def _criteria(measure: str, key: str, goals: Callable[[int], tuple[Goal, Goal]]) -> list[Criterion]:
    return [
        Criterion(f"{measure}, after {percent} % of the days", _mean(percent, key), *goals(index))
        for index, percent in enumerate(PERCENTS)
    ]


_OPEN_ERROR, _UNSEEN_ERROR, _STRETCH_ERROR = (0.98, 1.0, 0.96, 0.90), (0.98, 0.97, 0.97, 0.92), (0.90, 0.88, 0.85, 0.80)
_UNSEEN_AUC, _STRETCH_AUC = (0.68, 0.69, 0.68, 0.74), (0.74, 0.75, 0.76, 0.80)
CRITERIA = (
    *_criteria(
        "error / that of committed x ratio",
        "relative_mae",
        lambda index: (
            at_most(_OPEN_ERROR[index], _STRETCH_ERROR[index]),
            at_most(_UNSEEN_ERROR[index], _STRETCH_ERROR[index]),
        ),
    ),
    # Whether a sprint delivers is asked of unseen projects only.
    *_criteria(
        "AUC of delivering",
        "auc",
        lambda index: (at_least(None, _STRETCH_AUC[index]), at_least(_UNSEEN_AUC[index], _STRETCH_AUC[index])),
    ),
    *_criteria("80 % range holds", "coverage", lambda index: (_HOLDS, _HOLDS)),
    *_criteria("calibration error of delivering", "chance_calibration_error", lambda index: (_CALIBRATED, _CALIBRATED)),
    *_criteria("sum of expected / delivered", "expected_to_delivered", lambda index: (_TOTALS, _TOTALS)),
)


def methods(project: Figures) -> list[str]:
    """One line a moment and method."""
    rows = [
        (f"{percent} %  {name}", *(shown(row.get(key), ".3f") for key in _COLUMNS))
        for percent, served in project["served"].items()
        for name, row in {"served": served, **project["baselines"][percent]}.items()
    ]
    return table((project["project"], *_COLUMNS.values()), rows)
