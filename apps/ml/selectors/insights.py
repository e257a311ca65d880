"""Sprints, teams and projects as the core's records, each in a constant number of queries."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Max, Q

from apps.ml.core.anomalies.flow import RECENT_DAYS, REFERENCE_DAYS
from apps.ml.core.anomalies.rules import STALE_AFTER, OpenIssue, ProjectSnapshot
from apps.ml.core.anomalies.throughput_shift import JUDGED_WEEKS
from apps.ml.core.forecasts.calendar import WorkingCalendar
from apps.ml.core.forecasts.simulation import MAX_HISTORY_WEEKS
from apps.ml.core.past.sprints import SprintPast
from apps.ml.core.past.velocity import SprintRecord, sprint_record
from apps.ml.core.sprints.duration import SprintPlan
from apps.ml.core.sprints.state import SprintScopeIssue, SprintState
from apps.ml.core.summary import ProjectCounts
from apps.ml.selectors.calendars import working_calendar
from apps.ml.selectors.forecasts import issues_by_week, touched_since, work_items
from apps.ml.selectors.sprint_history import HISTORY_SPRINTS, completed_by, window_of
from apps.projects.history.issue_past import IssuePast
from apps.projects.history.snapshots import books_of
from apps.projects.history.sprint_books import scope_of, standings_at
from apps.projects.models import Issue, IssueChange, Sprint, WorkflowStatus

#: What a forecast looks back on, and the weeks that it is held against.
SERIES_WEEKS = MAX_HISTORY_WEEKS + JUDGED_WEEKS

_UNCHANGED: dict[str, Any] = {"last": None, "handovers": 0}
_DONE = Q(status__category=WorkflowStatus.Category.DONE)


def completed_sprints(project_id: UUID | str, *, now: datetime) -> tuple[SprintRecord, ...]:
    """What the latest sprints completed by `now` delivered, oldest first, those without dates before all others."""
    sprints = completed_by(now, Sprint.objects.filter(project_id=project_id), newest=HISTORY_SPRINTS)
    books = books_of(sprints, now=now)
    return tuple(sprint_record(window_of(sprint, now), books[str(sprint.pk)].report.completed) for sprint in sprints)


def sprint_plan(
    sprint: Sprint,
    *,
    issue_ids: Sequence[UUID],
    team_capacity_hours: float | None,
    today: date,
    calendar: WorkingCalendar | None = None,
) -> SprintPlan:
    """The unfinished work of a plan, by the team's calendar; all of the sprint's when no issues are named."""
    issues = Issue.objects.filter(project_id=sprint.project_id).exclude(_DONE)
    issues = issues.filter(id__in=issue_ids) if issue_ids else issues.filter(sprint=sprint)
    first_day = sprint.start_date or today
    # What is left of a running sprint starts today, not when the sprint did; so does one that should run and does not.
    resumes_on = first_day if sprint.status == Sprint.Status.COMPLETED else max(first_day, today)
    return SprintPlan(
        items=work_items(issues),
        first_day=first_day,
        resumes_on=resumes_on,
        last_day=sprint.end_date,
        team_capacity_hours=team_capacity_hours,
        calendar=calendar or working_calendar(sprint.project_id, today=today),
        elapsed_ratio=sprint.elapsed_ratio(resumes_on - timedelta(days=1)),
    )


def issues_outside(project_id: UUID | str, issue_ids: Iterable[UUID]) -> set[UUID]:
    """Those ids that are not issues of this project."""
    wanted = set(issue_ids)
    return wanted - set(Issue.objects.filter(project_id=project_id, id__in=wanted).values_list("id", flat=True))


def sprint_state(sprint: Sprint, past: SprintPast, *, now: datetime, calendar: WorkingCalendar) -> SprintState:
    """A running sprint as it stands, with what its history says about each of its issues."""
    started_at = past.planning_ended_at
    standings = standings_at(str(sprint.pk), started_at or now, past.issues, now)
    entered_at = {one.issue_id: one.entered_at for one in standings if one.is_in}
    columns = Issue.objects.filter(pk__in=entered_at).order_by().values_list("id", "priority", "estimated_hours")
    plans = {str(id_): (priority, hours) for id_, priority, hours in columns}
    issues = [issue for issue in past.issues if issue.issue_id in plans]
    today = now.date()
    return SprintState(
        now=now,
        issues=tuple(_scope_issue(issue, entered_at[issue.issue_id], *plans[issue.issue_id]) for issue in issues),
        started_at=started_at,
        scope=scope_of(now, standings) if started_at else None,
        elapsed_ratio=sprint.elapsed_ratio(today),
        team_estimates=_estimates(sprint.project_id),
        working_days_left=calendar.working_days(today, sprint.end_date) if sprint.end_date else None,
    )


def project_snapshot(project_id: UUID | str, *, now: datetime) -> ProjectSnapshot:
    """What the anomaly rules look at."""
    recent, past = _cycle_days(project_id, now=now)
    return ProjectSnapshot(
        now=now,
        open_issues=_open_issues(project_id, now=now),
        recent_cycle_days=recent,
        past_cycle_days=past,
        sprints=completed_sprints(project_id, now=now),
        created_per_week=issues_by_week(project_id, "created_at", now=now, weeks=SERIES_WEEKS),
        finished_per_week=issues_by_week(project_id, "resolved_at", now=now, weeks=SERIES_WEEKS),
    )


def project_counts(project_id: UUID | str, *, now: datetime) -> ProjectCounts:
    """Issues by what the summary says about them, in one query."""
    counts = Issue.objects.filter(project_id=project_id).aggregate(
        total=Count("id"),
        completed=Count("id", filter=_DONE),
        unassigned=Count("id", filter=~_DONE & Q(assignee=None)),
        overdue=Count("id", filter=~_DONE & Q(due_date__lt=now.date())),
        stale=Count("id", filter=~_DONE & ~touched_since(now - STALE_AFTER)),
    )
    return ProjectCounts(**counts)


def _scope_issue(
    issue: IssuePast, entered_at: datetime, priority: int | None, estimated_hours: float | None
) -> SprintScopeIssue:
    moves = issue.timeline("status").changed_at
    return SprintScopeIssue(
        issue_id=issue.issue_id,
        category=issue.category,
        entered_at=entered_at,
        moved_at=_latest(issue.created_at, issue.started_at, *moves[-1:]) or issue.created_at,
        story_points=issue.story_points,
        estimated_hours=estimated_hours,
        is_assigned=bool(issue.assignee),
        actual_hours=issue.actual_hours,
        priority=priority,
        assignee=issue.assignee,
    )


def _cycle_days(project_id: UUID | str, *, now: datetime) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Days from start to end of issues finished lately, and of those finished in the half year before."""
    border = now - timedelta(days=RECENT_DAYS)
    finished = Issue.objects.filter(
        _DONE,
        project_id=project_id,
        started_at__isnull=False,
        started_at__lte=F("resolved_at"),
        resolved_at__gt=border - timedelta(days=REFERENCE_DAYS),
        resolved_at__lte=now,
    )
    recent: list[float] = []
    past: list[float] = []
    for started_at, resolved_at in finished.order_by("resolved_at", "id").values_list("started_at", "resolved_at"):
        if started_at is not None and resolved_at is not None:
            (recent if resolved_at > border else past).append((resolved_at - started_at) / timedelta(days=1))
    return tuple(recent), tuple(past)


def _open_issues(project_id: UUID | str, *, now: datetime) -> tuple[OpenIssue, ...]:
    rows = (
        Issue.objects.filter(project_id=project_id)
        .exclude(_DONE)
        .order_by("created_at", "id")
        .values_list("id", "status__name", "status__category", "assignee_id", "created_at", "started_at")
    )
    changes = IssueChange.objects.filter(issue__project_id=project_id).exclude(
        issue__status__category=WorkflowStatus.Category.DONE
    )
    # Apart from the issues: joined, the database would group by every column of them.
    handover = Q(field=IssueChange.Field.ASSIGNEE, changed_at__gt=now - timedelta(days=RECENT_DAYS))
    from_one_to_another = handover & ~Q(old_value="") & ~Q(new_value="")
    per_issue = changes.order_by().values("issue_id")
    changed = {
        row["issue_id"]: row
        for row in per_issue.annotate(last=Max("changed_at"), handovers=Count("id", filter=from_one_to_another))
    }
    return tuple(
        OpenIssue(
            issue_id=str(id_),
            status=status,
            category=category,
            is_assigned=assignee is not None,
            last_change_at=_latest(created_at, started_at, changed.get(id_, _UNCHANGED)["last"]) or created_at,
            handovers=changed.get(id_, _UNCHANGED)["handovers"],
        )
        for id_, status, category, assignee, created_at, started_at in rows
    )


def _estimates(project_id: UUID) -> bool:
    estimated = Q(story_points__isnull=False) | Q(estimated_hours__isnull=False)
    return Issue.objects.filter(estimated, project_id=project_id).exists()


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)
