"""Sprints with the past of every issue that ever was in them, in a constant number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet

from apps.common.history import FieldChange, IssuePast
from apps.common.sprint_scope import spells_in
from apps.ml.core.sprint_duration import MAX_REPLAYS
from apps.ml.core.sprint_scope import SprintPast
from apps.ml.core.velocity import VELOCITY_SPRINTS, SprintWindow
from apps.projects.models import Issue, IssueChange, Sprint, WorkflowStatus

#: As many sprints as any statistic looks back on: the replayed ones and those that the first of them is told from.
HISTORY_SPRINTS = MAX_REPLAYS + VELOCITY_SPRINTS
#: What tells how an issue stood in a sprint.
_FIELDS = ("sprint", "status", "story_points", "assignee")


def sprint_pasts(project_id: UUID | str, *, now: datetime, newest: int = HISTORY_SPRINTS) -> tuple[SprintPast, ...]:
    """The latest sprints completed by `now`, oldest first, those without dates before all others."""
    sprints = completed_by(now, Sprint.objects.filter(project_id=project_id), newest=newest)
    issues = _issues_by_sprint(project_id, [str(sprint.pk) for sprint in sprints], now)
    return tuple(_past(sprint, issues[str(sprint.pk)], now) for sprint in sprints)


def sprint_past(sprint: Sprint, *, now: datetime) -> SprintPast:
    """One sprint, running or completed, as far as was known at `now`."""
    return _past(sprint, _issues_by_sprint(sprint.project_id, [str(sprint.pk)], now)[str(sprint.pk)], now)


def completed_by(now: datetime, sprints: QuerySet[Sprint], *, newest: int) -> list[Sprint]:
    """The latest of these sprints that were completed by `now`, in the order of their ends."""
    completed = sprints.filter(status=Sprint.Status.COMPLETED)
    ends = [(window_of(sprint, now).ended_at, sprint) for sprint in completed]
    over = [(end or datetime.min.replace(tzinfo=UTC), sprint) for end, sprint in ends if end is None or end <= now]
    return [sprint for _, sprint in sorted(over, key=lambda pair: (pair[0], str(pair[1].pk)))][-newest:]


def window_of(sprint: Sprint, now: datetime) -> SprintWindow:
    """When a sprint ran, by its moments or else its days; no end for one that still runs at `now`."""
    started_at, ended_at = _moments(sprint)
    if ended_at is None and sprint.status == Sprint.Status.COMPLETED and sprint.end_date:
        ended_at = _last_moment(sprint.end_date, now)
    return SprintWindow(
        sprint_id=str(sprint.pk),
        name=sprint.name,
        started_at=started_at or (_midnight(sprint.start_date) if sprint.start_date else None),
        ended_at=ended_at,
    )


def planning_ended_at(sprint: Sprint) -> datetime | None:
    """From when on an issue that enters was added: the moment of the start or, if only the day is known, its end."""
    return _moments(sprint)[0] or (_end_of(sprint.start_date) if sprint.start_date else None)


def _past(sprint: Sprint, issues: Sequence[IssuePast], now: datetime) -> SprintPast:
    window, planned = window_of(sprint, now), planning_ended_at(sprint)
    if window.ended_at is not None and window.ended_at > now:
        window = replace(window, ended_at=None)
    people = {one.assignee_at(planned) for one in issues if planned and one.place_at(planned) == window.sprint_id}
    return SprintPast(
        window=window,
        planning_ended_at=planned,
        first_day=sprint.start_date,
        last_day=sprint.end_date,
        team_size=len(people - {""}) or None,
        issues=tuple(issues),
    )


def _issues_by_sprint(project_id: UUID | str, sprint_ids: Sequence[str], now: datetime) -> dict[str, list[IssuePast]]:
    """Issues that are or were in each sprint, as they were known at `now`."""
    found: dict[str, list[IssuePast]] = defaultdict(list)
    for issue in _issues_of(project_id, sprint_ids, now) if sprint_ids else ():
        for sprint_id in set(issue.timeline("sprint").values):
            if spells_in(issue, sprint_id):
                found[sprint_id].append(issue)
    return found


def _issues_of(project_id: UUID | str, sprint_ids: Sequence[str], now: datetime) -> list[IssuePast]:
    moves = IssueChange.objects.filter(issue__project_id=project_id, field=IssueChange.Field.SPRINT)
    once_in = moves.filter(Q(old_value__in=sprint_ids) | Q(new_value__in=sprint_ids)).order_by()
    in_any = Q(sprint_id__in=sprint_ids) | Q(pk__in=once_in.values("issue_id"))
    issues = Issue.objects.filter(in_any, project_id=project_id, created_at__lte=now)
    changes = _changes(project_id, issues)
    rows = issues.annotate(category=F("status__category")).order_by("created_at", "id").values(*_COLUMNS)
    return [_issue(row, changes.get(row["id"], ())).as_of(now) for row in rows]


_COLUMNS = (
    "id", "created_at", "sprint_id", "category", "story_points", "started_at", "resolved_at", "assignee_id",
    "actual_hours",
)  # fmt: skip


def _issue(row: Mapping[str, Any], changes: Iterable[FieldChange]) -> IssuePast:
    return IssuePast(
        issue_id=str(row["id"]),
        created_at=row["created_at"],
        sprint_id=str(row["sprint_id"] or ""),
        category=row["category"],
        story_points=row["story_points"],
        started_at=row["started_at"],
        resolved_at=row["resolved_at"],
        assignee=str(row["assignee_id"] or ""),
        actual_hours=row["actual_hours"],
        changes=tuple(changes),
    )


def _changes(project_id: UUID | str, issues: QuerySet[Issue]) -> dict[UUID, list[FieldChange]]:
    """What happened to some issues, by issue, oldest first, with each status as what it means."""
    statuses = WorkflowStatus.objects.filter(project_id=project_id).values_list("name", "category")
    category = dict(statuses)
    history = IssueChange.objects.filter(issue__in=issues.order_by().values("id"), field__in=_FIELDS)
    columns = history.order_by("changed_at", "id").values_list(
        "issue_id", "field", "old_value", "new_value", "changed_at"
    )
    changes: dict[UUID, list[FieldChange]] = defaultdict(list)
    for issue_id, name, old, new, moment in columns:
        is_status = name == IssueChange.Field.STATUS
        change = FieldChange(
            name, *((category.get(old, ""), category.get(new, "")) if is_status else (old, new)), moment
        )
        # A name that the board does not know means nothing; services and imports write none.
        if not is_status or (change.old_value and change.new_value):
            changes[issue_id].append(change)
    return changes


def _moments(sprint: Sprint) -> tuple[datetime | None, datetime | None]:
    """When it was started and completed, where that was recorded as it happened."""
    started_at, completed_at, last_day = sprint.started_at, sprint.completed_at, sprint.end_date
    entered_afterwards = (
        started_at is not None
        and completed_at is not None
        and last_day is not None
        # Started and completed on one day after its last: these are times of book-keeping, the dates are of the work.
        and last_day < started_at.date() == completed_at.date()
    )
    return (None, None) if entered_afterwards else (started_at, completed_at)


def _last_moment(day: date, now: datetime) -> datetime:
    """The end of a day; of today it is now."""
    return now if day == now.date() else _end_of(day)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time.max, tzinfo=UTC)
