"""Sprints as the core sees them, with the past of every issue, in a constant number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.ml.core.forecasts.calendar import WorkingCalendar
from apps.ml.core.forecasts.units import WorkItem
from apps.ml.core.past.sprints import SprintTimeline
from apps.ml.core.past.velocity import VELOCITY_SPRINTS, SprintRecord, SprintWindow, sprint_record
from apps.ml.core.sprints.duration import MAX_REPLAYS, SprintPlan
from apps.ml.core.sprints.state import SprintScopeIssue, SprintState
from apps.ml.selectors.calendars import working_calendar
from apps.ml.selectors.evidence import last_move_of
from apps.ml.selectors.forecasts import work_by_sprint, work_items
from apps.ml.selectors.issues import ENDED, open_in
from apps.projects.history.issue_past import IssuePast
from apps.projects.history.reads import began_at, ended_at, planning_ended_at
from apps.projects.history.snapshots import WITHOUT_CONTENTS, books_of, pasts_of, snapshot_of
from apps.projects.history.sprint_books import elapsed_ratio, scope_of, standings_at
from apps.projects.levels import COUNTED
from apps.projects.models import Issue, IssueChange, Sprint


def completed_sprints(project_id: UUID | str, *, now: datetime) -> tuple[SprintRecord, ...]:
    """What the latest sprints completed by `now` delivered, oldest first, those without dates before all others."""
    sprints = latest_sprints(project_id, now=now)
    return tuple(records_of(sprints, now=now).values())


def records_of(
    sprints: Sequence[Sprint], *, now: datetime, pasts: Mapping[str, Sequence[IssuePast]] | None = None
) -> dict[str, SprintRecord]:
    """What some sprints delivered, by id; their `pasts` may be there already."""
    books = books_of(sprints, now=now, pasts=pasts)
    return {
        sprint_id: sprint_record(window_of(sprint, now), books[sprint_id].report.completed)
        for sprint_id, sprint in ((str(sprint.pk), sprint) for sprint in sprints)
    }


def sprint_plan(
    sprint: Sprint,
    *,
    issue_ids: Sequence[UUID],
    team_capacity_hours: float | None,
    now: datetime,
    calendar: WorkingCalendar | None = None,
    items: Sequence[WorkItem] | None = None,
) -> SprintPlan:
    """The unfinished work of a plan, by the team's calendar; all of the sprint's when no issues are named.

    The sprint's may have been read already, see `open_work_of`.
    """
    if items is None:
        issues = _open(sprint.project_id, now)
        items = work_items(issues.filter(id__in=issue_ids) if issue_ids else issues.filter(COUNTED, sprint=sprint))
    today = sprint.project.day_of(now)
    first_day = sprint.start_date or today
    # What is left of a running sprint starts today, not when the sprint did; so does one that should run and does not.
    resumes_on = first_day if sprint.status == Sprint.Status.COMPLETED else max(first_day, today)
    return SprintPlan(
        items=tuple(items),
        first_day=first_day,
        resumes_on=resumes_on,
        last_day=sprint.end_date,
        team_capacity_hours=team_capacity_hours,
        calendar=calendar or working_calendar(sprint.project_id, now=now),
        elapsed_ratio=_elapsed_ratio(sprint, first_day, now),
    )


def open_work_of(sprints: Sequence[Sprint], *, now: datetime) -> dict[UUID | None, tuple[WorkItem, ...]]:
    """The unfinished work of some sprints of one project, by sprint, in one query."""
    return work_by_sprint(_open(sprints[0].project_id, now).filter(COUNTED, sprint__in=sprints))


def _open(project_id: UUID | str, now: datetime) -> QuerySet[Issue]:
    """As of now: what was finished later was open."""
    return Issue.objects.filter(project_id=project_id).exclude(ENDED & ~Q(resolved_at__gt=now))


def _elapsed_ratio(sprint: Sprint, first_day: date, now: datetime) -> float | None:
    """Time gone of a sprint that was begun; a planned one stands at its beginning."""
    if sprint.end_date is None or sprint.end_date < first_day:
        return None
    today = sprint.project.day_of(now)
    return 0.0 if sprint.status == Sprint.Status.PLANNED else elapsed_ratio(first_day, sprint.end_date, today)


def sprint_state(sprint: Sprint, past: SprintTimeline, *, now: datetime, calendar: WorkingCalendar) -> SprintState:
    """A running sprint as it stands, with what its history says about each of its issues."""
    started_at = past.planning_ended_at
    standings = standings_at(str(sprint.pk), started_at or now, past.issues, now)
    entered_at = {one.issue_id: one.entered_at for one in standings if one.stays}
    plans = {str(row["id"]): row for row in Issue.objects.filter(pk__in=entered_at).order_by().values(*_PLAN_COLUMNS)}
    issues = [issue for issue in past.issues if issue.issue_id in plans]
    today = sprint.project.day_of(now)
    return SprintState(
        now=now,
        issues=tuple(_scope_issue(issue, entered_at[issue.issue_id], plans[issue.issue_id]) for issue in issues),
        started_at=started_at,
        scope=scope_of(now, standings) if started_at and past.scope_is_recorded else None,
        elapsed_ratio=past.elapsed_ratio_at(now),
        team_estimates=_estimates(sprint.project_id),
        working_days_left=calendar.working_days(today, sprint.end_date) if sprint.end_date else None,
    )


_PLAN_COLUMNS = ("id", "priority", "estimated_hours", "source", "last_moved_at", "last_touched_at")


def _scope_issue(issue: IssuePast, entered_at: datetime, plan: Mapping[str, Any]) -> SprintScopeIssue:
    return SprintScopeIssue(
        issue_id=issue.issue_id,
        category=issue.category,
        entered_at=entered_at,
        moved_at=last_move_of(
            issue,
            is_made_here=not plan["source"],
            last_moved_at=plan["last_moved_at"],
            last_touched_at=plan["last_touched_at"],
        ),
        story_points=issue.story_points,
        estimated_hours=plan["estimated_hours"],
        is_assigned=bool(issue.assignee),
        actual_hours=issue.actual_hours,
        priority=plan["priority"],
        assignee=issue.assignee,
    )


def _estimates(project_id: UUID) -> bool:
    estimated = Q(story_points__isnull=False) | Q(estimated_hours__isnull=False)
    # The newest first, by an index: for any one at all a database goes through issues of other projects.
    newest = Issue.objects.filter(estimated, project_id=project_id).order_by("-created_at")
    return bool(newest.values_list("pk")[:1])


#: As many sprints as any statistic looks back on: the replayed ones and those that the first of them is told from.
HISTORY_SPRINTS = MAX_REPLAYS + VELOCITY_SPRINTS


def sprint_pasts(project_id: UUID | str, *, now: datetime, newest: int = HISTORY_SPRINTS) -> tuple[SprintTimeline, ...]:
    """The latest sprints completed by `now`, oldest first, those without dates before all others."""
    sprints = latest_sprints(project_id, now=now, newest=newest)
    return tuple(pasts_by_sprint(sprints, now=now).values())


def latest_sprints(project_id: UUID | str, *, now: datetime, newest: int = HISTORY_SPRINTS) -> list[Sprint]:
    """The latest sprints of a project that were completed by `now`, see `completed_by`."""
    return completed_by(now, Sprint.objects.filter(project_id=project_id), newest=newest)


def sprint_past(sprint: Sprint, *, now: datetime) -> SprintTimeline:
    """One sprint, running or completed, as far as was known at `now`."""
    return pasts_by_sprint([sprint], now=now)[sprint.pk]


def pasts_by_sprint(sprints: Sequence[Sprint], *, now: datetime) -> dict[UUID, SprintTimeline]:
    """Some sprints of one project, read together."""
    issues = pasts_of(sprints, now=now)
    return {sprint.pk: timeline_of(sprint, issues[str(sprint.pk)], now) for sprint in sprints}


def sprints_touched(project_id: UUID | str, *, since: datetime) -> set[str]:
    """Sprints that hold, or ever held, an issue that was added or edited since a moment; two queries."""
    touched = Issue.objects.filter(project_id=project_id, updated_at__gte=since).order_by()
    moves = IssueChange.objects.filter(
        project_id=project_id,
        issue__project_id=project_id,
        issue__updated_at__gte=since,
        field=IssueChange.Field.SPRINT,
    )
    now_in = touched.filter(sprint__isnull=False).values_list("sprint_id", flat=True).distinct()
    ever_in = moves.order_by().values_list("old_value", "new_value").distinct()
    return {str(id_) for id_ in now_in} | {id_ for row in ever_in for id_ in row if id_}


def running_sprint_of(project_id: UUID | str, issue_ids: Iterable[str]) -> Sprint | None:
    """The running sprint of which these are all the unfinished issues; None where they are not."""
    wanted, inside = set(issue_ids), defaultdict[UUID, set[str]](set)
    running = Issue.objects.filter(COUNTED, open_in(project_id), sprint__status=Sprint.Status.ACTIVE).order_by()
    for sprint_id, issue_id in running.values_list("sprint_id", "id"):
        if sprint_id is not None:
            inside[sprint_id].add(str(issue_id))
    found = next((sprint_id for sprint_id, issues in inside.items() if issues == wanted), None)
    return Sprint.objects.select_related("snapshot", "project").get(pk=found) if found else None


def completed_by(now: datetime, sprints: QuerySet[Sprint], *, newest: int) -> list[Sprint]:
    """The latest of these sprints that were completed by `now`, in the order of their ends, with their snapshots."""
    completed = sprints.filter(status=Sprint.Status.COMPLETED).select_related("snapshot", "project")
    completed = completed.defer(*WITHOUT_CONTENTS)
    ends = [(ended_at(sprint, now), sprint) for sprint in completed]
    over = [(end or datetime.min.replace(tzinfo=UTC), sprint) for end, sprint in ends if end is None or end <= now]
    return [sprint for _, sprint in sorted(over, key=lambda pair: (pair[0], str(pair[1].pk)))][-newest:]


def window_of(sprint: Sprint, now: datetime) -> SprintWindow:
    """When a sprint ran, by its moments or else its days; no end for one that still runs at `now`."""
    end = ended_at(sprint, now)
    return SprintWindow(
        sprint_id=str(sprint.pk),
        name=sprint.name,
        started_at=began_at(sprint),
        ended_at=None if end is None or end > now else end,
        zone=sprint.project.zone,
    )


def timeline_of(sprint: Sprint, issues: Sequence[IssuePast], now: datetime) -> SprintTimeline:
    """A sprint with the issues that are or were in it, as they were known at `now`."""
    planned, sprint_id = planning_ended_at(sprint), str(sprint.pk)
    people = {one.assignee_at(planned) for one in issues if planned and one.place_at(planned) == sprint_id}
    return replace(bare_timeline(sprint, now), team_size=len(people - {""}) or None, issues=tuple(issues))


def bare_timeline(sprint: Sprint, now: datetime) -> SprintTimeline:
    """What stands in the sprint's own row."""
    return SprintTimeline(
        window=window_of(sprint, now),
        planning_ended_at=planning_ended_at(sprint),
        first_day=sprint.start_date,
        last_day=sprint.end_date,
        is_frozen=snapshot_of(sprint, now) is not None,
        scope_is_recorded=sprint.scope_is_recorded,
    )
