"""An erasure works alone: one at a time, leaving nothing in files, and nobody keeps what they read before it."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection, transaction

from apps.common.models import FirstAnswer
from apps.importers.keeping import take_away as take_imports_away
from apps.importers.keeping import wait_for_batches
from apps.ml.services.training.claims import take_away as take_trainings_away
from apps.upkeep.holding import WAITED_FOR, enter_where_something_runs

#: Any number that nothing else locks.
_LOCK = 0x5C2A11
_BEGINS_ANEW = "Somebody was erased while it ran: it begins anew."


@contextmanager
def forgetting() -> Iterator[None]:
    """A transaction whose old pages SQLite keeps in no file."""
    is_file = connection.vendor == "sqlite" and not connection.in_atomic_block
    with connection.cursor() as cursor:
        if is_file:
            cursor.execute("PRAGMA secure_delete = ON")
        with transaction.atomic():
            wait_for_others()
            yield
        if is_file:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def wait_for_others() -> None:
    """One erasure at a time: two would change the same issues, each in an order of its own. SQLite has one writer."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


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

    So questions do with their records, workers with news and with what receivers answered.

    Whoever works on a request with a key may have read what is erased: the claim goes with the answers, so that what
    it wrote is undone, and asked again it is worked out anew.
    """
    FirstAnswer.objects.all().delete()
    if connection.vendor == "postgresql":
        # Waits for whoever inserts; whoever comes later sees what was erased (`record.py`, `apps.projects.erasures`).
        # One after the other: who waits for one of them holds none. SQLite has one writer.
        for table in WAITED_FOR:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"LOCK TABLE {connection.ops.quote_name(table._meta.db_table)} IN SHARE MODE")


def wait_for_imports() -> None:
    """After the commit: one that began shortly before it has read of nobody who is erased, and may be writing."""
    if connection.vendor == "postgresql":
        wait_for_batches()
