"""The benchmark's tables: every method on one line, and the acceptance table of the reference."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_COLUMNS = (
    ("n", "n", "{:.0f}"),
    ("mae", "MAE h", "{:.2f}"),
    ("rmae", "rMAE", "{:.3f}"),
    ("malr", "MALR", "{:.3f}"),
    ("within_2x", "in 2x", "{:.0%}"),
    ("coverage", "holds", "{:.1%}"),
    ("width", "logw", "{:.2f}"),
    ("ece", "ECE", "{:.3f}"),
    ("month_total_ratio", "totals", "{:.2f}"),
)


def table(project: Mapping[str, Any]) -> list[str]:
    """One line a method."""
    rows = {"served": project["served"], "served + estimate": project["served_with_estimate"], **project["baselines"]}
    lines = [f"{'':18}" + "".join(f"{title:>9}" for _, title, _ in _COLUMNS)]
    for name, scores in rows.items():
        cells = [_cell(scores.get(key), pattern) for key, _, pattern in _COLUMNS]
        lines.append(f"{name:18}" + "".join(f"{cell:>9}" for cell in cells))
    return lines


def _cell(value: float | None, pattern: str) -> str:
    return "-" if value is None else pattern.format(value)


@dataclass(frozen=True, slots=True)
class EffortCriterion:
    """One line of the acceptance table: gates and aims for the open test and for a withheld file."""

    name: str
    measure: str
    value: Callable[[Mapping[str, Any]], float | None]
    open_gate: tuple[float, float]
    open_aim: tuple[float, float]
    withheld_gate: tuple[float, float]
    withheld_aim: tuple[float, float]


_NONE = float("-inf")
_NOT_ASKED = (_NONE, float("inf"))
#: A verdict as it is told, in the words of the other benchmarks.
_SAID = {"aim": "aim met", "gate": "gate met", "missed": "NOT MET"}


def _most(limit: float) -> tuple[float, float]:
    return (_NONE, limit)


def _least(limit: float) -> tuple[float, float]:
    return (limit, float("inf"))


def _of(part: str, key: str) -> Callable[[Mapping[str, Any]], float | None]:
    def value(project: Mapping[str, Any]) -> float | None:
        found: float | None = project[part].get(key)
        return found

    return value


def _against_human(key: str, combine: Callable[[float, float], float]) -> Callable[[Mapping[str, Any]], float | None]:
    def value(project: Mapping[str, Any]) -> float | None:
        own, model = project["baselines"].get("human", {}).get(key), project["served_with_estimate"].get(key)
        return None if own is None or model is None else combine(model, own)

    return value


_HOLDS, _HOLDS_AIM = (0.77, 0.83), (0.78, 0.82)
CRITERIA = (
    EffortCriterion("E1", "MALR", _of("served", "malr"), _most(0.85), _most(0.80), _most(0.82), _most(0.77)),
    EffortCriterion("E2", "MAE, h", _of("served", "mae"), _most(4.95), _most(4.70), _most(6.25), _most(6.00)),
    EffortCriterion("E3", "range holds", _of("served", "coverage"), _HOLDS, _HOLDS_AIM, _HOLDS, _HOLDS_AIM),
    EffortCriterion("E3", "range logw", _of("served", "width"), _most(2.70), _most(2.45), _most(2.65), _most(2.45)),
    EffortCriterion(
        "E4",
        "MAE / developers'",
        _against_human("mae", lambda model, own: model / own),
        *(_most(0.88), _most(0.80), _most(0.92), _most(0.85)),
    ),
    EffortCriterion(
        "E5",
        "MALR - developers'",
        _against_human("malr", lambda model, own: model - own),
        *(_most(0.0), _most(-0.04), _most(0.0), _most(-0.02)),
    ),
    EffortCriterion(
        "E6", "range holds", _of("served_with_estimate", "coverage"), _HOLDS, _HOLDS_AIM, _HOLDS, _HOLDS_AIM
    ),
    EffortCriterion(
        "E6",
        "range logw",
        _of("served_with_estimate", "width"),
        *(_most(1.36), _most(1.20), _most(1.40), _most(1.28)),
    ),
    EffortCriterion("E7", "ECE", _of("served", "ece"), _most(0.08), _most(0.04), _most(0.08), _most(0.04)),
    EffortCriterion(
        "E7",
        "thirds spread",
        _of("served", "confidence_thirds_spread"),
        *(_least(0.22), _least(0.35), _least(0.22), _least(0.35)),
    ),
    EffortCriterion(
        "E7",
        "ECE, with estimate",
        _of("served_with_estimate", "ece"),
        _most(0.08),
        _most(0.04),
        _most(0.08),
        _most(0.04),
    ),
    EffortCriterion(
        "E8",
        "month totals",
        _of("served", "month_total_ratio"),
        *((0.90, 1.10), (0.95, 1.05), (0.90, 1.10), (0.95, 1.05)),
    ),
    EffortCriterion(
        "E9", "MALR of 100", _of("learning_curve", "malr"), _most(1.06), _most(0.98), _NOT_ASKED, _NOT_ASKED
    ),
    EffortCriterion(
        "P1", "predict p95, ms", _of("served", "predict_ms_p95"), _most(5), _most(1.5), _most(5), _most(1.5)
    ),
    EffortCriterion("P1", "fit, s", _of("served", "fit_seconds"), _most(10), _most(5), _most(10), _most(5)),
    EffortCriterion("P1", "refit, s", _of("served", "refit_seconds"), _most(10), _most(1), _most(10), _most(1)),
)


def acceptance(project: Mapping[str, Any], *, withheld: bool) -> list[dict[str, Any]]:
    """Every criterion with its value and verdict: 'aim', 'gate', 'missed', 'not measured' or 'not asked'."""
    return [_judged(criterion, project, withheld) for criterion in CRITERIA]


def _judged(criterion: EffortCriterion, project: Mapping[str, Any], withheld: bool) -> dict[str, Any]:
    gate = criterion.withheld_gate if withheld else criterion.open_gate
    aim = criterion.withheld_aim if withheld else criterion.open_aim
    value = criterion.value(project)
    return {
        "id": criterion.name,
        "measure": criterion.measure,
        "gate": _told(gate),
        "aim": _told(aim),
        "measured": value,
        "verdict": _verdict(value, gate, aim),
    }


def _verdict(value: float | None, gate: tuple[float, float], aim: tuple[float, float]) -> str:
    if gate == _NOT_ASKED:
        return "not asked"
    if value is None:
        return "not measured"
    if aim[0] <= value <= aim[1]:
        return "aim"
    return "gate" if gate[0] <= value <= gate[1] else "missed"


def _told(bounds: tuple[float, float]) -> str:
    if bounds == _NOT_ASKED:
        return "-"
    low, high = bounds
    if low == _NONE:
        return f"<= {high:g}"
    return f">= {low:g}" if high == float("inf") else f"{low:g}..{high:g}"


def acceptance_lines(rows: list[dict[str, Any]]) -> list[str]:
    """The acceptance table as text."""
    lines = [f"{'':4}{'measure':22}{'gate':>12}{'aim':>12}{'measured':>10}  verdict"]
    for row in rows:
        value = "-" if row["measured"] is None else f"{row['measured']:.3f}"
        said = _SAID.get(row["verdict"], row["verdict"])
        lines.append(f"{row['id']:4}{row['measure']:22}{row['gate']:>12}{row['aim']:>12}{value:>10}  {said}")
    return lines
