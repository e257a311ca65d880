"""Sprints of other tools end when these say so, or else by their dates: nobody closes here what is closed there."""

from collections.abc import Collection
from uuid import UUID

from apps.projects.history.moments import When, moment_of
from apps.projects.history.snapshots import freeze, has_late_news
from apps.projects.models import Project, Sprint
from apps.projects.rows import all_or_nothing, enter, lock


def close_ended_sprints(project: Project | None = None, *, now: When) -> int:
    """Complete imported sprints whose last day is over, and freeze their books; how many.

    A sprint of this place ends when its team says so.
    """
    # Days begin east of Greenwich: what is over there is not before the day of UTC.
    running = Sprint.objects.exclude(source="").filter(status=Sprint.Status.ACTIVE, end_date__lte=moment_of(now).date())
    if project is not None:
        running = running.filter(project=project)
    return sum(close_by_plan(sprint, now=now) for sprint in running.select_related("project"))


@all_or_nothing()
def close_by_plan(sprint: Sprint, *, now: When) -> bool:
    """Complete a running sprint whose last day is over; whether it was."""
    enter(sprint.project_id)
    lock(sprint)
    is_over = sprint.end_date is not None and sprint.end_date < sprint.project.day_of(moment_of(now))
    if sprint.status != Sprint.Status.ACTIVE or not is_over:
        return False
    _complete(sprint, now)
    return True


@all_or_nothing()
def close_as_told(sprint: Sprint, *, now: When) -> None:
    """Complete a sprint that was seen running and that its source says is over."""
    enter(sprint.project_id)
    lock(sprint)
    if sprint.status == Sprint.Status.ACTIVE:
        _complete(sprint, now)


def take_late_news(sprint_ids: Collection[UUID], *, now: When) -> int:
    """Close books anew that a plan closed before an import told how their sprints ended; how many.

    What is changed after a sprint bears a later date and is none of it: only news of the sprint's own time count.
    """
    rows = Sprint.objects.exclude(source="").filter(
        pk__in=sprint_ids, status=Sprint.Status.COMPLETED, completed_at=None, snapshot__isnull=False
    )
    return sum(_close_anew(sprint, now) for sprint in rows.select_related("snapshot", "project").order_by("pk"))


@all_or_nothing()
def _close_anew(sprint: Sprint, now: When) -> bool:
    enter(sprint.project_id)
    lock(sprint)
    if not has_late_news(sprint, now=moment_of(now)):
        return False
    reopen(sprint)
    _complete(sprint, now)
    return True


def is_closed_by_plan(sprint: Sprint) -> bool:
    """Whether its dates alone closed its books: its source may still tell another end."""
    has_books = getattr(sprint, "snapshot", None) is not None
    return bool(sprint.source) and has_books and sprint.completed_at is None


def reopen(sprint: Sprint) -> None:
    """Take back an end that only the plan told, since the source tells another one: the books are closed once more."""
    sprint.snapshot.delete()
    sprint._state.fields_cache.pop("snapshot", None)
    sprint.status = Sprint.Status.ACTIVE
    sprint.save(update_fields=["status"])


def _complete(sprint: Sprint, now: When) -> None:
    sprint.status = Sprint.Status.COMPLETED
    sprint.save(update_fields=["status"])
    freeze(sprint, now=moment_of(now))
