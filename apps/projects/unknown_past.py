"""What of a project's past is not known, and which figures that touches: these say so."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from apps.projects.models import Project

#: Figure → the words for it, and for what it is made of, that imports write down.
FIGURES: Mapping[str, frozenset[str]] = {
    "forecast": frozenset({"forecasts", "throughput", "velocity", "levels"}),
    "sprint": frozenset({
        "sprint outcomes", "what a sprint had committed", "velocity", "burndown", "sprint durations", "levels",
    }),
    "flow": frozenset({"cycle times", "throughput", "levels"}),
}  # fmt: skip
#: What touches every figure.
_ALL = frozenset({"all figures", "all figures of the past"})


def keep_unknown(project: Project, source: str, lines: Iterable[Mapping[str, Any]], *, is_whole: bool) -> None:
    """Write down what one source could not tell; a later part of it (not `is_whole`) adds to what is known to miss."""
    told = {str(line["what"]): dict(line) for line in lines}
    before = {} if is_whole else {line["what"]: line for line in project.unknown_past.get(source, [])}
    project.unknown_past = {**project.unknown_past, source: list({**before, **told}.values())}
    project.save(update_fields=["unknown_past"])


def unknown_to(project: Project, figure: str) -> list[str]:
    """What was not told and touches a figure, each thing in a sentence; nothing where all of its past is known."""
    touched = FIGURES[figure] | _ALL
    lines: Sequence[Mapping[str, Any]] = [line for told in project.unknown_past.values() for line in told]
    return sorted(
        {seen_at(line["what"], line["issues"], line["examples"]) for line in lines if touched & set(line["touches"])}
    )


def seen_at(what: str, issues: int, examples: Sequence[str]) -> str:
    """'the history of status has holes (2 issues: A-1, A-7)'; what holds for all of a source names none."""
    if not issues:
        return what
    more = ", …" if issues > len(examples) else ""
    return f"{what} ({issues:,} issue{'' if issues == 1 else 's'}: {', '.join(examples)}{more})"
