"""What an import did, kept row by row, so that it can be followed and taken back."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from apps.common.exceptions import ApplicationError, Conflict
from apps.common.heartbeat import beating
from apps.common.operations.database_faults import DATABASE_FAULTS
from apps.importers.models import ImportRun, ImportTouch, ImportTrace
from apps.importers.waiting import UNDER_WAY, ConnectionGone, Overtaken, is_cut_off, is_overtaken, make_older
from apps.importers.writing.changes import WITHOUT_HISTORY, Touch
from apps.importers.writing.erased import as_kept
from apps.importers.writing.kinds import hold_project
from apps.importers.writing.texts import plain_json
from apps.importers.writing.traces import Trace, Traces, plain
from apps.projects.models import Project
from apps.projects.rows import enter

Status = ImportRun.Status
#: A connection that broke, a lock that was waited for in vain: nobody's fault, and over in a moment.
#: What an erasure holds alone, and shares with whoever must not write beside it: any number that nothing else locks.
ERASURES = 0x5C2A11
STOPPED = "It was stopped before its end."


class TakenAway(ApplicationError):
    """Somebody was erased while this import ran: what it has read may name them. Begin it again."""

    code = "import_taken_away"


def begun(project: Project, source: str, *, now: datetime, **more: Any) -> ImportRun:
    """An import that runs in this process.

    Raises
    ------
    Conflict
        If one of the project is being taken back, which would not see what this one does.
    """
    moments = ("created_at", "started_at")
    with transaction.atomic():
        began_at = dict.fromkeys(moments, now)
        if not more.get("is_dry_run"):
            hold_project(project.pk)
            if ImportRun.objects.filter(project=project, status=Status.UNDOING).exists():
                raise Conflict("An import of this project is being taken back: import when that is over.")
            began_at = {moment: make_older(project.pk, now, moment=moment) for moment in moments}
        return ImportRun.objects.create(
            project=project, source=source, status=Status.RUNNING, seen_at=now, **began_at, **more
        )


def hold(run: ImportRun) -> None:
    """First in each transaction that writes: nobody takes the run away until it has ended.

    What is only tried holds nothing: it ends as one transaction, for which nobody shall wait.

    Raises
    ------
    Overtaken
        If a newer file is imported by now: what this one goes on to say is older.
    ConnectionGone
        If the connection by which it comes was deleted meanwhile.
    """
    if not run.is_dry_run:
        _write(run, seen_at=timezone.now())
        if is_overtaken(run):
            raise Overtaken
        if is_cut_off(run):
            raise ConnectionGone


@contextmanager
def step(run: ImportRun | None, traces: Traces) -> Iterator[list[Touch]]:
    """A part of an import that is whole or not there, with what it did; to be told of issues, by whoever did it."""
    with transaction.atomic():
        if run is not None:
            # Before the run, which goes with it; after both the project is held, in front of all that a step locks.
            enter(run.project_id)
            hold(run)
            hold_project(run.project_id)
        touches: list[Touch] = []
        yield touches
        done = traces.gathered()
        if run is not None and not run.is_dry_run:
            _keep(run, touches, done)


def each_step(run: ImportRun | None, traces: Traces, steps: Iterator[list[Touch]]) -> None:
    """Steps that are done as they are asked for, each for itself: whoever else writes comes to their turn between."""
    is_over = False
    while not is_over:
        with step(run, traces) as touches:
            done = next(steps, None)
            is_over = done is None
            touches.extend(done or ())


def _keep(run: ImportRun, touches: Iterable[Touch], traces: Iterable[Trace]) -> None:
    ImportTouch.objects.bulk_create(
        ImportTouch(
            run=run,
            issue=touch.issue,
            before=None if touch.before is None else {name: plain(value) for name, value in touch.before.items()},
            after=_left_by(touch),
            changes=touch.change_ids,
        )
        for touch in touches
    )
    ImportTrace.objects.bulk_create(
        ImportTrace(run=run, table=each.table._meta.label, key=each.key, before=each.before, after=each.after)
        for each in traces
    )


def _left_by(touch: Touch) -> dict[str, Any]:
    """What an issue holds since, of what has no history: of one that was made, all of that."""
    names = WITHOUT_HISTORY if touch.before is None else WITHOUT_HISTORY & touch.before.keys()
    return {name: plain(getattr(touch.issue, name)) for name in names}


def shown(run: ImportRun, rows_read: int) -> None:
    """How far it is; of what is tried nobody would see it before its end."""
    run.rows_read = rows_read
    if not run.is_dry_run:
        _write(run, rows_read=rows_read, seen_at=timezone.now())


def ended(run: ImportRun, status: str, *, report: dict[str, Any] | None = None, error: str = "") -> ImportRun:
    """Keep what came of a run; the file it was about is let go, unless it was only tried."""
    report_kept, error_kept = as_kept(run, report or {}, error)
    told = {
        "status": status, "error": error_kept, "report": plain_json(report_kept), "finished_at": timezone.now(),
    }  # fmt: skip
    # What an erasure took is not put back: of what was tried only the outcome is written.
    _write(run, **told, **({} if run.is_dry_run else {"upload": None}))
    return run


def take_away() -> int:
    """Let every import that runs begin anew: what its process has read is kept no more. Tells how many there are.

    One that is taken back goes on: of what a batch has read the next knows nothing.
    """
    # No worker died of it: the attempt does not count.
    return ImportRun.objects.filter(status=Status.RUNNING).update(
        status=Status.QUEUED, started_at=None, seen_at=None, attempts=0
    )


@transaction.atomic
def wait_for_batches() -> None:
    """Wait until what running imports are just writing is written; the next batch sees who was erased by then."""
    held = ImportRun.objects.select_for_update(no_key=True).filter(status=Status.RUNNING).order_by("pk")
    list(held.values_list("pk"))


def keep_erasures_out() -> None:
    """First in a transaction that writes what was kept of the past: an erasure waits for it, or has changed it before.

    Else names that were read before an erasure would be written after its last look. SQLite has one writer.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [ERASURES])


def put_back(run: ImportRun) -> None:
    """Let a run wait again that this process cannot end; the attempt counts."""
    _write(run, status=Status.QUEUED, started_at=None, seen_at=None)


def _write(run: ImportRun, **fields: Any) -> None:
    # Whoever claims it anew begins at another moment.
    if not ImportRun.objects.filter(pk=run.pk, started_at=run.started_at).update(**fields):
        raise TakenAway
    for name, value in fields.items():
        setattr(run, name, value)


def living(run: ImportRun) -> AbstractContextManager[None]:
    """Gives signs of life of a run while this process works on it, however long an answer of a tracker takes."""
    alive = ImportRun.objects.filter(pk=run.pk, status__in=UNDER_WAY)
    return beating(lambda now: alive.update(seen_at=now))


@contextmanager
def failing(run: ImportRun) -> Iterator[None]:
    """Whatever stops an import in this process ends its run; what it did so far can be taken back."""
    try:
        with living(run):
            yield
    except BaseException as error:
        # What a dry run wrote is undone, its row too; and what was taken away is another's to end, as is what a worker
        # has claimed and cannot go on with, for want of a database or because it is told to end.
        given_up = (SystemExit, *DATABASE_FAULTS)
        is_anothers = isinstance(error, TakenAway) or (run.attempts and isinstance(error, given_up))
        if not run.is_dry_run and not is_anothers:
            ended(run, Status.FAILED, error=error.message if isinstance(error, ApplicationError) else STOPPED)
        raise
