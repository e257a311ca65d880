"""Who we are to others that use the same store, and whether there are any."""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from apps.common.exceptions import ApplicationError
from apps.common.heartbeat import CLOCKS_DIFFER
from apps.ml.models import Installation, WorkerSeen
from apps.ml.selectors.workers import IMPORTS, LONG, SHORT
from apps.ml.services.upkeep import places
from apps.ml.services.upkeep.recorded import index_keys, known_keys
from apps.ml.storage import get_object_store
from apps.ml.storage.errors import StorageError
from apps.ml.storage.keys import MARKS, mark_key
from apps.ml.storage.marks import mark, others, read_mark

logger = logging.getLogger(__name__)

#: A worker notes the use of the database every minute; after so long without, it may have been another database.
GAP = timedelta(hours=1)
#: A time that goes on by more between two signs of life may be a wrong clock's, and what it makes old is not. A shorter
#: jump makes little old, and whoever works with it some days a week has gaps as long.
JUMP = timedelta(days=14)
#: By then somebody has set the clock right; the night after a long pause removes nothing, the next one does.
TRUSTED_AFTER = timedelta(hours=20)


#: Of PostgreSQL's locks that are no table's: whoever puts a backup in this database's place.
_REPLACING = 0x5C2A13


class NoNeighbour(ApplicationError):
    """There is no such installation to take over from."""


def this_installation() -> UUID:
    """The identifier of this database's installation; made when it is first asked for."""
    return installation().identifier


def installation() -> Installation:
    """This database's row of itself; one that lies elsewhere than before is a copy, and takes a name of its own."""
    row, here = _row(), places.place()
    if row.places == here:
        return row
    if row.places and not places.is_one(row.places, here):
        return _as_a_copy(row, here)
    # Only where it lies now: at a place where it lay before, there may be a copy one day.
    Installation.objects.filter(pk=1, places=row.places).update(places=here)
    return Installation.objects.get(pk=1)


def _row() -> Installation:
    row, _ = Installation.objects.get_or_create(pk=1)
    return row


def _as_a_copy(row: Installation, here: list[str]) -> Installation:
    us = uuid4()
    # Of two processes that notice it at once one chooses the name.
    mine = Installation.objects.filter(pk=1, identifier=row.identifier)
    if mine.update(identifier=us, places=here):
        logger.warning(
            "This database lies elsewhere than before: it is a copy, or was moved. It is installation %s now, and what "
            "installation %s holds in the model store stays. If that one runs no more: "
            "./run manage verify_ml_models --take-over %s",
            us, row.identifier, row.identifier,
        )  # fmt: skip
        _mark_what_rows_name(us)
    return Installation.objects.get(pk=1)


def _mark_what_rows_name(us: UUID) -> None:
    try:
        mark(get_object_store(), us, *sorted(known_keys() | index_keys()))
    except StorageError as error:
        logger.warning("What this installation holds is not marked yet; the next night does it: %s", error.message)


def note_activity(now: datetime) -> None:
    """This database is in use; a longer time before, in which it was not, is kept as a gap."""
    row = installation()
    if row.active_at is not None and now - row.active_at > GAP:
        row.gaps = [*row.gaps, [row.active_at.isoformat(), now.isoformat()]]
    before = row.active_at
    if has_jumped(row, now):
        row.jumped_at = now
    # A clock that was ahead says nothing of now once it is set back.
    row.active_at = now if before is None or before - now > CLOCKS_DIFFER else max(now, before)
    row.save(update_fields=["active_at", "gaps", "jumped_at"])


def has_jumped(row: Installation, now: datetime) -> bool:
    """Whether the time does not go on from the last sign of life."""
    return row.active_at is not None and not -CLOCKS_DIFFER <= now - row.active_at <= JUMP


def tells_age(now: datetime) -> bool:
    """Whether what is old by this clock is: it has gone on for long without a jump."""
    row = installation()
    return not has_jumped(row, now) and (row.jumped_at is None or now - row.jumped_at >= TRUSTED_AFTER)


@transaction.atomic
def forget_gaps(judged: Collection[Sequence[str]], *, until: datetime) -> None:
    """What is of these gaps is noted by now; but for those that ended later, of which some is too young to be told."""
    row = Installation.objects.select_for_update(no_key=True).get(pk=1)
    row.gaps = [gap for gap in row.gaps if gap not in judged or datetime.fromisoformat(gap[1]) > until]
    row.save(update_fields=["gaps"])


def note_worker(queue: str, now: datetime) -> None:
    """A worker of this queue is there."""
    WorkerSeen.objects.update_or_create(queue=queue, defaults={"seen_at": now})


def note_started_workers() -> None:
    """Those of all queues were started a moment ago: pages need not tell anybody to start them."""
    for queue in (SHORT, LONG, IMPORTS):
        note_worker(queue, timezone.now())


def name_to_take(now: datetime) -> UUID:
    """A name for what will take this database's place.

    It is this one's from now on: should nothing take its place, what is marked so is nobody else's.
    """
    # What is stored under that name is of a time that this database knows.
    note_activity(now)
    name = uuid4()
    with transaction.atomic():
        # As it is once nobody else changes it: two at once add a name each.
        row = Installation.objects.select_for_update(no_key=True).get(pk=1)
        row.predecessors = [*row.predecessors, str(name)]
        row.save(update_fields=["predecessors"])
    return name


def to_be_replaced() -> Installation:
    """This database as it is now, and until the end of the transaction for others that want to take its place.

    Not by a lock of its row: whoever waits for that holds the table, which is to be emptied.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_REPLACING])
    return installation()


def become_another(
    replaced: Installation | None = None, *, name: UUID | None = None, since: datetime | None = None
) -> None:
    """Take a new identifier: the database is a copy, and who it was may go on writing elsewhere.

    Parameters
    ----------
    replaced : Installation, optional
        Whose place the copy takes: that one and those before it run no more, so their marks are ours.
    name : UUID, optional
        The new identifier, where something is marked with it already.
    since : datetime, optional
        From when on it is. What was stored between the backup and then is newer than all that the database knows.
    """
    # As it came, wherever it lay: it takes one name, and not one more for lying elsewhere.
    row = _row()
    ended = () if replaced is None else names_of(replaced)
    row.identifier, row.places = name or uuid4(), places.place()
    row.predecessors = [each for each in dict.fromkeys([*row.predecessors, *ended]) if each != str(row.identifier)]
    if since is not None:
        begins_at = row.active_at and min(row.active_at, since)
        row.gaps = [*row.gaps, [begins_at.isoformat(), since.isoformat()]] if begins_at else row.gaps
        row.active_at = timezone.now()
    row.save(force_update=True)


def names_of(row: Installation) -> tuple[str, ...]:
    """Whose marks in the store are an installation's own: its name, and those of which it took the place."""
    return (str(row.identifier), *row.predecessors)


def our_names() -> tuple[str, ...]:
    """Those of this database's installation, the present one first."""
    return names_of(installation())


def neighbours() -> list[str]:
    """Other installations that have written to this store, below the same prefix."""
    return others(get_object_store(), our_names())


def take_over(name: str) -> int:
    """Make the objects of an installation that runs no more ours; returns how many it held.

    Raises
    ------
    NoNeighbour
        If no other installation of this name has written to the store.
    """
    if name not in neighbours():
        raise NoNeighbour(f"No other installation of the name {name!r:.80} has written to this store.")
    store, row = get_object_store(), installation()
    held = [read[1] for found in store.list(f"{MARKS}/{name}") if (read := read_mark(found.key))]
    mark(store, row.identifier, *held)
    for key in held:
        store.delete(mark_key(name, key))
    # Last: whatever fails before, the same command goes on.
    row.predecessors = [*row.predecessors, name]
    row.save(update_fields=["predecessors"])
    return len(held)


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
