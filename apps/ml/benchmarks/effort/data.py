"""Read a file of finished tasks with hours, shaped like the public effort data sets, as core records."""

import csv
import math
from collections.abc import Callable, Mapping
from pathlib import Path

from apps.ml.benchmarks.runs import LARGEST_FIELD, UnreadableData, moment
from apps.ml.core.records import CompletedIssue, IssueFacts

#: Column names of the files we know, the first one present counts. Who logged hours is known only afterwards: not read.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("task_number", "issue_id", "id", "key"),
    "title": ("title", "summary"),
    "description": ("description",),
    "issue_type": ("issue_type", "type", "phase"),
    "priority": ("priority",),
    "points": ("story_points", "storypoint", "points"),
    "estimated_hours": ("estimated_hours", "planned_hours"),
    "actual_hours": ("actual_hours",),
    "component": ("project", "component"),
    "reporter": ("raised_by", "reporter"),
    "assignee": ("assigned_to", "assignee", "person"),
    "known_at": ("estimated_on", "created", "started_on"),
    "completed_at": ("completed_on", "resolved"),
}
#: Columns that become labels.
LABELS = ("project_breakdown", "category", "subcategory", "team", "process")
_REQUIRED = ("actual_hours", "known_at", "completed_at")


def read_tasks(path: Path) -> list[CompletedIssue]:
    """Finished tasks with dates and positive hours, in the order of the file; rows that lack one are no finished task.

    Raises
    ------
    UnreadableData
        If a column that cannot be missing is missing, or a value cannot be read; names the line.
    """
    csv.field_size_limit(LARGEST_FIELD)
    with path.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines)
        names = reader.fieldnames or ()
        chosen = {key: next((name for name in known if name in names), "") for key, known in COLUMNS.items()}
        missing = [COLUMNS[key][0] for key in _REQUIRED if not chosen[key]]
        if missing:
            raise UnreadableData(f"{path.name} has no column {', '.join(missing)}.")
        tasks = [_task(row, chosen, reader.line_num) for row in reader if _finished(row, chosen)]
    return [task for task in tasks if task.actual_hours is not None and task.actual_hours > 0]


def _finished(row: Mapping[str, str], chosen: Mapping[str, str]) -> bool:
    return all((row.get(chosen[key]) or "").strip() for key in _REQUIRED)


def _task(row: Mapping[str, str], chosen: Mapping[str, str], line: int) -> CompletedIssue:
    def text(key: str) -> str:
        return (row.get(chosen[key]) or "").strip() if chosen[key] else ""

    try:
        return CompletedIssue(
            issue_id=text("id") or str(line),
            facts=_facts(row, text),
            known_at=moment(text("known_at")),
            completed_at=moment(text("completed_at")),
            actual_hours=_number(text("actual_hours")),
            story_points=_number(text("points")),
        )
    except ValueError as error:
        raise UnreadableData(f"Line {line} cannot be read: {error}.") from error


def _facts(row: Mapping[str, str], text: Callable[[str], str]) -> IssueFacts:
    return IssueFacts(
        title=text("title"),
        description=text("description"),
        issue_type=text("issue_type"),
        priority=_number(text("priority")),
        story_points=_number(text("points")),
        estimated_hours=_number(text("estimated_hours")),
        component=text("component"),
        labels=tuple(row[name].strip() for name in LABELS if (row.get(name) or "").strip()),
        reporter=text("reporter"),
        assignee=text("assignee"),
    )


def _number(value: str) -> float | None:
    if not value:
        return None
    if not math.isfinite(found := float(value)):
        raise ValueError(f"{value} is no number")
    return found
