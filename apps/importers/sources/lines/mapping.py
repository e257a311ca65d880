"""The form of a line: where each field stands and what its values mean, by our own names or as a mapping says. Pure.

A mapping: `{"fields": {"title": "summary.text"}, "statuses": {"In QA": "in_progress"}, "hours_in": "seconds"}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from apps.importers.records import ImportRefused
from apps.importers.sources.csv.units import HOURS_PER_UNIT
from apps.importers.tracked import TrackedIssue

CATEGORIES = ("to_do", "in_progress", "done", "dropped")
#: Fields that a history may tell of.
TOLD = frozenset({
    "status", "sprint", "assignee", "story_points", "estimated_hours", "actual_hours", "title", "description",
    "issue_type", "priority", "component", "labels",
})  # fmt: skip
#: Field → where it stands unless a mapping says otherwise.
PATHS = {
    "external_id": "id", "source_id": "source_id", "title": "title", "description": "description", "issue_type": "type",
    "status": "status", "status_category": "status_category", "priority": "priority", "component": "component",
    "labels": "labels", "reporter": "reporter", "assignee": "assignee", "sprint_id": "sprint",
    "story_points": "story_points", "estimated_hours": "estimated_hours", "actual_hours": "actual_hours",
    "created_at": "created_at", "started_at": "started_at", "resolved_at": "resolved_at", "dropped_at": "dropped_at",
    "last_moved_at": "last_moved_at", "due_date": "due_date", "parent": "parent",
    "blocked_by": "blocked_by", "blocks": "blocks", "level": "level", "changes": "changes", "recorded": "recorded",
    "cut": "cut", "untold": "untold", "told_sprints": "told_sprints",
}  # fmt: skip
ENDS = ("resolved_at", "dropped_at")
#: What names fields of an issue → which it may name.
NAMES = {"recorded": TOLD, "cut": TOLD | {*ENDS}, "untold": frozenset(each.name for each in fields(TrackedIssue))}


@dataclass(frozen=True, slots=True)
class Shape:
    """How a file writes what it says."""

    paths: Mapping[str, tuple[str, ...]]
    statuses: Mapping[str, str] = field(default_factory=dict)
    hours_factor: float = 1.0


def mapping_of(data: Any) -> Shape:
    """A mapping, checked; raises `ImportRefused` with the part that is wrong and what would be right."""
    if not isinstance(data, Mapping) or (unknown := sorted(set(data) - {"fields", "statuses", "hours_in"})):
        known = "fields, statuses, hours_in"
        raise ImportRefused(f"A mapping is an object with {known}" + (f", not {', '.join(unknown)}." if data else "."))
    paths = {**PATHS, **_texts(data, "fields")}
    if unknown := sorted(set(paths) - set(PATHS)):
        raise ImportRefused(
            f"The mapping names no field of an issue: {', '.join(unknown)}. Fields: {', '.join(PATHS)}."
        )
    statuses = {name.casefold(): category for name, category in _texts(data, "statuses").items()}
    if wrong := sorted(set(statuses.values()) - set(CATEGORIES)):
        raise ImportRefused(f"A status means {', '.join(CATEGORIES)}, not {', '.join(wrong)}.")
    unit = data.get("hours_in", "hours")
    if not isinstance(unit, str) or unit not in HOURS_PER_UNIT:
        raise ImportRefused(f"hours_in is {', '.join(HOURS_PER_UNIT)}, not {unit!r}.")
    return Shape({name: tuple(path.split(".")) for name, path in paths.items()}, statuses, HOURS_PER_UNIT[unit])


def _texts(data: Mapping[str, Any], name: str) -> dict[str, str]:
    found = data.get(name, {})
    if not isinstance(found, Mapping) or not all(isinstance(each, str) for each in found.values()):
        raise ImportRefused(f"{name} in the mapping is an object of texts.")
    return dict(found)
