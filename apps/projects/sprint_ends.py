"""Sprints of other tools end when these say so, or else by their dates: nobody closes here what is closed there."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from uuid import UUID

from apps.common.operations.database_faults import by_itself
from apps.common.turns import within
from apps.projects.history.moments import When, moment_of
from apps.projects.history.snapshots import WITHOUT_CONTENTS, freeze, has_late_news, open_books
from apps.projects.models import Project, Sprint, SprintSnapshot
from apps.projects.rows import all_or_nothing, enter, few_of_each, lock

#: By the clock at a time, at some five milliseconds each, and no longer: what is due every minute waits for the same
#: worker.
MOST_AT_ONCE, RUN_SECONDS = 1_000, 10.0


def close_ended_sprints(project: Project | None = None, *, now: When) -> int:
    """Complete imported sprints whose last day is over, and freeze their books; how many.

    Without a project of all of them in turn, so many at a time: the rest has its turn within a quarter of an hour.
    A sprint of this place ends when its team says so. One that cannot be closed keeps no other from it.
    """
    # Days begin east of Greenwich: what is over there is not before the day of UTC.
    running = Sprint.objects.exclude(source="").filter(status=Sprint.Status.ACTIVE, end_date__lte=moment_of(now).date())
    if project is None:
        in_turn = list(few_of_each(running, MOST_AT_ONCE, order=("end_date", "id")))
        over: Iterable[Sprint] = within(RUN_SECONDS, (sprint for pk in in_turn for sprint in running.filter(pk=pk)))
    else:
        over = running.filter(project=project).select_related("project").order_by("pk")
    n_closed = 0
    for sprint in over:
        with by_itself("close_ended_sprints", sprint):
            n_closed += close_by_plan(sprint, now=now)
    return n_closed


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
def close_as_told(sprint: Sprint, *, completed_at: datetime | None, now: When) -> None:
    """Complete a sprint that was seen running and that its source says is over, since then where that is known."""
    enter(sprint.project_id)
    lock(sprint)
    if is_closed_by_plan(sprint):
        # In the midst of the import, by its last day.
        reopen(sprint)
    if sprint.status == Sprint.Status.ACTIVE:
        _complete(sprint, now, completed_at=completed_at)


def take_late_news(sprint_ids: Collection[UUID], *, now: When) -> int:
    """Close books anew that a plan closed before an import told how their sprints ended; how many.

    What is changed after a sprint bears a later date and is none of it: only news of the sprint's own time count.
    """
    rows = Sprint.objects.exclude(source="").filter(
        pk__in=sprint_ids, status=Sprint.Status.COMPLETED, completed_at=None, snapshot__isnull=False
    )
    n_closed = 0
    for sprint in rows.select_related("snapshot", "project").defer(*WITHOUT_CONTENTS).order_by("pk"):
        with by_itself("take_late_news", sprint):
            n_closed += _close_anew(sprint, now)
    return n_closed


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
    """Whether its dates alone closed its books, once its last day was over: its source may still tell another end."""
    books, last_day = _books_of(sprint), sprint.end_date
    if not sprint.source or books is None or sprint.completed_at is not None or last_day is None:
        return False
    return sprint.project.day_of(books.frozen_at) > last_day


def is_closed_here(sprint: Sprint) -> bool:
    """Whether its team closed it, over pages or API: its end is the very moment in which its books were frozen."""
    books = _books_of(sprint)
    return books is not None and books.frozen_at == sprint.completed_at


def ends_otherwise(sprint: Sprint, *, status: str, end_date: date | None, completed_at: datetime | None) -> bool:
    """Whether a source tells another end than the one for which it or the plan had the books of its sprint closed.

    Or none: it was opened again there. What its team closed here is over, whatever goes on elsewhere.
    """
    books = _books_of(sprint)
    if books is None or is_closed_here(sprint):
        return False
    if is_closed_by_plan(sprint):
        # Still open there, although its last day is over, is what the plan has closed it for.
        return (sprint.end_date, sprint.completed_at) != (end_date, completed_at)
    if completed_at is None:
        # Some sources tell that a sprint is over, and not since when.
        is_of_this_end = sprint.completed_at is None and sprint.end_date == end_date
    else:
        is_of_this_end = sprint.completed_at == completed_at <= books.frozen_at
    return status != Sprint.Status.COMPLETED or not is_of_this_end


def reopen(sprint: Sprint) -> None:
    """Take an end back, with the books that were kept of it: they are open, and closed once more when it ends."""
    open_books(sprint.pk)
    sprint._state.fields_cache.pop("snapshot", None)
    sprint.status, sprint.completed_at = Sprint.Status.ACTIVE, None
    sprint.save(update_fields=["status", "completed_at"])


def _books_of(sprint: Sprint) -> SprintSnapshot | None:
    return getattr(sprint, "snapshot", None)


def _complete(sprint: Sprint, now: When, *, completed_at: datetime | None = None) -> None:
    sprint.status, sprint.completed_at = Sprint.Status.COMPLETED, completed_at
    sprint.save(update_fields=["status", "completed_at"])
    freeze(sprint, now=moment_of(now))
