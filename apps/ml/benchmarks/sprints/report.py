"""The tables of `benchmark sprints` and which gates of the reference are met."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class SprintCriterion:
    """One acceptance measure: gates and aims at 0, 30, 50 and 80 % of the days, as (least, most) or one limit."""

    name: str
    measure: str
    key: str
    open_gate: tuple[float, ...] | None
    withheld_gate: tuple[float, ...] | None
    aim: tuple[float, ...]
    #: Whether a value meets a limit, and how the limit is told.
    meets: Callable[[float, float], bool]
    told: Callable[[float], str]


#: A verdict as it is told, in the words of the other benchmarks.
_SAID = {"aim": "aim met", "gate": "gate met", "missed": "NOT MET"}
PERCENTS = ("0", "30", "50", "80")
#: The middle of the band that S3 asks for; the limits of bands are distances from their middle.
_LEVEL = 0.8


def _at_most(value: float, limit: float) -> bool:
    return value <= limit


def _at_least(value: float, limit: float) -> bool:
    return value >= limit


def _near(middle: float, value: float, distance: float) -> bool:
    return abs(value - middle) <= distance + 1e-9


def _band(middle: float, distance: float) -> str:
    return f"{middle - distance:.2f}..{middle + distance:.2f}"


CRITERIA = (
    SprintCriterion(
        "S1",
        "MAE / committed x ratio",
        "relative_mae",
        (0.98, 1.0, 0.96, 0.90),
        (0.98, 0.97, 0.97, 0.92),
        (0.90, 0.88, 0.85, 0.80),
        _at_most,
        "<= {:.2f}".format,
    ),
    # The reference asks for S2 on unseen projects only.
    SprintCriterion(
        "S2",
        "AUC of delivering",
        "auc",
        None,
        (0.68, 0.69, 0.68, 0.74),
        (0.74, 0.75, 0.76, 0.80),
        _at_least,
        ">= {:.2f}".format,
    ),
    SprintCriterion(
        "S3",
        "80 % range holds",
        "coverage",
        (0.04,) * 4,
        (0.04,) * 4,
        (0.03,) * 4,
        partial(_near, _LEVEL),
        partial(_band, _LEVEL),
    ),
    SprintCriterion(
        "S4",
        "calibration error, 90 %",
        "chance_calibration_error",
        None,
        None,
        (0.06,) * 4,
        _at_most,
        "<= {:.2f}".format,
    ),
    SprintCriterion(
        "S5",
        "sum expected / delivered",
        "expected_to_delivered",
        None,
        None,
        (0.05,) * 4,
        partial(_near, 1.0),
        partial(_band, 1.0),
    ),
)


def acceptance(projects: Sequence[Mapping[str, Any]], *, withheld: bool) -> list[dict[str, Any]]:
    """Each measure at each moment, mean over projects, with its verdict: 'aim', 'gate', 'missed' or 'aim missed'."""
    return [
        _judged(criterion, index, percent, projects, withheld)
        for criterion in CRITERIA
        for index, percent in enumerate(PERCENTS)
        if all(percent in project["served"] for project in projects)
    ]


def table(project: Mapping[str, Any]) -> Iterator[str]:
    """One line a moment and method."""
    titles = ("MAE", "relative", "AUC", "holds", "width", "ECE", "(chance)", "ECE all", "mean/true", "CRPS")
    yield f"{project['project']:8}{'':22}" + "".join(f"{title:>10}" for title in titles)
    keys = (
        "mae",
        "relative_mae",
        "auc",
        "coverage",
        "median_width",
        "chance_calibration_error",
        "calibration_error_by_chance",
        "all_calibration_error",
        "expected_to_delivered",
        "crps",
    )
    for percent, served in project["served"].items():
        for name, row in {"served": served, **project["baselines"][percent]}.items():
            yield f"{percent + ' %':>8}  {name:20}" + "".join(f"{_shown(row.get(key)):>10}" for key in keys)


def acceptance_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The acceptance table as text."""
    yield f"{'':4}{'':26}{'elapsed':>8}{'gate':>12}{'aim':>12}{'measured':>10}  verdict"
    told = {criterion.name: criterion.told for criterion in CRITERIA}
    for row in rows:
        limits = ("-" if row[name] is None else told[row["id"]](row[name]) for name in ("gate", "aim"))
        cells = "".join(f"{limit:>12}" for limit in limits)
        verdict = _SAID.get(row["verdict"], row["verdict"])
        what = f"{row['id']:4}{row['measure']:26}{row['percent'] + ' %':>8}"
        yield f"{what}{cells}{_shown(row['measured']):>10}  {verdict}"


def _judged(
    criterion: SprintCriterion, index: int, percent: str, projects: Sequence[Mapping[str, Any]], withheld: bool
) -> dict[str, Any]:
    found = [project["served"][percent][criterion.key] for project in projects]
    known = [value for value in found if value is not None]
    value = round(float(np.mean(known)), 4) if known else None
    gates = criterion.withheld_gate if withheld else criterion.open_gate
    gate, aim = gates[index] if gates else None, criterion.aim[index]
    return {
        "id": criterion.name,
        "measure": criterion.measure,
        "percent": percent,
        "gate": gate,
        "aim": aim,
        "measured": value,
        "verdict": _verdict(criterion, value, gate, aim),
        "by_project": {project["project"]: value for project, value in zip(projects, found, strict=True)},
    }


def _verdict(criterion: SprintCriterion, value: float | None, gate: float | None, aim: float) -> str:
    if value is None:
        return "not measured"
    if criterion.meets(value, aim):
        return "aim"
    if gate is None:
        return "aim missed"
    return "gate" if criterion.meets(value, gate) else "missed"


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
