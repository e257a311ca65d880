"""What an erasure still has to do once its first part is committed: kept, sealed, until a search has proven it.

The account is a pseudonym by then, and the name stands only where somebody wrote it meanwhile: whoever goes on after a
fault, a kill or a power cut would not know what to look for.
"""

import json
import signal
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import asdict, dataclass
from datetime import datetime
from types import FrameType
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from apps.accounts.models import User
from apps.common.exceptions import ApplicationError
from apps.common.operations.database_faults import DATABASE_FAULTS, reason_of
from apps.importers.boxes import opened, sealed
from apps.importers.records import ImportRefused
from apps.projects.models import Project
from apps.upkeep.alone import BrokenOff
from apps.upkeep.learned import Dropped, remove_objects
from apps.upkeep.models import ErasureRecord
from apps.upkeep.objects import Stored, ours_of
from apps.upkeep.pseudonyms import named_in_address
from apps.upkeep.records import new_record, sign, was_erased
from apps.upkeep.sought import Sought
from apps.upkeep.texts import found_in_database

_GOES_ON = (
    "What its first part erased is gone for good; the rest is not proven yet. What is still to be looked for is kept, "
    "sealed, until nothing is found: run the command again, or leave it to the schedule of the workers, every hour."
)

_NOT_BEGUN = (
    "The database is as before; but models and training sets may be gone from the store already: run the command "
    "again, which does the rest and has them trained anew."
)


class ErasureIncomplete(ApplicationError):
    """The search afterwards found what should be gone."""

    code = "erasure_incomplete"


class HeldByOthers(ErasureIncomplete):
    """Nothing of ours holds it any more."""

    def __init__(self, keys: Collection[str]) -> None:
        self.keys = sorted(keys)
        super().__init__(
            f"Nothing of ours holds it any more. What another installation wrote holds it too: "
            f"{', '.join(self.keys)}. Erase there as well; where one runs no more, first make its objects this "
            f"one's: ./run manage verify_ml_models --take-over INSTALLATION. Where it may keep them: --others-keep."
        )


class NewerProject(ApplicationError):
    """A project that nobody has meant yet has the key of one whose erasure had broken off."""

    code = "newer_project"


class SealLost(ApplicationError):
    """No key opens what an erasure that broke off still has to look for."""

    code = "seal_lost"

    def __init__(self, record: ErasureRecord) -> None:
        super().__init__(
            f"What the erasure of {record.erased_at:%Y-%m-%d %H:%M} UTC still has to look for is sealed with a key "
            "that is none of CONNECTION_KEYS (without these, SECRET_KEY) any more: name it there behind the first and "
            "run the command again. If it is lost, nobody can read what is kept: the command forgets it with "
            "--give-up."
        )


@dataclass(slots=True)
class Unfinished:
    """An erasure that is not proven yet."""

    record: ErasureRecord
    sought: list[Sought]
    #: Whose accounts were erased: of these it is told in the end where a name stays.
    accounts: set[UUID]
    #: Which models served and wait for a training, and what another installation holds.
    dropped: Dropped

    @property
    def subject(self) -> str:
        """The address, or the id of the project."""
        return self.sought[0].names[0]

    @property
    def people(self) -> list[User]:
        """Of a deleted account there is no row."""
        return [User(pk=pk) for pk in self.accounts]

    def add(
        self, sought: Iterable[Sought], people: Iterable[User], dropped: Dropped, counts: Mapping[str, int]
    ) -> None:
        """In the transaction that changes it; whoever erases the same meanwhile has added theirs, which is kept."""
        with self._kept():
            self._look_for(sought)
            self.accounts |= {person.pk for person in people if not person.is_placeholder}
            self.dropped.add(dropped)
            objects = {"objects": dropped.objects} if dropped.objects else {}
            self.record.counts = summed(self.record.counts, counts, objects)

    def asked_for(self, served: Collection[tuple[str, UUID | None]]) -> None:
        """Their trainings are asked for: whoever goes on asks for none."""
        with self._kept():
            self.dropped.served.difference_update(served)

    @contextmanager
    def _kept(self) -> Iterator[None]:
        with transaction.atomic():
            row = ErasureRecord.objects.select_for_update().filter(pk=self.record.pk).first()
            if row is not None:
                self._take_over(row)
            yield
            self.record.unfinished, self.record.signature = self._box(), ""
            self.record.save(force_insert=row is None, force_update=row is not None)

    def _take_over(self, row: ErasureRecord) -> None:
        """The row as it is by now, with what whoever erases the same has added."""
        if row.unfinished is not None and bytes(row.unfinished) != self.record.unfinished:
            theirs = read(row)
            self._look_for(theirs.sought)
            self.accounts |= theirs.accounts
            self.dropped.add(theirs.dropped)
        # The last time counts.
        row.erased_at = max(row.erased_at, self.record.erased_at)
        self.record = row

    def _look_for(self, sought: Iterable[Sought]) -> None:
        # A list of its own: whoever searches by the one before has not looked for more.
        self.sought = [*self.sought, *(each for each in sought if each not in self.sought)]

    def _box(self) -> bytes:
        told = {
            "sought": [asdict(each) for each in self.sought],
            "accounts": list(self.accounts),
            "served": list(self.dropped.served),
            "kept": sorted(self.dropped.kept),
        }
        return sealed(json.dumps(told, default=_plain)).encode()

    def conclude(self, sought: Collection[Sought], kept: Collection[str]) -> bool:
        """Sign the record and forget the rest: if this is all that is to be looked for by now.

        Else what others have added is taken over, for whoever ends first to look for.
        """
        with transaction.atomic():
            self._take_over(ErasureRecord.objects.select_for_update().get(pk=self.record.pk))
            is_all = all(each in sought for each in self.sought) and self.dropped.kept <= {*kept}
            if not is_all or self.dropped.served:
                return False
            signed = copy(self.record)
            sign(signed)
        self.record = signed
        return True


def summed(*parts: Mapping[str, int]) -> dict[str, int]:
    """How much in all, by table."""
    names = sorted({name for part in parts for name in part})
    return {name: sum(part.get(name, 0) for part in parts) for name in names}


def _plain(value: Any) -> Any:
    return sorted(map(str, value)) if isinstance(value, (set, frozenset)) else str(value)


def begun(kind: str, name: str, now: datetime) -> Unfinished:
    """In an erasure's first transaction, which then adds to it; one of the same that did not end is a part of it."""
    record = unfinished_of(kind, name)
    if record is not None:
        # Else it stays for whoever has the key.
        with suppress(SealLost):
            rest = read(record)
            record.erased_at = now
            return rest
    return Unfinished(new_record(kind, name, now), [], set(), Dropped(set(), set()))


def unfinished_of(kind: str, name: str) -> ErasureRecord | None:
    """The one about this address or key that did not end."""
    return was_erased(kind, name).exclude(unfinished=None).first()


def rest_of_project(key: str) -> Unfinished | None:
    """What broke off of an erasure of one with this key; nothing where the same is back, from a backup."""
    record = unfinished_of(ErasureRecord.Kind.PROJECT, key)
    rest, there = read(record) if record else None, Project.objects.filter(key=key).first()
    is_back = rest and there and any(str(there.pk) in each.names for each in rest.sought)
    return None if is_back else rest


def only_the_rest(record: ErasureRecord, key: str) -> ErasureRecord:
    """Raises `NewerProject` where keys are given again: whoever runs a command again means what it meant before."""
    if Project.objects.filter(key=key).exists():
        raise NewerProject(
            f"What was left of the erasure is done and proven (record: {record.pk}). A project that was made since has "
            f"the key {key}, and stays. To erase that one, too, run the command again."
        )
    return record


def read(record: ErasureRecord) -> Unfinished:
    """Open what it still has to do; raises `SealLost`."""
    record.unfinished = bytes(record.unfinished or b"")
    try:
        told = json.loads(opened(record.unfinished.decode()))
    except ImportRefused as error:
        raise SealLost(record) from error
    served = {(model_type, project and UUID(project)) for model_type, project in told["served"]}
    accounts, dropped = set(map(UUID, told["accounts"])), Dropped(served, set(told["kept"]))
    return Unfinished(record, [_sought(each) for each in told["sought"]], accounts, dropped)


def _sought(told: dict[str, Any]) -> Sought:
    within = told["projects"]
    people, projects = tuple(map(UUID, told["people"])), None if within is None else frozenset(map(UUID, within))
    # One of an earlier version says nothing of it, and named the others of then.
    told, own = {name: value for name, value in told.items() if name != "others"}, tuple(map(UUID, told.get("own", ())))
    # As `sought_for` makes them, so that equal ones are.
    return Sought(**{**told, "people": people, "projects": projects, "own": own, "left": told["left"] or ()})


def give_up(kind: str, name: str) -> int:
    """Forget what erasures of this address or key that did not end still had to look for; how many there were."""
    with transaction.atomic():
        rows = list(was_erased(kind, name).exclude(unfinished=None).select_for_update())
        for row in rows:
            sign(row)
    return len(rows)


@contextmanager
def telling_what_is_left(rest: Unfinished) -> Iterator[None]:
    """Whatever stops it from here on: the first part is done, and the rest is kept.

    Raises
    ------
    ErasureIncomplete
        In place of what stopped it.
    """
    try:
        yield
    except (ApplicationError, *DATABASE_FAULTS) as error:
        if rest.record.unfinished is None:
            raise
        raise ErasureIncomplete(f"{_told(error)} {_GOES_ON}") from error


@contextmanager
def telling_whoever_stops_it(kind: str, name: str) -> Iterator[None]:
    """Ctrl-C comes anywhere: the records say what is done by then.

    Raises
    ------
    KeyboardInterrupt
        The same, with these words.
    """
    before, stopped = _proven(kind, name), list[int]()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)
        signal.default_int_handler(number, frame)

    noticed_before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    except BaseException as error:
        # In a function of ours that SQLite calls it is a fault of the database to whoever asked.
        if not (stopped or isinstance(error, KeyboardInterrupt)):
            raise
        if not connection.in_atomic_block:
            # It may be in the midst of an answer.
            connection.close()
        raise KeyboardInterrupt(f"Stopped. {_told_stopped(kind, name, before)}") from error
    finally:
        signal.signal(signal.SIGINT, noticed_before)


def _told_stopped(kind: str, name: str, before: set[UUID]) -> str:
    try:
        if unfinished_of(kind, name):
            return _GOES_ON
        if new := _proven(kind, name) - before:
            return f"All is erased, and proven; what files of SQLite hold yet goes by the schedule. Record: {max(new)}"
    except DATABASE_FAULTS as error:
        return f"{_told(error)} What is done by now cannot be told: run the command again, which does the rest."
    return _NOT_BEGUN


def _proven(kind: str, name: str) -> set[UUID]:
    return set(was_erased(kind, name).filter(unfinished=None).values_list("pk", flat=True))


def _told(error: Exception) -> str:
    if isinstance(error, ApplicationError) and not isinstance(error, BrokenOff):
        return error.message
    return f"The database failed ({error.reason if isinstance(error, BrokenOff) else reason_of(error)})."


def prove(kind: str, sought: Sequence[Sought], stored: Stored, kept: Collection[str]) -> None:
    """Search again, where each name was looked for; of the store, what such a search has found.

    Parameters
    ----------
    kind : str
        Of an `ErasureRecord`: that of a project replaces no names, so none that an earlier version left keeps it open.
    kept : collection of str
        Keys of objects that had to go and that another installation keeps, whatever the search finds in them.
    """
    left = [table for each in sought for table in found_in_database(each.names, each.within)]
    left += ["accounts.user"] * bool(kind == ErasureRecord.Kind.PERSON and named_in_address())
    ours = ours_of(stored.found)
    if left or ours:
        raise ErasureIncomplete(f"It is still in: {', '.join([*left, *sorted(ours)])}.")
    if others := stored.found | {*kept}:
        raise HeldByOthers(others)


def is_concluded(rest: Unfinished, sought: Sequence[Sought], stored: Stored, *, others_keep: bool) -> bool:
    """Prove it, and sign unless more is to be looked for by now; raises `ErasureIncomplete`.

    What others may keep is told in the record that is returned, and is no fault.
    """
    had_to_go, others = {*rest.dropped.kept}, list[str]()
    # They may have gone there, or become ours.
    kept = remove_objects(had_to_go) if had_to_go else set()
    try:
        prove(rest.record.kind, sought, stored, kept)
    except HeldByOthers as error:
        if not others_keep:
            raise
        others = error.keys
    is_all = rest.conclude(sought, had_to_go)
    # After `conclude`, which reads the record anew.
    rest.record.others_keep = others
    return is_all
