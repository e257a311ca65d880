"""An erasure works alone: one at a time, leaving nothing in files, and nobody keeps what they read before it."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection, transaction

from apps.common.models import FirstAnswer
from apps.importers.keeping import ERASURES, wait_for_batches
from apps.importers.keeping import take_away as take_imports_away
from apps.ml.services.training.claims import take_away as take_trainings_away
from apps.projects.models import Project
from apps.upkeep.holding import enter_where_something_runs

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
