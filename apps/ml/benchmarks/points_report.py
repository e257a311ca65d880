"""Group means and the acceptance table of the story points benchmark."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Write = Callable[[str], None]
_FIGURES = ("mae", "rmae", "sa", "log_loss", "rps", "coverage", "width", "ece")


@dataclass(frozen=True, slots=True)
class Target:
    """One row of the acceptance table; a measure must lie in [low, high]."""

    name: str
    measure: str
    accept: tuple[float, float]
    ambitious: tuple[float, float]


def _at_most(name: str, measure: str, accept: float, ambitious: float) -> Target:
    return Target(name, measure, (-np.inf, accept), (-np.inf, ambitious))


_FROZEN = {
    "open": (_at_most("F mean MAE", "mae", 2.67, 2.58), _at_most("F mean rMAE", "rmae", 0.960, 0.935)),
    "withheld": (_at_most("F mean MAE", "mae", 2.09, 2.03), _at_most("F mean rMAE", "rmae", 0.960, 0.930)),
}
_ROLLING = {
    "open": (_at_most("R mean MAE", "mae", 2.42, 2.33), _at_most("R mean rMAE", "rmae", 0.910, 0.890)),
    "withheld": (_at_most("R mean MAE", "mae", 1.86, 1.78), _at_most("R mean rMAE", "rmae", 0.885, 0.855)),
}
_SPEED = (
    _at_most("fit, slowest (s)", "fit_seconds", 10.0, 4.0),
    _at_most("refit, slowest (s)", "refit_seconds", 2.0, 1.0),
    _at_most("one prediction, worst p95 (ms)", "predict_ms_p95", 5.0, 1.5),
)


def report(results: Sequence[dict[str, Any]], *, protocol: str, n_known: int | None, write: Write) -> dict[str, Any]:
    """Write the group means of every method and the acceptance table, and return both."""
    methods = {"served": [each["served"] for each in results]}
    for name in results[0]["baselines"]:
        methods[name] = [each["baselines"][name] for each in results]
    means = {name: {figure: _mean(rows, figure) for figure in _FIGURES} for name, rows in methods.items()}
    write("")
    write(f"{'mean of ' + str(len(results)) + ' projects':<22} " + " ".join(f"{figure:>9}" for figure in _FIGURES))
    for name, row in means.items():
        write(f"{name:<22} " + " ".join(f"{row[figure]:9.3f}" for figure in _FIGURES))
    measured = _measured(results, means["served"])
    verdicts = [_verdict(target, measured) for target in _targets(results, protocol=protocol, n_known=n_known)]
    write("")
    write(f"{'target':<44} {'accept':>14} {'ambitious':>14} {'measured':>9}  verdict")
    for row in verdicts:
        write(
            f"{row['target']:<44} {row['accept']:>14} {row['ambitious']:>14} {row['measured']:9.3f}  {row['verdict']}"
        )
    return {"means": means, "acceptance": verdicts}


def _targets(results: Sequence[dict[str, Any]], *, protocol: str, n_known: int | None) -> tuple[Target, ...]:
    if n_known:
        return (_at_most(f"last {n_known} known: MAE / their median's", "to_same_median", 0.97, 0.94),)
    group = "withheld" if all(each["prior"] == "shipped" for each in results) else "open"
    if protocol == "frozen":
        return (*_FROZEN[group], _at_most("F worst project against the median", "worst", 1.15, 1.08), *_SPEED)
    return (
        *_ROLLING[group],
        _at_most("R worst project against the median", "worst", 1.03, 1.01),
        _at_most("R log-loss (target set on 16 projects)", "log_loss", 1.60, 1.55),
        _at_most("R RPS (target set on 16 projects)", "rps", 1.70, 1.62),
        Target("R 80 % range holds, mean", "coverage", (0.80, 0.95), (0.80, 0.95)),
        Target("R 80 % range holds, worst project", "worst_coverage", (0.80, 1.0), (0.80, 1.0)),
        Target("R 80 % range, mean width (points)", "width", (0.0, np.inf), (0.0, 8.0)),
        *_SPEED,
    )


def _measured(results: Sequence[dict[str, Any]], means: dict[str, float]) -> dict[str, float]:
    served = [each["served"] for each in results]
    medians = [each["baselines"]["median"]["mae"] for each in results]
    ratios = [row["mae"] / median for row, median in zip(served, medians, strict=True) if median > 0]
    slowest = {name: max(row[name] for row in served) for name in ("fit_seconds", "refit_seconds", "predict_ms_p95")}
    return {
        **means,
        **slowest,
        "worst": max(row["rmae"] for row in served),
        "worst_coverage": min(row["coverage"] for row in served),
        "to_same_median": float(np.mean(ratios)),
    }


def _verdict(target: Target, measured: dict[str, float]) -> dict[str, Any]:
    value = measured[target.measure]
    met = "ambitious" if _within(value, target.ambitious) else "accept" if _within(value, target.accept) else "MISSED"
    return {
        "target": target.name,
        "accept": _range(target.accept),
        "ambitious": _range(target.ambitious),
        "measured": value,
        "verdict": met,
    }


def _within(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= value <= bounds[1]


def _range(bounds: tuple[float, float]) -> str:
    low, high = bounds
    if np.isinf(low):
        return f"<= {high:g}"
    return "any" if np.isinf(high) else f"{low:g} to {high:g}"


def _mean(rows: Sequence[dict[str, float]], figure: str) -> float:
    return float(np.mean([row[figure] for row in rows]))
