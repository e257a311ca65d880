"""What is asked of the product on public data: targets, the measured figures beside them, and verdicts.

Targets were set before the work began, on data that anybody may look at (open) and on data of which nobody here has
seen the outcomes (withheld). A stretch target is what the work may hope for. Limits are met at their ends, too.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from apps.common.console import table

Figures = Mapping[str, Any]
Value = Callable[[Figures], float | None]
#: (least, most).
Limits = tuple[float, float]
MISSED = "target missed"


@dataclass(frozen=True, slots=True)
class Goal:
    """What is asked of a measure and what is hoped for; None where it is nothing."""

    target: Limits | None
    stretch: Limits | None = None


def at_most(target: float | None, stretch: float | None = None) -> Goal:
    """Less is better."""
    return Goal(*(None if limit is None else (-inf, limit) for limit in (target, stretch)))


def at_least(target: float | None, stretch: float | None = None) -> Goal:
    """More is better."""
    return Goal(*(None if limit is None else (limit, inf) for limit in (target, stretch)))


@dataclass(frozen=True, slots=True)
class Criterion:
    """A measure with its goals; None where the measure is not asked of such data."""

    measure: str
    value: Value
    open: Goal | None
    withheld: Goal | None = None


def figure(*path: str) -> Value:
    """The figure under nested names; None where a part of the path is missing."""

    def value(figures: Figures) -> float | None:
        found: Any = figures
        for name in path:
            found = (found or {}).get(name)
        return None if found is None else float(found)

    return value


def judged(criteria: Iterable[Criterion], figures: Figures, *, withheld: bool = False) -> list[dict[str, Any]]:
    """Each criterion with its limits in words, what was measured, and the verdict."""
    return [_judged(each, each.withheld if withheld else each.open, each.value(figures)) for each in criteria]


def acceptance_table(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """What `judged` gave, for a reader."""
    header = ("", "target", "stretch target", "measured", "verdict")
    keys = ("measure", "target", "stretch_target")
    return table(header, [(*(row[key] for key in keys), shown(row["measured"]), row["verdict"]) for row in rows])


def shown(value: float | None, pattern: str = "") -> str:
    """A figure; by default with three digits behind the point below 10, and with one above."""
    return "-" if value is None else format(value, pattern or (".3f" if abs(value) < 10 else ".1f"))


def _judged(criterion: Criterion, goal: Goal | None, value: float | None) -> dict[str, Any]:
    return {
        "measure": criterion.measure,
        "target": _in_words(goal.target if goal else None),
        "stretch_target": _in_words(goal.stretch if goal else None),
        "measured": value,
        "verdict": _verdict(goal, value),
    }


def _verdict(goal: Goal | None, value: float | None) -> str:
    if goal is None:
        return "not asked"
    if value is None:
        return "not measured"
    if goal.stretch is not None and _is_within(value, goal.stretch):
        return "stretch target met"
    if goal.target is None:
        return f"stretch {MISSED}"
    return "target met" if _is_within(value, goal.target) else MISSED


def _is_within(value: float, limits: Limits) -> bool:
    return limits[0] <= value <= limits[1]


def _in_words(limits: Limits | None) -> str:
    if limits is None or limits == (-inf, inf):
        return "-"
    least, most = limits
    if least == -inf:
        return f"<= {most:.4g}"
    return f">= {least:.4g}" if most == inf else f"{least:.4g} to {most:.4g}"
