"""What an import changes of issues that are there, for their history.

Where the source says when, that is the moment: of a status the start or the end of the work that it brings. What was
empty while the issue had not begun, and is filled where it has, was filled when the work began (hours when it ended):
the same assumption that is made of an issue seen for the first time. What left a sprint that is over left it
at its end. Everything else changed when it was imported, since nobody knows better, and is not taken for known before.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.importers.writing.workflow import DONE, DROPPED, TO_DO
from apps.projects.history.days import end_of
from apps.projects.history.moments import Moments, When, moments_of
from apps.projects.history.reads import ended_at
from apps.projects.history.writing import new_change, store_changes
from apps.projects.models import Issue, IssueChange, IssueType, Project, Sprint, WorkflowStatus
from apps.projects.services import EDITABLE_ISSUE_FIELDS

#: Times are the source's: filled in they are news of the past, only a time that is replaced has changed.
_TIMES = frozenset({"created_at", "started_at", "resolved_at", "dropped_at"})


@dataclass(frozen=True, slots=True)
class Edit:
    """An issue with what it held before the import, by attribute."""

    issue: Issue
    before: Mapping[str, Any]


@dataclass(slots=True)
class Touch:
    """What a batch did to one issue, so that it can be undone."""

    issue: Issue
    #: What it held before, by attribute; None for an issue that the batch made.
    before: Mapping[str, Any] | None
    change_ids: list[int] = field(default_factory=list)


#: What members change without an entry in the history, by attribute.
WITHOUT_HISTORY = {
    each.attname for each in Issue._meta.concrete_fields if each.name in EDITABLE_ISSUE_FIELDS - set(IssueChange.Field)
}


@dataclass(frozen=True, slots=True)
class Board:
    """What a project calls its statuses and types, and when its sprints ended, by id."""

    statuses: Mapping[int, WorkflowStatus]
    types: Mapping[int, IssueType]
    sprint_ends: Mapping[UUID, datetime]


def sprints_touched(new: Iterable[Issue], edits: Iterable[Edit]) -> set[UUID]:
    """The sprints that issues are in, and were in before they were edited."""
    edited = [(edit.issue.sprint_id, edit.before.get("sprint_id")) for edit in edits]
    return {found for pair in (*((issue.sprint_id, None) for issue in new), *edited) for found in pair if found}


def record(project: Project, edits: Sequence[Edit], *, now: When) -> list[IssueChange]:
    """Write the changes of a batch, whose issues are locked: one statement, and a few queries however many."""
    if not edits:
        return []
    at = moments_of([edit.issue.pk for edit in edits], now)
    board = Board(
        statuses={status.pk: status for status in WorkflowStatus.objects.filter(project=project)},
        types={kind.pk: kind for kind in IssueType.objects.filter(project=project)},
        sprint_ends=_sprint_ends(project, edits, at.now),
    )
    changes = [change for edit in edits for change in _changes(edit, board, at)]
    return store_changes(sorted(changes, key=lambda change: change.changed_at))


def _sprint_ends(project: Project, edits: Sequence[Edit], now: datetime) -> dict[UUID, datetime]:
    """When those of the sprints that issues moved between ended that are over."""
    moved = [edit for edit in edits if "sprint_id" in edit.before]
    if not moved:
        return {}
    sprints = Sprint.objects.filter(project=project, pk__in=sprints_touched((), moved)).select_related("project")
    return {sprint.pk: end for sprint in sprints if (end := _over_since(sprint, now)) is not None}


def _over_since(sprint: Sprint, now: datetime) -> datetime | None:
    is_over = sprint.end_date is not None and sprint.end_date < sprint.project.day_of(now)
    if sprint.status == Sprint.Status.ACTIVE and sprint.end_date is not None and is_over:
        return end_of(sprint.end_date, sprint.project.zone)
    return ended_at(sprint, now)


def _changes(edit: Edit, board: Board, at: Moments) -> Iterator[IssueChange]:
    for attribute, old in edit.before.items():
        field, new = attribute.removesuffix("_id"), getattr(edit.issue, attribute)
        if field not in IssueChange.Field.values or (field in _TIMES and old is None):
            continue
        # Not before what is recorded already: the history of a field is a chain.
        earliest = max(filter(None, (at.last.get((edit.issue.pk, field)), edit.issue.created_at)))
        latest = at.of(edit.issue.pk, field)
        moment = min(max(_moment(edit, board, attribute) or latest, earliest), latest)
        yield new_change(
            edit.issue, field, _shown(attribute, old, board), _shown(attribute, new, board), by=None, at=moment
        )


def _moment(edit: Edit, board: Board, attribute: str) -> datetime | None:
    """When the source says that this came about; None where it does not."""
    issue, before = edit.issue, edit.before
    if attribute == "sprint_id":
        # What is found to have left a sprint that is over left it at its end, and what is in one came in by then.
        was_in, is_in = before[attribute], issue.sprint_id
        return board.sprint_ends.get(was_in) or (board.sprint_ends.get(is_in) if is_in else None)
    is_now = board.statuses[issue.status_id].category
    was = board.statuses[before.get("status_id", issue.status_id)].category
    if attribute == "status_id" and is_now == DONE:
        return issue.resolved_at
    if attribute == "status_id" and is_now == DROPPED:
        return issue.dropped_at
    if was != TO_DO or is_now == TO_DO or (before[attribute] and attribute != "status_id"):
        return None
    return issue.resolved_at if attribute == "actual_hours" else issue.started_at or issue.resolved_at


def _shown(attribute: str, value: Any, board: Board) -> Any:
    if value is None:
        return None
    rows: Mapping[str, Mapping[int, Any]] = {"status_id": board.statuses, "issue_type_id": board.types}
    if attribute in rows:
        return rows[attribute][value]
    return str(value) if isinstance(value, UUID) else value
