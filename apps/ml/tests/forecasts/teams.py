"""Teams with enough past weeks to be forecast, and sprints to ask about."""

from datetime import UTC, datetime, timedelta

import numpy as np

from apps.ml.core.forecasts.forecaster import WorkForecast
from apps.ml.services.forecasts.sprint import TeamPast
from apps.ml.services.sprints.future import sprint_future
from apps.projects.models import Issue, Project, Sprint
from apps.projects.services import close_sprint, update_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory


def finish_by_week(
    project: Project, counts: list[int], *, now: datetime, points: float | None = 2.0, **fields: object
) -> None:
    """Finished issues in each past week, the last entry being the week before today."""
    kind, done = project.issue_types.first(), project.statuses.get(category="done")
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for age, count in enumerate(reversed(counts)):
        at = midnight - timedelta(days=7 * age + 3)
        Issue.objects.bulk_create(
            Issue(
                project=project,
                title="Done",
                issue_type=kind,
                status=done,
                story_points=points,
                created_at=at - timedelta(days=9),
                resolved_at=at,
                **fields,
            )
            for _ in range(count)
        )


def a_team(now: datetime) -> Project:
    """About five issues, ten points, a week for 30 weeks, in three dated sprints among other work."""
    project = ProjectFactory()
    finish_by_week(project, [int(n) for n in np.random.default_rng(0).poisson(4, 30) + 1], now=now)
    for n in (4, 3, 2):
        start = now - timedelta(days=14 * n)
        past = SprintFactory(project=project, start_date=start.date(), started_at=start, completed=True)
        IssueFactory.create_batch(
            2,
            project=project,
            sprint=past,
            story_points=5,
            completed=True,
            created_at=start,
            resolved_at=start + timedelta(days=5),
        )
    return project


def a_running_sprint(
    project: Project, now: datetime, *, started_days_ago: int = 5, n: int = 10, **fields: object
) -> Sprint:
    """Two weeks; ten issues of two points, if nothing else is said."""
    start = now.date() - timedelta(days=started_days_ago)
    sprint = SprintFactory(project=project, start_date=start, active=True)
    IssueFactory.create_batch(n, project=project, sprint=sprint, **{"story_points": 2, **fields})
    return sprint


def growing_sprints(project: Project, now: datetime, n: int = 6) -> None:
    """Past sprints of a week into each of which, on its second day, as much came as was planned."""
    for number in range(n, 0, -1):
        start = now - timedelta(days=7 * number + 10)
        sprint = SprintFactory(project=project, start_date=start.date(), active=True, started_at=start)
        options = {"project": project, "created_at": start - timedelta(days=3), "story_points": 2}
        IssueFactory.create_batch(2, sprint=sprint, **options)
        for late in IssueFactory.create_batch(2, **options):
            update_issue(late, by=None, now=start + timedelta(days=1), sprint=sprint)
        for issue in sprint.issues.all():
            update_issue(issue, by=None, now=start + timedelta(days=6), status=project.statuses.get(name="Done"))
        close_sprint(sprint, by=None, now=start + timedelta(days=6.5))


def sprint_forecast(sprint: Sprint, *, now: datetime, team: TeamPast | None = None) -> WorkForecast:
    """When a sprint's own plan is done, as every answer tells."""
    return sprint_future(sprint, now=now, team=team).question_or_raise().forecast()
