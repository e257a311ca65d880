"""The history of imported issues: what a tracker recorded, with its own times, each change once.

A change is known by its issue, field and moment: a second import finds it there and writes nothing, in whatever order
and however often the changes come. A status that was renamed since keeps the name it was first imported by; the board
knows what that means.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.importers.tracked import Change, Stage, TrackedIssue
from apps.importers.writing.board import TrackedBoard
from apps.importers.writing.people import Team
from apps.projects.history.writing import new_change
from apps.projects.models import Issue, IssueChange
from apps.projects.rows import in_parts

KEPT_FIELDS = frozenset(IssueChange.Field.values)
Known = set[tuple[UUID, str, datetime]]


def missing_changes(told: Sequence[tuple[TrackedIssue, Issue]], board: TrackedBoard, team: Team) -> list[IssueChange]:
    """The recorded changes that are not there yet, oldest first; one query for some hundred issues."""
    known = _known([issue.pk for record, issue in told if record.changes])
    found = [change for record, issue in told for change in _of(record, issue, board, team, known)]
    return sorted(found, key=lambda change: change.changed_at)


def _known(ids: Sequence[UUID]) -> Known:
    known: Known = set()
    for part in in_parts(ids):
        rows = IssueChange.objects.filter(issue_id__in=part).order_by()
        known.update(rows.values_list("issue_id", "field", "changed_at"))
    return known


def _of(record: TrackedIssue, issue: Issue, board: TrackedBoard, team: Team, known: Known) -> Iterator[IssueChange]:
    for change in record.changes:
        if (issue.pk, change.field, change.at) in known or change.field not in KEPT_FIELDS:
            continue
        old, new = (_shown(change, value, board, team) for value in (change.old, change.new))
        if old != new:
            by = team.find(change.by) if change.by else None
            yield new_change(issue, change.field, old, new, by=by, at=change.at)


def _shown(change: Change, value: Any, board: TrackedBoard, team: Team) -> Any:
    """A value as the history writes it: statuses by their names here, sprints and people by their ids."""
    if change.field == "status":
        return board.status(value) if isinstance(value, Stage) else None
    if change.field == "sprint":
        return board.sprint(value or "")
    if change.field == "assignee":
        return team.find(value) if value else None
    return list(value) if isinstance(value, tuple) else value
