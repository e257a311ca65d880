"""Tables of the assignment benchmark: every method on one line, and the acceptance table of the reference."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Value = Callable[[Mapping[str, Any]], float | None]
_COLUMNS = ("top_1", "top_3", "top_5", "top_10", "mrr")


@dataclass(frozen=True, slots=True)
class AssignmentCriterion:
    """One line of the acceptance table; higher is better unless `at_most`. None: not asked of that file."""

    name: str
    measure: str
    value: Value
    gate: float | None
    aim: float | None
    withheld_gate: float | None
    withheld_aim: float | None
    at_most: bool = False


def _task(method: str, figure: str) -> Value:
    return lambda figures: figures.get("methods", {}).get(method, {}).get(figure)


def _report(split: str, figure: str) -> Value:
    return lambda figures: figures.get(split, {}).get("methods", {}).get("learned", {}).get(figure)


def _own(figure: str) -> Value:
    return lambda figures: figures.get(figure)


CRITERIA = (
    AssignmentCriterion("A1", "P(person), top-1", _task("probability", "top_1"), 0.78, 0.84, 0.88, 0.90),
    AssignmentCriterion("A1", "P(person), top-3", _task("probability", "top_3"), 0.92, 0.95, 0.97, 0.97),
    AssignmentCriterion("A1", "P(person), MRR", _task("probability", "mrr"), 0.86, 0.90, 0.93, 0.93),
    AssignmentCriterion("A2", "weighted total, top-1", _task("learned", "top_1"), 0.78, 0.83, 0.88, 0.88),
    AssignmentCriterion("A2", "weighted total, top-3", _task("learned", "top_3"), 0.90, 0.94, 0.97, 0.97),
    AssignmentCriterion("A3", "right where sure", _own("sure_right"), 0.93, 0.96, 0.93, 0.96),
    AssignmentCriterion("A3", "share that is sure", _own("sure_share"), 0.55, 0.70, 0.70, 0.70),
    AssignmentCriterion("A4", "random split, top-1", _report("random_split", "top_1"), 0.45, 0.50, None, None),
    AssignmentCriterion("A4", "random split, top-5", _report("random_split", "top_5"), 0.74, 0.78, None, None),
    AssignmentCriterion("A5", "chronological, top-5", _report("chronological", "top_5"), 0.63, 0.70, None, None),
    AssignmentCriterion("A5", "chronological, MRR", _report("chronological", "mrr"), 0.43, 0.50, None, None),
    AssignmentCriterion("P1", "one answer, p95 ms", _own("predict_ms_p95"), 5.0, 2.0, 5.0, 2.0, at_most=True),
    AssignmentCriterion("P1", "training, slowest s", _own("fit_seconds"), 10.0, 5.0, 10.0, 5.0, at_most=True),
)


def acceptance(figures: Mapping[str, Any], *, withheld: bool) -> list[dict[str, Any]]:
    """Every criterion that the file can show, with its verdict: 'aim', 'gate' or 'missed'."""
    return [row for criterion in CRITERIA if (row := _judged(criterion, figures, withheld)) is not None]


def _judged(criterion: AssignmentCriterion, figures: Mapping[str, Any], withheld: bool) -> dict[str, Any] | None:
    gate = criterion.withheld_gate if withheld else criterion.gate
    aim = criterion.withheld_aim if withheld else criterion.aim
    value = criterion.value(figures)
    if value is None or gate is None or aim is None:
        return None
    return {
        "id": criterion.name,
        "measure": criterion.measure,
        "gate": f"{'<=' if criterion.at_most else '>='} {gate:g}",
        "aim": f"{'<=' if criterion.at_most else '>='} {aim:g}",
        "measured": value,
        "verdict": _verdict(value, gate, aim, criterion.at_most),
    }


def _verdict(value: float, gate: float, aim: float, at_most: bool) -> str:
    if at_most:
        return "aim" if value <= aim else "gate" if value <= gate else "missed"
    return "aim" if value >= aim else "gate" if value >= gate else "missed"


def acceptance_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The acceptance table as text."""
    lines = [f"{'':4}{'measure':24}{'gate':>9}{'aim':>9}{'measured':>10}  verdict"]
    lines += [
        f"{row['id']:4}{row['measure']:24}{row['gate']:>9}{row['aim']:>9}{row['measured']:10.3f}  {row['verdict']}"
        for row in rows
    ]
    return lines


def table(figures: Mapping[str, Any]) -> list[str]:
    """Hit rates of every method, one line each; a block for each split."""
    if "methods" in figures:
        heading = f"{figures['n']} tasks, {figures['mean_candidates']:.1f} candidates on average"
        sure = figures["sure_right"]
        told = "never" if sure is None else f"{sure:.1%} right on {figures['sure_share']:.1%} of the tasks"
        last = f"sure (probability of 0.8 or more): {told}; calibration error {figures['ece']:.3f}"
        return [heading, *_block(figures["methods"]), last]
    splits = [name for name in ("random_split", "chronological") if name in figures]
    return [line for name in splits for line in (_heading(name, figures[name]), *_block(figures[name]["methods"]))]


def _heading(name: str, split: Mapping[str, Any]) -> str:
    unseen = f"{split['unseen_share']:.0%} by people not seen before"
    return f"{name}: {split['n_test']} reports, {split['n_people']} people, {unseen}"


def _block(methods: Mapping[str, Mapping[str, float]]) -> list[str]:
    columns = [column for column in _COLUMNS if any(column in rates for rates in methods.values())]
    lines = [f"{'':16}" + "".join(f"{column:>9}" for column in columns)]
    ordered = sorted(methods.items(), key=lambda pair: -pair[1]["mrr"])
    return lines + [f"{name:16}" + "".join(f"{rates[column]:9.3f}" for column in columns) for name, rates in ordered]
