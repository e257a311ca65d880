"""Sprints of other tools end by their dates: nobody closes here what is closed there."""

from datetime import datetime

from apps.projects.history.snapshots import freeze
from apps.projects.models import Project, Sprint
from apps.projects.rows import all_or_nothing, lock


def close_ended_sprints(project: Project | None = None, *, now: datetime) -> int:
    """Complete imported sprints whose last day is over, and freeze their books; how many.

    Nobody closes here what is closed in another tool; a sprint of this place ends when its team says so.
    """
    # Days begin east of Greenwich: what is over there is not before the day of UTC.
    running = Sprint.objects.exclude(source="").filter(status=Sprint.Status.ACTIVE, end_date__lte=now.date())
    if project is not None:
        running = running.filter(project=project)
    closed = 0
    for sprint in running.select_related("project"):
        closed += _close_ended(sprint, now)
    return closed


@all_or_nothing()
def _close_ended(sprint: Sprint, now: datetime) -> bool:
    lock(sprint)
    today = now.astimezone(sprint.project.zone).date()
    if sprint.status != Sprint.Status.ACTIVE or sprint.end_date is None or sprint.end_date >= today:
        return False
    sprint.status = Sprint.Status.COMPLETED
    sprint.save(update_fields=["status"])
    freeze(sprint, now=now)
    return True
