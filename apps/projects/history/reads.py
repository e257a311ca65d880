"""Reads of the past: when a sprint ran, and how the issues that ever were in it stood when."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from apps.projects.history.days import beginning_of, end_of
from apps.projects.history.issue_past import FieldChange, IssuePast
from apps.projects.history.sprint_books import spells_in
from apps.projects.levels import COUNTED
from apps.projects.models import Issue, IssueChange, Sprint, WorkflowStatus

Field = IssueChange.Field
#: What tells how an issue stood in a sprint.
PAST_FIELDS = (
    Field.SPRINT, Field.STATUS, Field.STORY_POINTS, Field.ASSIGNEE, Field.ACTUAL_HOURS, Field.RESOLVED_AT,
)  # fmt: skip
_COLUMNS = (
    "id", "project_id", "created_at", "sprint_id", "category", "story_points", "started_at", "resolved_at",
    "dropped_at", "assignee_id", "actual_hours",
)  # fmt: skip
_STATUS_COLUMNS = ("project_id", "name", "category")
_CHANGE_COLUMNS = ("issue_id", "field", "old_value", "new_value", "changed_at")
#: More ids than this are left to a subquery: SQLite takes 32,766 parameters.
MOST_IDS = 10_000


# --- When a sprint ran --------------------------------------------------------------------------------------------
def began_at(sprint: Sprint) -> datetime | None:
    """The moment of the start or, if only the day is known, its beginning."""
    return _moments(sprint)[0] or (beginning_of(sprint.start_date, sprint.project.zone) if sprint.start_date else None)


def planning_ended_at(sprint: Sprint) -> datetime | None:
    """An issue that enters later counts as added: the start, or the end of its day if only that is known."""
    return _moments(sprint)[0] or (end_of(sprint.start_date, sprint.project.zone) if sprint.start_date else None)


def ended_at(sprint: Sprint, now: datetime) -> datetime | None:
    """When a completed sprint ended: the moment of closing or else the end of its last day; None while it runs."""
    if sprint.status != Sprint.Status.COMPLETED:
        return None
    completed_at = _moments(sprint)[1]
    if completed_at is not None or sprint.end_date is None:
        return completed_at
    # The last moment of today is now.
    is_today = sprint.end_date == sprint.project.day_of(now)
    return now if is_today else end_of(sprint.end_date, sprint.project.zone)


def was_entered_afterwards(sprint: Sprint) -> bool:
    """Started and completed on one day after its last: these are times of book-keeping, the dates are of the work."""
    started_at, completed_at, last_day = sprint.started_at, sprint.completed_at, sprint.end_date
    if started_at is None or completed_at is None or last_day is None:
        return False
    day_of = sprint.project.day_of
    return last_day < day_of(started_at) == day_of(completed_at)


def _moments(sprint: Sprint) -> tuple[datetime | None, datetime | None]:
    """When it was started and completed, where that was recorded as it happened."""
    return (None, None) if was_entered_afterwards(sprint) else (sprint.started_at, sprint.completed_at)


# --- How issues stood ---------------------------------------------------------------------------------------------
def issues_by_sprint(
    project_id: UUID | str, sprint_ids: Sequence[str], *, now: datetime
) -> Mapping[str, Sequence[IssuePast]]:
    """Issues that are or were in each of these sprints, as they were known at `now`; three queries, or none."""
    recorded = recorded_by_sprint(project_id, sprint_ids)
    return {sprint_id: known_in(sprint_id, issues, now) for sprint_id, issues in recorded.items()}


def recorded_by_sprint(project_id: UUID | str, sprint_ids: Sequence[str]) -> Mapping[str, Sequence[IssuePast]]:
    """Issues of which it is on record that they are or were in each of these sprints, whenever that was told."""
    found: dict[str, list[IssuePast]] = {sprint_id: [] for sprint_id in sprint_ids}
    for issue in _recorded(_ever_in(project_id, sprint_ids)) if sprint_ids else ():
        for sprint_id in set(issue.timeline("sprint").values) & found.keys():
            found[sprint_id].append(issue)
    return found


def known_in(sprint_id: str, issues: Iterable[IssuePast], now: datetime) -> list[IssuePast]:
    """Of some issues those that were in a sprint, as they were known at a moment."""
    pasts = [issue.as_of(now) for issue in issues if issue.created_at <= now]
    return [past for past in pasts if spells_in(past, sprint_id)]


def issue_pasts(issues: QuerySet[Issue], *, now: datetime) -> list[IssuePast]:
    """Some issues by creation, as they were known at `now`, in three queries, or one for none."""
    return [past.as_of(now) for past in _recorded(issues.filter(created_at__lte=now))]


def _recorded(issues: QuerySet[Issue]) -> list[IssuePast]:
    """Some issues by creation, with all that is on record."""
    rows = list(issues.annotate(category=F("status__category")).order_by("created_at", "id").values(*_COLUMNS))
    changes = _changes(issues, {row["id"]: row["project_id"] for row in rows}) if rows else {}
    return [_issue(row, changes.get(row["id"], ())) for row in rows]


def changed_after(project_id: UUID | str, moment: datetime) -> QuerySet[Issue]:
    """Issues that stood otherwise at a moment; of the present there are none."""
    later = IssueChange.objects.filter(project_id=project_id, changed_at__gt=moment, field__in=PAST_FIELDS)
    return Issue.objects.filter(COUNTED, project_id=project_id, pk__in=later.order_by().values("issue_id"))


def _ever_in(project_id: UUID | str, sprint_ids: Sequence[str]) -> QuerySet[Issue]:
    # One condition an index: joined by OR, a database reads the whole project instead.
    moves = IssueChange.objects.filter(field=Field.SPRINT).order_by()
    into, out_of = moves.filter(new_value__in=sprint_ids), moves.filter(old_value__in=sprint_ids)
    now_in = Issue.objects.filter(sprint_id__in=sprint_ids).order_by().values("pk")
    ever_in = now_in.union(into.values("issue_id"), out_of.values("issue_id"))
    return Issue.objects.filter(COUNTED, pk__in=ever_in, project_id=project_id)


def _issue(row: Mapping[str, Any], changes: Iterable[FieldChange]) -> IssuePast:
    return IssuePast(
        issue_id=str(row["id"]),
        created_at=row["created_at"],
        sprint_id=str(row["sprint_id"] or ""),
        category=row["category"],
        story_points=row["story_points"],
        started_at=row["started_at"],
        resolved_at=row["resolved_at"],
        dropped_at=row["dropped_at"],
        assignee=str(row["assignee_id"] or ""),
        actual_hours=row["actual_hours"],
        changes=tuple(changes),
    )


def _changes(issues: QuerySet[Issue], project_of: Mapping[UUID, UUID]) -> dict[UUID, list[FieldChange]]:
    """What happened to some issues, by issue, oldest first, with each status as what it means."""
    statuses = WorkflowStatus.objects.filter(project_id__in=set(project_of.values()))
    means = {(project, name): category for project, name, category in statuses.values_list(*_STATUS_COLUMNS)}
    ids: Any = list(project_of) if len(project_of) <= MOST_IDS else issues.order_by().values("id")
    history = IssueChange.objects.filter(issue_id__in=ids, field__in=PAST_FIELDS).order_by("changed_at", "id")
    changes: dict[UUID, list[FieldChange]] = defaultdict(list)
    for issue_id, name, old, new, moment in history.values_list(*_CHANGE_COLUMNS):
        project = project_of.get(issue_id)
        if name != Field.STATUS:
            changes[issue_id].append(FieldChange(name, old, new, moment))
        # A name that the board does not know means nothing; services and imports keep those that history has.
        elif (project, old) in means and (project, new) in means:
            changes[issue_id].append(FieldChange(name, means[project, old], means[project, new], moment))
    return changes
