"""What of a project's past is not known, and which figures that touches: these say so."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
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
#: In the place of a source; none is called so, for it is longer than their column.
STANDSTILLS = "connections whose imports fail for long"
#: What touches every figure.
EVERY_FIGURE = "all figures"
_ALL = frozenset({EVERY_FIGURE, "all figures of the past"})


def keep_unknown(project: Project, source: str, lines: Iterable[Mapping[str, Any]], *, is_whole: bool) -> None:
    """Write down what one source could not tell; a later part of it (not `is_whole`) adds to what is known to miss."""
    told = {str(line["what"]): dict(line) for line in lines}
    before = {} if is_whole else {line["what"]: line for line in project.unknown_past.get(source, [])}
    project.unknown_past = {**project.unknown_past, source: list({**before, **told}.values())}
    project.save(update_fields=["unknown_past"])


@dataclass(frozen=True, slots=True)
class Standstill:
    """A connection to a tracker whose imports fail: what happened there since is not here."""

    #: As people call it: the tracker, and the place in it.
    called: str
    since: datetime

    def sentence(self) -> str:
        """'the connection to GitHub acme/shop is out of step since 2026-11-10: what happened …'."""
        return (
            f"the connection to {self.called} is out of step since {self.since:%Y-%m-%d}: what happened there since is "
            "not known here"
        )


def keep_standstills(project: Project, found: Sequence[Standstill]) -> None:
    """Write down which connections of a project, which is locked, are out of step by now."""
    told = [
        {"what": each.sentence(), "touches": [EVERY_FIGURE], "issues": 0, "examples": [], "called": each.called,
         "since": each.since.isoformat()}
        for each in found
    ]  # fmt: skip
    if told != project.unknown_past.get(STANDSTILLS, []):
        others = {source: lines for source, lines in project.unknown_past.items() if source != STANDSTILLS}
        project.unknown_past = {**others, STANDSTILLS: told} if told else others
        project.save(update_fields=["unknown_past"])


def standstills_of(project: Project) -> list[Standstill]:
    """The connections of a project that are out of step, as it was read."""
    return [
        Standstill(line["called"], datetime.fromisoformat(line["since"]))
        for line in project.unknown_past.get(STANDSTILLS, [])
    ]


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
