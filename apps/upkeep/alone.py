"""An erasure works alone: one at a time, leaving nothing in files, and nobody keeps what they read before it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection, transaction

from apps.common.exceptions import ApplicationError
from apps.common.models import FirstAnswer
from apps.common.operations.sqlite_log import empty_log
from apps.importers.keeping import ERASURES, wait_for_batches
from apps.importers.keeping import take_away as take_imports_away
from apps.ml.services.training.claims import take_away as take_trainings_away
from apps.projects.models import Project
from apps.upkeep.holding import enter_where_something_runs

logger = logging.getLogger(__name__)

_BEGINS_ANEW = "Somebody was erased while it ran: it begins anew."
#: Longer than pages and questions read; whoever has erased is told of whoever reads longer.
_PATIENCE_SECONDS = 20.0
_PATIENCE_OF_REQUESTS_SECONDS = 1.0


class PagesLeft(ApplicationError):
    """Somebody reads the database, and its log keeps what they read."""

    code = "pages_left"

    def __init__(self) -> None:
        super().__init__(
            "All is erased, but something has read the database all the while (a backup, a long page), and SQLite's "
            "log (-wal) keeps pages of before until it ends: within a minute of that the schedule of the workers "
            "empties it, as the end of the last process does."
        )


@contextmanager
def forgetting() -> Iterator[None]:
    """A transaction in which nobody else erases."""
    with transaction.atomic():
        wait_for_others()
        yield


@contextmanager
def leaving_no_pages() -> Iterator[None]:
    """At its end no file of SQLite holds what was removed in it.

    Raises
    ------
    PagesLeft
        If somebody reads the database all the while; all else is done.
    """
    yield
    if not empty_log(patience_seconds=_PATIENCE_SECONDS):
        raise PagesLeft


def leave_no_pages_soon() -> None:
    """After the commit, as above; whoever deletes waits a second at most, and the schedule does the rest."""
    transaction.on_commit(_empty_log_soon, robust=True)


def _empty_log_soon() -> None:
    if not empty_log(patience_seconds=_PATIENCE_OF_REQUESTS_SECONDS):
        logger.info("The database is being read: old pages stay in its log until the schedule's next minute")


def wait_for_others() -> None:
    """One erasure at a time: two would change the same issues, each in an order of its own; and no import taken back.

    SQLite has one writer.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ERASURES])


def take_away() -> list[UUID]:
    """What reads now would write what it has read: it begins anew. Before any row is changed, for it may be writing."""
    enter_where_something_runs()
    take_imports_away()
    return take_trainings_away(_BEGINS_ANEW)


def forget_kept_answers() -> None:
    """Whom they name cannot be told: they are sealed with keys that only their callers have."""
    FirstAnswer.objects.exclude(answer=None).delete()


def wait_for_questions() -> None:
    """After the commit: what others are just writing is seen by the look that follows, and later they write no text.

    Whoever works on a request with a key may have read what is erased: the claim goes with the answers, so that what
    it wrote is undone, and asked again it is worked out anew.
    """
    FirstAnswer.objects.all().delete()
    if connection.vendor != "postgresql":
        # It has one writer.
        return
    # Whoever records an answer or news has entered the project; whoever enters it later sees what was erased
    # (`record.py`, `apps.projects.erasures`). One by one, so that nobody waits for another project's long deletion.
    for project_id in Project.objects.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            Project.objects.select_for_update().filter(pk=project_id).values_list("pk").first()


def wait_for_imports() -> None:
    """After the commit: one that began shortly before it has read of nobody who is erased, and may be writing."""
    if connection.vendor == "postgresql":
        wait_for_batches()
