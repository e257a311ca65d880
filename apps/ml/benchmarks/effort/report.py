"""The table of every method, and what is asked of predicted hours."""

from collections.abc import Callable

from apps.common.console import table
from apps.ml.benchmarks.acceptance import Criterion, Figures, Goal, Value, at_least, at_most, figure, shown

_COLUMNS = (
    ("n", "n", ".0f"),
    ("mae", "MAE h", ".2f"),
    ("rmae", "rMAE", ".3f"),
    ("malr", "MALR", ".3f"),
    ("within_2x", "in 2x", ".0%"),
    ("coverage", "holds", ".1%"),
    ("width", "logw", ".2f"),
    ("ece", "ECE", ".3f"),
    ("month_total_ratio", "totals", ".2f"),
)


def methods(project: Figures) -> list[str]:
    """One line a method."""
    rows = {"served": project["served"], "served + estimate": project["served_with_estimate"], **project["baselines"]}
    cells = [(name, *(shown(row.get(key), pattern) for key, _, pattern in _COLUMNS)) for name, row in rows.items()]
    return table(("", *(title for _, title, _ in _COLUMNS)), cells)


def _beside_developers(key: str, combine: Callable[[float, float], float]) -> Value:
    own, served = figure("baselines", "human", key), figure("served_with_estimate", key)

    def value(project: Figures) -> float | None:
        theirs, ours = own(project), served(project)
        return None if theirs is None or ours is None else combine(ours, theirs)

    return value


_HOLDS = Goal((0.77, 0.83), (0.78, 0.82))
_CALIBRATED = at_most(0.08, 0.04)
_SPREAD = at_least(0.22, 0.35)
_TOTALS = Goal((0.90, 1.10), (0.95, 1.05))
_ANSWER_MS, _FIT_SECONDS, _REFIT_SECONDS = at_most(5, 1.5), at_most(10, 5), at_most(10, 1)
CRITERIA = (
    Criterion("mean absolute log ratio (MALR)", figure("served", "malr"), at_most(0.85, 0.80), at_most(0.82, 0.77)),
    Criterion("mean absolute error (MAE), h", figure("served", "mae"), at_most(4.95, 4.70), at_most(6.25, 6.00)),
    Criterion("range holds", figure("served", "coverage"), _HOLDS, _HOLDS),
    Criterion("range, log width", figure("served", "width"), at_most(2.70, 2.45), at_most(2.65, 2.45)),
    Criterion(
        "with the developers' estimate: MAE / theirs",
        _beside_developers("mae", lambda ours, theirs: ours / theirs),
        at_most(0.88, 0.80),
        at_most(0.92, 0.85),
    ),
    Criterion(
        "with the developers' estimate: MALR - theirs",
        _beside_developers("malr", lambda ours, theirs: ours - theirs),
        at_most(0.0, -0.04),
        at_most(0.0, -0.02),
    ),
    Criterion("with the developers' estimate: range holds", figure("served_with_estimate", "coverage"), _HOLDS, _HOLDS),
    Criterion(
        "with the developers' estimate: range, log width",
        figure("served_with_estimate", "width"),
        at_most(1.36, 1.20),
        at_most(1.40, 1.28),
    ),
    Criterion("confidence: calibration error", figure("served", "ece"), _CALIBRATED, _CALIBRATED),
    Criterion(
        "confidence: hits of the surest third - of the least sure",
        figure("served", "confidence_thirds_spread"),
        _SPREAD,
        _SPREAD,
    ),
    Criterion(
        "with the developers' estimate: calibration error",
        figure("served_with_estimate", "ece"),
        _CALIBRATED,
        _CALIBRATED,
    ),
    Criterion("totals of months, expected / true", figure("served", "month_total_ratio"), _TOTALS, _TOTALS),
    Criterion("MALR of a team with 100 tasks", figure("learning_curve", "malr"), at_most(1.06, 0.98)),
    Criterion("one answer, 95th percentile, ms", figure("served", "predict_ms_p95"), _ANSWER_MS, _ANSWER_MS),
    Criterion("training, s", figure("served", "fit_seconds"), _FIT_SECONDS, _FIT_SECONDS),
    Criterion("refit, s", figure("served", "refit_seconds"), _REFIT_SECONDS, _REFIT_SECONDS),
)
