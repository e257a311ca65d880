"""Group means, and what is asked of recommended story points."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np

from apps.common.console import table
from apps.ml.benchmarks.acceptance import Criterion, Goal, acceptance_table, at_most, figure, judged, shown
from apps.ml.benchmarks.runs import Write
from apps.ml.core.points.baselines import RECENT

_FIGURES = ("mae", "rmae", "sa", "log_loss", "rps", "coverage", "width", "ece")
#: Means of the projects that the shipped prior was trained on (open), and of the others (withheld).
_GROUPS = {
    "frozen": (
        Criterion("mean MAE", figure("mae"), at_most(2.67, 2.58), at_most(2.09, 2.03)),
        Criterion("mean rMAE", figure("rmae"), at_most(0.960, 0.935), at_most(0.960, 0.930)),
    ),
    "rolling": (
        Criterion("mean MAE", figure("mae"), at_most(2.42, 2.33), at_most(1.86, 1.78)),
        Criterion("mean rMAE", figure("rmae"), at_most(0.910, 0.890), at_most(0.885, 0.855)),
    ),
}
#: What is asked of the means of the 16 projects of the source, and what the team's recent shares have there.
_LOG_LOSS, _LOG_LOSS_OF_RECENT = (1.60, 1.55), 1.649
_RPS, _RPS_OF_RECENT = (1.70, 1.62), 1.815
_N_SOURCE = 16
_OF_ALL_16 = (
    Criterion("log-loss", figure("log_loss"), at_most(*_LOG_LOSS)),
    Criterion("RPS", figure("rps"), at_most(*_RPS)),
)
_SHARED = {
    "frozen": (Criterion("worst project against the median", figure("worst"), at_most(1.15, 1.08)),),
    "rolling": (
        Criterion("refit, slowest, s", figure("refit_seconds"), at_most(2.0, 1.0)),
        Criterion("worst project against the median", figure("worst"), at_most(1.03, 1.01)),
        # Other projects are harder or easier for both, so elsewhere the part that is left of that error is comparable.
        Criterion(
            f"log-loss / that of {RECENT}",
            figure("log_loss_to_recent"),
            at_most(*(most / _LOG_LOSS_OF_RECENT for most in _LOG_LOSS)),
        ),
        Criterion(
            f"RPS / that of {RECENT}", figure("rps_to_recent"), at_most(*(most / _RPS_OF_RECENT for most in _RPS))
        ),
        Criterion("80 % range holds, mean", figure("coverage"), Goal((0.80, 0.95), (0.80, 0.95))),
        Criterion("80 % range holds, worst project", figure("worst_coverage"), Goal((0.80, 1.0), (0.80, 1.0))),
        Criterion("80 % range, mean width, points", figure("width"), Goal((-inf, inf), (-inf, 8.0))),
    ),
}
_SPEED = (
    Criterion("fit, slowest, s", figure("fit_seconds"), at_most(10.0, 4.0)),
    Criterion("one answer, worst 95th percentile, ms", figure("predict_ms_p95"), at_most(5.0, 1.5)),
)


def report(results: Sequence[dict[str, Any]], *, protocol: str, n_known: int | None, write: Write) -> dict[str, Any]:
    """Write the group means of every method and the acceptance table, and return both."""
    methods = {"served": [each["served"] for each in results]}
    for name in results[0]["baselines"]:
        methods[name] = [each["baselines"][name] for each in results]
    means = {name: {key: _mean(rows, key) for key in _FIGURES} for name, rows in methods.items()}
    verdicts = _acceptance(results, protocol=protocol, n_known=n_known)
    of_methods = [(name, *(shown(row[key], ".3f") for key in _FIGURES)) for name, row in means.items()]
    for line in (
        "",
        *table((f"mean of {len(results)} projects", *_FIGURES), of_methods),
        "",
        *acceptance_table(verdicts),
    ):
        write(line)
    return {"means": means, "acceptance": verdicts}


def _acceptance(results: Sequence[dict[str, Any]], *, protocol: str, n_known: int | None) -> list[dict[str, Any]]:
    """The rows of the acceptance table: young teams, or the targets of each group and then of all projects."""
    if n_known:
        measure = f"last {n_known} known: MAE / that of their median"
        return judged([Criterion(measure, figure("to_same_median"), at_most(0.97, 0.94))], _measured(results))
    rows = []
    for group, withheld in (("known to the shipped prior", False), ("new to the shipped prior", True)):
        members = [each for each in results if (each["prior"] == "shipped") == withheld]
        if members:
            named = [replace(each, measure=f"{each.measure}, {group} ({len(members)})") for each in _GROUPS[protocol]]
            rows += judged(named, _measured(members), withheld=withheld)
    absolute = _OF_ALL_16 if protocol == "rolling" and len(results) == _N_SOURCE else ()
    return rows + judged((*_SHARED[protocol], *absolute, *_SPEED), _measured(results))


def _measured(results: Sequence[dict[str, Any]]) -> dict[str, float]:
    served = [each["served"] for each in results]
    recent = [each["baselines"][RECENT] for each in results]
    medians = [each["baselines"]["median"]["mae"] for each in results]
    ratios = [row["mae"] / median for row, median in zip(served, medians, strict=True) if median > 0]
    slowest = {name: max(row[name] for row in served) for name in ("fit_seconds", "refit_seconds", "predict_ms_p95")}
    return {
        **{figure: _mean(served, figure) for figure in _FIGURES},
        **slowest,
        "worst": max(row["rmae"] for row in served),
        "worst_coverage": min(row["coverage"] for row in served),
        "to_same_median": float(np.mean(ratios)),
        **{f"{name}_to_recent": _mean(served, name) / _mean(recent, name) for name in ("log_loss", "rps")},
    }


def _mean(rows: Sequence[dict[str, float]], figure: str) -> float:
    return float(np.mean([row[figure] for row in rows]))
