"""An erasure works alone: one at a time, leaving nothing in files, and nobody keeps what they read before it."""

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection, transaction

from apps.common import page_marks, passing
from apps.common.exceptions import ApplicationError
from apps.common.models import FirstAnswer
from apps.common.operations.database_faults import DATABASE_FAULTS, reason_of
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


_LOG_STAYS = (
    "Something has read the database all the while (a backup, a long page), and SQLite's log (-wal) keeps pages of "
    "before until it ends: within a minute of that the schedule of the workers empties it, as the end of the last "
    "process does."
)
_MARKS_STAY = (
    "The places at which numbered pages ended, which may be titles, could not be removed from throttle.sqlite3 "
    "({reason}): the schedule of the workers removes them within {minutes} minutes, if it can by then."
)


class PagesLeft(ApplicationError):
    """Somebody holds or reads a file of SQLite, which keeps what was read."""

    code = "pages_left"

    def __init__(self, *sentences: str) -> None:
        super().__init__(" ".join(["All is erased from database and store, but files still hold some.", *sentences]))


class BrokenOff(ApplicationError):
    """The database failed in the middle."""

    code = "broken_off"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The database failed in the middle ({reason}) and is as before, unless it failed while it confirmed the "
            "end; but models and training sets may be gone from the store already: run the command again, which does "
            "the rest and has them trained anew."
        )
        self.reason = reason


@contextmanager
def forgetting() -> Iterator[None]:
    """A transaction in which nobody else erases.

    Raises
    ------
    BrokenOff
        What was removed from the store meanwhile is in no transaction.
    """
    try:
        with transaction.atomic():
            wait_for_others()
            yield
    except DATABASE_FAULTS as error:
        raise BrokenOff(reason_of(error)) from error


@contextmanager
def leaving_no_pages() -> Iterator[None]:
    """At its end no file of SQLite holds what was removed in it, and nobody's page begins at it.

    Raises
    ------
    PagesLeft
        If somebody holds or reads them all the while; all else is done.
    """
    try:
        yield
    except ApplicationError:
        # It may have erased a part, and ends with that reason.
        _leave_no_pages_now(_PATIENCE_OF_REQUESTS_SECONDS)
        raise
    if left := _pages_left(_PATIENCE_SECONDS):
        raise PagesLeft(*left)


def leave_no_pages_soon(*, of_somebody: bool) -> None:
    """After the commit, as above; whoever deletes waits a second at most, and the schedule does the rest.

    Parameters
    ----------
    of_somebody : bool
        An account is deleted: where pages ended is forgotten, too.
    """
    transaction.on_commit(
        lambda: _leave_no_pages_now(_PATIENCE_OF_REQUESTS_SECONDS, of_somebody=of_somebody), robust=True
    )


def _leave_no_pages_now(patience_seconds: float, *, of_somebody: bool = True) -> None:
    for sentence in _pages_left(patience_seconds, of_somebody=of_somebody):
        logger.warning("Not yet gone: %s", sentence)


def _pages_left(patience_seconds: float, *, of_somebody: bool = True) -> list[str]:
    """What could not be removed yet, and until when."""
    left, is_empty = [], empty_log(patience_seconds=patience_seconds)
    try:
        if of_somebody:
            page_marks.forget_all(now=time.time(), patience_seconds=patience_seconds)
            is_empty &= passing.empty_log()
    except sqlite3.Error as error:
        left.append(_MARKS_STAY.format(reason=error, minutes=page_marks.KEPT_FOR_SECONDS // 60 + 1))
    return left if is_empty else [*left, _LOG_STAYS]


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
