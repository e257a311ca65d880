"""Objects that no row names: whose they are, and which of them may be removed when.

Only what carries a mark of this installation, or of one whose place it took, is ever removed. What another one wrote,
what nobody marked, and what is newer than everything this database knows (it is an older backup, then) is listed and
stays.
"""

import logging
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from apps.common.heartbeat import CLOCKS_DIFFER
from apps.common.operations.database_faults import by_itself
from apps.ml.models import Installation, MLModel, StrayObject, TextSnapshot
from apps.ml.services.upkeep.installation import forget_gaps, installation, names_of, our_names, this_installation
from apps.ml.services.upkeep.recorded import index_keys, known_keys
from apps.ml.services.upkeep.unwritten import remove_unwritten
from apps.ml.storage import get_object_store
from apps.ml.storage.errors import KeyRefused, StorageError
from apps.ml.storage.keys import DATASETS, INDEXES, MARKS, MODELS
from apps.ml.storage.marks import mark, read_mark, withdraw
from apps.ml.storage.objects import ObjectStore
from apps.ml.storage.stored import StoredObject
from apps.projects.erasures import moments_of_erasures

logger = logging.getLogger(__name__)

StrayKind = Literal["young", "foreign", "newer", "shared", "orphan"]
#: A training uploads first and writes its row last: what is younger may belong to one that goes on just now.
MIN_ORPHAN_AGE = timedelta(hours=1)
#: Models and training sets of a deleted project, and what a broken training left, are removed so long after they were
#: first seen without a row: time to put a backup back that still names them.
REMOVED_AFTER = timedelta(days=7)
#: But what was written around an erasure may hold what it erased: a worker that is killed between its upload and its
#: row has read before the erasure, and stored after its last search. It goes with the next sweep.
AROUND_AN_ERASURE = timedelta(days=1)

#: Steps that fail in a row before the store is taken for one that cannot be used. A few objects may be refused for a
#: reason of their own (rights of one folder, a retention); of half a store so many come in a row once in a million.
MOST_REFUSED = 20


@dataclass(frozen=True, slots=True)
class Stray:
    """An object without a row."""

    kind: StrayKind
    object: StoredObject
    detail: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies in the store, and who marked it."""

    objects: dict[str, StoredObject]
    marks: dict[str, set[str]]
    #: When an installation marked an object, by both.
    marked_at: dict[tuple[str, str], datetime]
    #: What lies among the marks and is none.
    strange: tuple[StoredObject, ...]
    #: Marks of what is not there.
    bare: tuple[StoredObject, ...]

    @classmethod
    def of(cls, store: ObjectStore) -> "Listing":
        objects = {found.key: found for prefix in (MODELS, DATASETS, INDEXES) for found in store.list(prefix)}
        marks: dict[str, set[str]] = defaultdict(set)
        marked_at = dict[tuple[str, str], datetime]()
        strange, bare = list[StoredObject](), list[StoredObject]()
        for found in store.list(MARKS):
            if (mark := read_mark(found.key)) is None:
                strange.append(found)
                continue
            marks[mark[1]].add(mark[0])
            marked_at[mark] = found.modified_at
            if mark[1] not in objects:
                bare.append(found)
        return cls(objects, marks, marked_at, tuple(strange), tuple(bare))

    def is_newer(self, us: Installation, key: str, names: Collection[str], *, seen: bool) -> bool:
        """Whether it is of a time that the database does not know, and so is what we have marked it by; or was once.

        A restore marks anew what its rows name. Not of indexes: they are made again from whichever database it is.
        """
        if key.startswith(INDEXES):
            return False
        moments = (self.objects[key].modified_at, *(self.marked_at[name, key] for name in names))
        return seen or all(_is_unknown_time(us, moment) for moment in moments)


def strays(listing: Listing, known: Collection[str], *, now: datetime) -> Iterator[Stray]:
    """Every object without a row, by key."""
    us = installation()
    ours = set(names_of(us))
    for found in listing.strange:
        yield Stray("foreign", found, "It is no mark of an installation; it stays.")
    seen_newer = set(StrayObject.objects.filter(is_newer=True).values_list("key", flat=True))
    for key in sorted(set(listing.objects) - set(known)):
        found = listing.objects[key]
        age = now - found.modified_at
        marked = listing.marks.get(key, set())
        if age < MIN_ORPHAN_AGE:
            yield Stray("young", found, "No row yet; a training may be going on.")
        elif not (noted := ours & marked):
            whose = f"Installation {min(marked)} wrote it" if marked else "No installation has marked it"
            yield Stray("foreign", found, f"{whose}; it stays.")
        elif listing.is_newer(us, key, noted, seen=key in seen_newer):
            yield Stray("newer", found, "It is of a time that this database does not know: an older backup? It stays.")
        elif others := marked - ours:
            yield Stray(
                "shared", found, f"No row for {age.days} days. Installation {min(others)} holds it, too: it stays."
            )
        else:
            yield Stray("orphan", found, f"No row for {age.days} days.")


def sweep_store(*, now: datetime) -> int:
    """Remember what is without a row, and remove what has been for REMOVED_AFTER; returns how many objects.

    What killed uploads left goes first.

    Raises
    ------
    StorageError
        If the store cannot be used; the next night does it.
    """
    with by_itself("sweep_model_store", remove_unwritten):
        remove_unwritten(now=now)
    store = get_object_store()
    listing, known = Listing.of(store), known_keys() | index_keys()
    # Not by itself: who does not know its own name removes nothing.
    us = this_installation()
    with by_itself("sweep_model_store", _mark_unmarked):
        _mark_unmarked(store, us, listing, known)
    with by_itself("sweep_model_store", _remove_bare_marks):
        _remove_bare_marks(store, listing, now=now)
    judged = installation().gaps
    ours = ("newer", "shared", "orphan")
    found = {stray.object.key: stray for stray in strays(listing, known, now=now) if stray.kind in ours}
    StrayObject.objects.exclude(key__in=found).delete()
    StrayObject.objects.bulk_create(
        [StrayObject(key=key, seen_at=now, is_newer=stray.kind == "newer") for key, stray in found.items()],
        ignore_conflicts=True,
    )
    forget_gaps(judged, until=now - MIN_ORPHAN_AGE - CLOCKS_DIFFER)
    due = StrayObject.objects.filter(is_newer=False, seen_at__lte=now - REMOVED_AFTER).values_list("key", flat=True)
    # In another order each night: what is refused for ever does not always come first.
    to_go = sorted({*due, *_written_around_an_erasure(found.values())})
    order = random.Random(now.toordinal())  # noqa: S311 - nothing secret
    removed = remove(order.sample(to_go, len(to_go)))
    StrayObject.objects.filter(key__in=removed).delete()
    return len(removed)


def _written_around_an_erasure(found: Collection[Stray]) -> list[str]:
    """Not of the last one alone: what was too young for the sweep after the one before is looked at again here."""
    # Of people also when it was looked for once more, which has another moment.
    again = TextSnapshot.objects.values_list("forgotten_at", flat=True).distinct()
    erased_at = moments_of_erasures() | {moment for moment in again if moment is not None}
    written = {stray.object.key: stray.object.modified_at for stray in found if stray.kind != "newer"}
    return [key for key, at in written.items() if any(abs(at - moment) <= AROUND_AN_ERASURE for moment in erased_at)]


def remove(keys: Collection[str]) -> list[str]:
    """Remove objects with their marks, unless a row names them meanwhile; the keys of those that are gone.

    One that another installation holds as well stays for it: our mark alone goes.

    Raises
    ------
    StorageError
        If the store refused any, when the others are gone.
    """
    store, ours, removed = get_object_store(), our_names(), list[str]()

    def take(key: str) -> None:
        if _has_row(key):
            return
        try:
            removed.extend(withdraw(store, ours, [key]))
        except KeyRefused:
            logger.warning("Orphan has a name that this service never writes, and stays key=%r", key)

    try:
        _do_each(keys, take)
    finally:
        if removed:
            logger.info("Orphans deleted objects=%d", len(removed))
    return removed


def _do_each(keys: Collection[str], do: Callable[[str], None]) -> None:
    """What the store refuses of one stops no other, unless it refuses them all; it is raised at the end."""
    refused, in_a_row = list[StorageError](), 0
    for key in keys:
        try:
            do(key)
            in_a_row = 0
        except StorageError as error:
            refused.append(error)
            in_a_row += 1
            if in_a_row == MOST_REFUSED:
                break
    if refused:
        raise StorageError(f"The store refused {len(refused)} of {len(keys)} objects: {refused[0].message}")


def _mark_unmarked(store: ObjectStore, us: UUID, listing: Listing, known: Collection[str]) -> None:
    """What rows name is ours, too: written before there were marks, or while the store took none.

    With the present name, whatever a predecessor has marked: a copy of this database has the same predecessors.
    """
    marks = listing.marks
    unmarked = [key for key in sorted(known) if key in listing.objects and str(us) not in marks.get(key, ())]
    _do_each(unmarked, lambda key: mark(store, us, key))


def _remove_bare_marks(store: ObjectStore, listing: Listing, *, now: datetime) -> None:
    """An upload that broke off has left them. By then no other writes under the same key, which has its day in it."""
    ours = our_names()
    old = [found.key for found in listing.bare if now - found.modified_at >= REMOVED_AFTER]
    _do_each([key for key in old if key.split("/")[1] in ours], store.delete)


def _is_unknown_time(us: Installation, moment: datetime) -> bool:
    if us.active_at is None or moment > us.active_at:
        return True
    # Stores tell whole seconds, by a clock of their own: what was written as a gap ended is not of it.
    moment += CLOCKS_DIFFER
    return any(datetime.fromisoformat(start) < moment <= datetime.fromisoformat(end) for start, end in us.gaps)


def _has_row(key: str) -> bool:
    columns = ("s3_key", "serving_key", "dataset_key")
    is_model = any(MLModel.objects.filter(**{column: key}).exists() for column in columns)
    return is_model or TextSnapshot.objects.filter(key=key).exists()
