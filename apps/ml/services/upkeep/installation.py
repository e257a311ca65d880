"""Who we are to others that use the same store, and whether there are any."""

import logging
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import DatabaseError, connections
from django.utils import timezone

from apps.ml.models import Installation, WorkerSeen
from apps.ml.selectors.workers import IMPORTS, LONG, SHORT
from apps.ml.storage import get_object_store
from apps.ml.storage.errors import StorageError
from apps.ml.storage.keys import MARKS

logger = logging.getLogger(__name__)

#: A worker notes the use of the database every minute; after so long without, it may have been another database.
GAP = timedelta(hours=1)


def this_installation() -> UUID:
    """The identifier of this database's installation; made when it is first asked for."""
    return installation().identifier


def installation() -> Installation:
    """This database's row of itself."""
    row, _ = Installation.objects.get_or_create(pk=1)
    return row


def note_activity(now: datetime) -> None:
    """This database is in use; a longer time before, in which it was not, is kept as a gap."""
    row = installation()
    if row.active_at is not None and now - row.active_at > GAP:
        row.gaps = [*row.gaps, [row.active_at.isoformat(), now.isoformat()]]
    row.active_at = max(now, row.active_at or now)
    row.save(update_fields=["active_at", "gaps"])


def note_worker(queue: str, now: datetime) -> None:
    """A worker of this queue is there."""
    WorkerSeen.objects.update_or_create(queue=queue, defaults={"seen_at": now})


def note_started_workers() -> None:
    """Those of all queues were started a moment ago: pages need not tell anybody to start them."""
    for queue in (SHORT, LONG, IMPORTS):
        note_worker(queue, timezone.now())


def become_another() -> UUID:
    """Take a new identifier: the database is a copy, and who it was may go on writing elsewhere."""
    row = installation()
    row.predecessors = [*row.predecessors, str(row.identifier)]
    row.identifier = uuid4()
    row.save()
    return row.identifier


def neighbours() -> list[str]:
    """Other installations that have written to this store, below the same prefix."""
    row = installation()
    return [name for name in get_object_store().folders(MARKS) if name not in {str(row.identifier), *row.predecessors}]


def warn_of_neighbours() -> None:
    """Say at start that the store is shared without a prefix: each would take the other's models for strangers'."""
    try:
        found = neighbours()
    except (StorageError, DatabaseError) as error:
        logger.warning("The model store cannot be asked for other installations: %s", type(error).__name__)
        return
    finally:
        connections.close_all()
    if found:
        logger.warning(
            "The model store holds objects of %d other installations; none of them is touched. "
            "Set AWS_STORAGE_PREFIX, or another MODEL_STORE_DIR, to keep them apart.",
            len(found),
        )
