"""The parts of a project's open work: epics, labels, components and types."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import F

from apps.ml.selectors.issues import open_in
from apps.projects.levels import COUNTED
from apps.projects.models import Issue, IssueType, Project

PartKind = Literal["epic", "label", "component", "type"]


@dataclass(frozen=True, slots=True)
class WorkPart:
    """Open issues that belong together."""

    #: The label, component or type; of an epic its title.
    name: str
    #: Of an epic its key and id; empty and None for others.
    key: str
    issue_id: str | None
    issue_ids: tuple[str, ...]


#: Name, key and id of a part.
_Name = tuple[str, str, str | None]
_EPIC = ("id", "external_id", "title", "issue_type__level")


def open_parts(project: Project, by: PartKind) -> list[WorkPart]:
    """The parts of one kind, largest first; an issue with two labels is in both, one without any in none."""
    issues = Issue.objects.filter(COUNTED, open_in(project.pk)).order_by("id")
    found: dict[_Name, list[str]] = defaultdict(list)
    for id_, parts in _epics(issues) if by == "epic" else _named(issues, by):
        for part in parts:
            found[part].append(str(id_))
    parts_found = [WorkPart(name, key, id_, tuple(ids)) for (name, key, id_), ids in found.items()]
    return sorted(parts_found, key=lambda part: (-len(part.issue_ids), part.name, part.key))


def _named(issues: Any, by: PartKind) -> Iterable[tuple[Any, list[_Name]]]:
    column = {"label": "labels", "component": "component", "type": "issue_type__name"}[by]
    for id_, value in issues.values_list("id", column):
        names = value if isinstance(value, list) else [value]
        yield id_, [(name, "", None) for name in dict.fromkeys(names) if name]


def _epics(issues: Any) -> Iterable[tuple[Any, list[_Name]]]:
    """The epic is the parent, or the parent's."""
    columns = {f"{level}_{name}": F(f"{path}__{name}") for level, path in _LEVELS.items() for name in _EPIC}
    for row in issues.values("id", **columns):
        yield row["id"], [part for level in _LEVELS if (part := _epic(row, level)) is not None][:1]


_LEVELS = {"first": "parent", "second": "parent__parent"}


def _epic(row: Mapping[str, Any], level: str) -> _Name | None:
    if row[f"{level}_issue_type__level"] != IssueType.Level.EPIC:
        return None
    return row[f"{level}_title"], row[f"{level}_external_id"], str(row[f"{level}_id"])
