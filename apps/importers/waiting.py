"""Imports that wait: how many and how much of whom there may be, which come next, and whose go on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Exists, Max, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, Length
from django.utils import timezone

from apps.accounts.models import User
from apps.common.exceptions import ApplicationError, Conflict
from apps.common.heartbeat import CLOCKS_DIFFER, HEARTBEAT_SECONDS, silent
from apps.importers.models import Connection, ImportRun, ImportTouch, ImportTrace
from apps.projects.leads import made_by_a_lead, set_going_by_a_lead

Status = ImportRun.Status
#: Eight missed heartbeats, as of trainings: a worker that was killed is noticed within two minutes, a busy one is not.
LOST_AFTER = timedelta(seconds=8 * HEARTBEAT_SECONDS)
LONGEST_UPLOAD_BYTES = 50 * 2**20
#: Of a person one is carried out at a time: more are a loop in somebody's script.
MOST_WAITING = 20
#: A person's files, waiting or tried: four of the largest.
MOST_KEPT_BYTES = 4 * LONGEST_UPLOAD_BYTES
#: Everybody's, so that a small disk holds them beside everything else.
MOST_KEPT_BYTES_OF_ALL = 20 * LONGEST_UPLOAD_BYTES
#: A minute's: workers carry out fewer.
MOST_SENT = 20
#: Of the four that `base/worker.py` carries out at a time. A tracker that says "wait" holds its place for up to two
#: hours, so that files, which wait for nobody, always find one.
MOST_TRACKERS = 3
#: What a worker is at, or was until it was lost.
UNDER_WAY = (Status.RUNNING, Status.UNDOING)
#: Over: if its file is kept, it was only tried.
TRIED = (Status.COMPLETED, Status.FAILED)
_TRIED = Q(status__in=TRIED)
#: The least by which two moments differ.
_INSTANT = timedelta(microseconds=1)
#: Any number that nothing else locks.
_LOCK = 0x5C2A12


# --- Room ---------------------------------------------------------------------------------------------------------
def require_room(by: User | None, n_bytes: int = 0) -> None:
    """Refuse one import too many, in the transaction that asks for it and before anything is written; `Conflict`.

    `make_room` has the last word about files: others may ask at this moment.
    """
    if by is not None:
        # What two at once meet at: each counts the other's. Rows that only refer to the person do not wait.
        User.objects.select_for_update(no_key=True).filter(pk=by.pk).first()
        if ImportRun.objects.filter(created_by=by, status=Status.QUEUED).count() >= MOST_WAITING:
            raise Conflict(f"{MOST_WAITING} imports of yours wait: ask again when some of them are done.")
    if not n_bytes:
        return
    for runs, most, refusal in _bounds(by):
        # Those that were only tried make room.
        if _kept_bytes(runs.exclude(_TRIED)) + n_bytes > most:
            raise Conflict(refusal)


def make_room(run: ImportRun) -> None:
    """Refuse a file too many, last in the transaction that has written it; raises `Conflict`.

    Files that were only tried make room for new ones, the oldest first: one's own, and before a refusal anybody's.
    Everybody's are counted by one at a time, with all that the others have kept: until this transaction ends, which is
    at once, for the file itself is written.
    """
    if connection.vendor == "postgresql":
        # Who counts sees what was committed before. SQLite has one writer.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    for runs, most, refusal in _bounds(run.created_by):
        _let_go(runs, most)
        if _kept_bytes(runs) > most:
            raise Conflict(refusal)


def _bounds(by: User | None) -> "Iterator[tuple[QuerySet[ImportRun], int, str]]":
    """Of whose files there may be how many bytes together, and what is said of one more."""
    if by is not None:
        told = "Files of yours wait that are too large together: ask again when they are imported."
        yield ImportRun.objects.filter(created_by=by), MOST_KEPT_BYTES, told
    told = "Too many files of this installation wait to be imported: ask again in some minutes."
    yield ImportRun.objects.all(), MOST_KEPT_BYTES_OF_ALL, told


def _let_go(runs: "QuerySet[ImportRun]", most_bytes: int) -> None:
    """Files that were tried, until the rest is no more than this."""
    kept = _kept_bytes(runs)
    if kept <= most_bytes:
        return
    # Whoever holds one lets it go, and may be waiting for us.
    tried = runs.filter(_TRIED, upload__isnull=False).select_for_update(skip_locked=True).order_by("created_at")
    for run_id, n_bytes in tried.values_list("pk", Length("upload")):
        if kept <= most_bytes:
            break
        ImportRun.objects.filter(pk=run_id).update(upload=None)
        kept -= n_bytes


def _kept_bytes(runs: "QuerySet[ImportRun]") -> int:
    n_bytes: int = runs.filter(upload__isnull=False).aggregate(n=Coalesce(Sum(Length("upload")), 0))["n"]
    return n_bytes


# --- Turns --------------------------------------------------------------------------------------------------------
def claimable(now: datetime) -> "QuerySet[ImportRun]":
    """Runs that wait to be carried out or taken back, and those whose worker is lost."""
    waits = Q(status=Status.QUEUED) | Q(status=Status.UNDOING, seen_at=None)
    lost = Q(status__in=UNDER_WAY) & silent("seen_at", now=now, after=LOST_AFTER)
    return ImportRun.objects.filter(waits | lost)


def running(now: datetime) -> "QuerySet[ImportRun]":
    """Runs that a worker is at."""
    return ImportRun.objects.filter(status__in=UNDER_WAY, seen_at__range=(now - LOST_AFTER, now + CLOCKS_DIFFER))


@dataclass(slots=True)
class Turns:
    """What is occupied: one import of a project and of a person at a time, and so many of trackers."""

    busy: set[UUID] = field(default_factory=set)
    trackers: int = 0
    #: Projects of which an import is being taken back, or waits for that: until then nothing is imported into them.
    taken_back: set[UUID] = field(default_factory=set)

    @classmethod
    def at(cls, now: datetime) -> "Turns":
        turns = cls()
        for each in running(now).values_list(*_ORIGIN):
            turns.take(Origin(*each))
        turns.taken_back.update(ImportRun.objects.filter(status=Status.UNDOING).values_list("project", flat=True))
        return turns

    def has_room_for(self, origin: "Origin") -> bool:
        is_crowded = origin.asks_tracker and self.trackers >= MOST_TRACKERS
        is_put_off = origin.project in self.taken_back and not origin.is_taken_back
        return self.busy.isdisjoint(origin.occupied) and not is_crowded and not is_put_off

    def take(self, origin: "Origin") -> None:
        self.busy |= origin.occupied
        self.trackers += origin.asks_tracker


class Origin(NamedTuple):
    """Of an import: where it goes, and who gave it."""

    project: UUID
    connection: UUID | None
    connected_by: UUID | None
    asked_by: UUID | None
    status: str
    taken_back_by: UUID | None

    @property
    def is_taken_back(self) -> bool:
        """Whether it is no import any more but the end of one."""
        return self.status == Status.UNDOING

    @property
    def asks_tracker(self) -> bool:
        """Whether it may be told to wait."""
        return self.connection is not None and not self.is_taken_back

    @property
    def giver(self) -> UUID | None:
        """Who gave the connection or the file, or wants it taken back."""
        if self.is_taken_back:
            return self.taken_back_by
        return self.connected_by if self.connection else self.asked_by

    @property
    def occupied(self) -> set[UUID]:
        return {each for each in (self.project, self.giver) if each}


_ORIGIN = (
    "project_id", "connection_id", "connection__created_by_id", "created_by_id", "status", "taking_back__asked_by_id",
)  # fmt: skip


def origin_of(run_id: UUID) -> Origin | None:
    """Where a run goes; None for one that is gone."""
    row = ImportRun.objects.filter(pk=run_id).values_list(*_ORIGIN).first()
    return Origin(*row) if row else None


def due_runs(*, now: datetime, behind: UUID | None = None) -> Sequence[UUID]:
    """Which can begin, oldest first: of each project and of each person one, where none is running.

    Of files of one source none comes before an older one that can begin as well. With `behind`, only those that waited
    for this run: of its project, or of the same person.
    """
    turns, before = Turns.at(now), origin_of(behind) if behind else None
    found: list[UUID] = []
    held = set[tuple[UUID, str]]()
    rows = claimable(now).order_by("created_at").values_list("pk", "source", "is_dry_run", *_ORIGIN)
    for pk, source, is_dry_run, *each in rows.iterator():
        origin = Origin(*each)
        is_file = not is_dry_run and origin.connection is None and not origin.is_taken_back
        line = (origin.project, source)
        waited = behind is None or (before is not None and not before.occupied.isdisjoint(origin.occupied))
        if waited and turns.has_room_for(origin) and not (is_file and line in held):
            found.append(pk)
            turns.take(origin)
        elif is_file and turns.has_room_for(origin):
            held.add(line)
        if len(found) == MOST_SENT:
            break
    return found


# --- Files, one after the other -----------------------------------------------------------------------------------
# A tracker is asked anew whenever its import begins; a file says what was so when it was given. It waits for its
# worker, may lose it, and begins anew, and meanwhile somebody may give a newer one, or import it on a command line.
class Overtaken(ApplicationError):
    """A newer file of this project was imported meanwhile: give this one again if it is to count."""

    code = "import_overtaken"


def files_of(runs: "QuerySet[ImportRun]") -> "QuerySet[ImportRun]":
    """Those that bring what a file says: what is only tried brings nothing."""
    return runs.filter(connection=None, is_dry_run=False)


def waits_for_an_older_one(run: ImportRun, turns: Turns) -> bool:
    """Whether a file that was given before this one can begin as well: it comes first.

    One whose giver is busy elsewhere holds up nobody; it is overtaken then.
    """
    if not _is_file(run):
        return False
    before = files_of(_beside(run)).filter(status__in=(Status.QUEUED, Status.RUNNING), created_at__lt=run.created_at)
    return any(turns.has_room_for(Origin(*each)) for each in before.values_list(*_ORIGIN))


def is_overtaken(run: ImportRun) -> bool:
    """Whether a file that was given after this one has been imported, or is being so."""
    touched, traced = (Exists(table.objects.filter(run=OuterRef("pk"))) for table in (ImportTouch, ImportTrace))
    begun = Q(status__in=(Status.RUNNING, Status.COMPLETED)) | Q(touched | traced, status=Status.FAILED)
    return _is_file(run) and files_of(_beside(run)).filter(begun, created_at__gt=run.created_at).exists()


class ConnectionGone(ApplicationError):
    """Its connection was deleted while it ran: what had come by then stays, and can be taken back."""

    code = "import_connection_gone"


def is_cut_off(run: ImportRun) -> bool:
    """Whether the connection is gone by which an import comes; until its run is let go nobody deletes it."""
    return run.connection_id is not None and not Connection.objects.filter(pk=run.connection_id).exists()


def make_older(project_id: UUID, now: datetime, *, moment: str) -> datetime:
    """What was asked for, or begun, before now: by a clock that was ahead and has been set back it seems to come later.

    Orders among imports of a project are read off these moments. Whoever adds the next calls this, in its transaction:
    each of the others becomes older by a microsecond than what followed it.

    Whoever is at one holds it, knows it for theirs by its moment, and may wait for whoever has the project: it stays as
    it is, with all others, and the next is later than they. The moment of the next is given back.
    """
    ahead = ImportRun.objects.filter(project=project_id, **{f"{moment}__gte": now})
    if ahead.filter(status__in=UNDER_WAY).exists():
        latest: datetime = ahead.aggregate(latest=Max(moment))["latest"]
        return latest + _INSTANT
    for n, pk in enumerate(ahead.order_by(f"-{moment}", "id").values_list("pk", flat=True), start=1):
        ahead.filter(pk=pk).update(**{moment: now - n * _INSTANT})
    return now


def _is_file(run: ImportRun) -> bool:
    # What somebody imports on a command line is theirs to order.
    return run.connection_id is None and not run.is_dry_run and bool(run.upload_name) and run.status != Status.UNDOING


def _beside(run: ImportRun) -> "QuerySet[ImportRun]":
    return ImportRun.objects.filter(project=run.project_id, source=run.source).exclude(pk=run.pk).order_by()


# --- Whose go on --------------------------------------------------------------------------------------------------
class GiverLeft(ApplicationError):
    """Whoever asked for it leads this project no more: a lead who wants it imported gives it again."""

    code = "import_giver_left"


_OF_WHO_GOES = "_imports_asked_for"


def goes_on() -> Q:
    """What still begins: what somebody asked for who leads its project, or runs the service; and the operator's own.

    Of a connection also whoever set it going has to; what the clock asked for needs nobody else, while it is on.
    """
    its_own = Connection.objects.filter(_going(), pk=OuterRef("connection"))
    by_connection = Q(connection=None) | Q(Exists(its_own))
    by_the_clock = Q(created_by=None) & (Q(connection=None) | Q(Exists(its_own.filter(is_active=True))))
    return by_connection & (made_by_a_lead("created_by") | by_the_clock)


def require_going(connection: Connection) -> None:
    """`Conflict` where whoever set a connection going leads its project no more."""
    if not Connection.objects.filter(_going(), pk=connection.pk).exists():
        raise Conflict(
            "Whoever set this connection going leads the project no more: switch it on, or give it a token where that "
            "went, too, and it is yours."
        )


def _going() -> Q:
    """Connections that have a token, from somebody who leads the project still: on, or asked by hand."""
    return set_going_by_a_lead() & ~Q(sealed_token="")


def take_on(run: ImportRun, *, by: User | None, is_full: bool) -> bool:
    """Whether a run that waits does for one more who asks: whole for either, and theirs if nobody asked who counts."""
    run.is_full = run.is_full or is_full
    if by is not None and not ImportRun.objects.filter(goes_on(), pk=run.pk).exists():
        run.created_by = by
    waits = ImportRun.objects.filter(pk=run.pk, status=Status.QUEUED)
    # A worker may have begun it since it was read.
    return waits.update(is_full=run.is_full, created_by=run.created_by) == 1


def note_what_waits_of_who_goes(*, instance: User, **_: Any) -> None:
    """An account is about to be deleted: afterwards what it asked for would be nobody's, like the operator's."""
    under_way = ImportRun.objects.filter(created_by=instance, status__in=(Status.QUEUED, Status.RUNNING))
    instance.__dict__[_OF_WHO_GOES] = list(under_way.values_list("pk", flat=True))


def end_what_waits_of_who_goes(*, instance: User, **_: Any) -> None:
    """An account is deleted. What ran begins anew, since somebody was erased: so it waits by now, too."""
    waiting = ImportRun.objects.filter(pk__in=instance.__dict__.pop(_OF_WHO_GOES, ()), status=Status.QUEUED)
    waiting.update(status=Status.FAILED, error=GiverLeft().message, finished_at=timezone.now(), upload=None)
