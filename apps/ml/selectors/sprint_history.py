"""Sprints with the past of every issue that ever was in them, in a constant number of queries."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import QuerySet

from apps.ml.core.past.sprints import SprintPast
from apps.ml.core.past.velocity import VELOCITY_SPRINTS, SprintWindow
from apps.ml.core.sprints.duration import MAX_REPLAYS
from apps.projects.history.issue_past import IssuePast
from apps.projects.history.reads import began_at, ended_at, planning_ended_at
from apps.projects.history.snapshots import pasts_of, snapshot_of
from apps.projects.models import Sprint

#: As many sprints as any statistic looks back on: the replayed ones and those that the first of them is told from.
HISTORY_SPRINTS = MAX_REPLAYS + VELOCITY_SPRINTS


def sprint_pasts(project_id: UUID | str, *, now: datetime, newest: int = HISTORY_SPRINTS) -> tuple[SprintPast, ...]:
    """The latest sprints completed by `now`, oldest first, those without dates before all others."""
    sprints = completed_by(now, Sprint.objects.filter(project_id=project_id), newest=newest)
    issues = pasts_of(sprints, now=now)
    return tuple(_past(sprint, issues[str(sprint.pk)], now) for sprint in sprints)


def sprint_past(sprint: Sprint, *, now: datetime) -> SprintPast:
    """One sprint, running or completed, as far as was known at `now`."""
    return _past(sprint, pasts_of([sprint], now=now)[str(sprint.pk)], now)


def completed_by(now: datetime, sprints: QuerySet[Sprint], *, newest: int) -> list[Sprint]:
    """The latest of these sprints that were completed by `now`, in the order of their ends, with their snapshots."""
    completed = sprints.filter(status=Sprint.Status.COMPLETED).select_related("snapshot")
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
    )


def _past(sprint: Sprint, issues: Sequence[IssuePast], now: datetime) -> SprintPast:
    planned, sprint_id = planning_ended_at(sprint), str(sprint.pk)
    people = {one.assignee_at(planned) for one in issues if planned and one.place_at(planned) == sprint_id}
    return SprintPast(
        window=window_of(sprint, now),
        planning_ended_at=planned,
        first_day=sprint.start_date,
        last_day=sprint.end_date,
        team_size=len(people - {""}) or None,
        is_frozen=snapshot_of(sprint, now) is not None,
        issues=tuple(issues),
    )
