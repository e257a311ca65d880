"""Imports as rows: asked for, claimed by one worker, carried out, taken back.

A row's state makes a second delivery of its message harmless. A worker that dies leaves a run that stops giving signs
of life; the next minute takes it up again, which changes nothing of what is there already.
"""

import json
import logging
import random
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import close_old_connections, transaction
from django.db.models import F, Max
from django.utils import timezone

from apps.accounts.models import User
from apps.common.exceptions import ApplicationError, Conflict
from apps.common.operations.database_faults import DATABASE_FAULTS, by_itself
from apps.common.plausible import readable
from apps.importers.connections import sync
from apps.importers.keeping import TakenAway, ended, living, put_back
from apps.importers.models import Connection, ImportRun
from apps.importers.sources import jsonlines
from apps.importers.sources.kept import KeptFile
from apps.importers.telling.out_of_step import note_end
from apps.importers.undoing import batches
from apps.importers.undoing.taking_back import ISSUES_AT_ONCE
from apps.importers.waiting import (
    TRIED,
    UNDER_WAY,
    GiverLeft,
    Overtaken,
    Turns,
    claimable,
    goes_on,
    is_overtaken,
    make_older,
    make_room,
    origin_of,
    require_going,
    require_room,
    take_on,
    waits_for_an_older_one,
)
from apps.importers.write_back import WriteReport, write_all
from apps.importers.writing.kinds import hold_project
from apps.projects.history.moments import When, moment_of
from apps.projects.leads import in_use
from apps.projects.models import Project
from apps.projects.rows import all_or_nothing, enter

logger = logging.getLogger(__name__)
Status = ImportRun.Status
#: What a stranger is told of an error of ours; the log has the rest.
OUR_FAULT = "The import failed for a reason of ours; it is in the log."
#: Updates and restarts kill a worker once or twice in the middle; what kills a third one is the import itself.
MOST_ATTEMPTS = 3
#: As much as one batch of a worker, so that nobody waits longer for SQLite's only writer, and no request for its answer
#: (a third of a second).
MOST_ROWS_AT_ONCE = ISSUES_AT_ONCE
WORKERS_DIED_UNDOING = f"{MOST_ATTEMPTS} workers ended while it was taken back: take it back again for the rest."
WORKERS_DIED = (
    f"{MOST_ATTEMPTS} workers ended in the middle of this import, maybe for want of memory: try a part of it."
)
#: Of a file, as its column has it.
_LONGEST_NAME = 200
#: After a dry run a file waits so long for the word to import it.
UPLOADS_KEPT = timedelta(days=1)


# --- Asked for ----------------------------------------------------------------------------------------------------
@all_or_nothing()
def ask_sync(
    connection: Connection, *, by: User | None, now: datetime, is_dry_run: bool = False, is_full: bool = False
) -> ImportRun:
    """Ask for an import by a connection; one that is asked for already is given back, and is whole if either is to be.

    Raises
    ------
    Conflict
        If whoever set the connection going leads the project no more.
    """
    enter(connection.project_id)
    require_going(connection)
    waiting = ImportRun.objects.filter(connection=connection, status=Status.QUEUED, is_dry_run=is_dry_run)
    if (run := waiting.first()) and take_on(run, by=by, is_full=is_full):
        return run
    require_room(by)
    return ImportRun.objects.create(
        project=connection.project, connection=connection, source=connection.source, is_dry_run=is_dry_run,
        is_full=is_full, created_by=by, created_at=now,
    )  # fmt: skip


@all_or_nothing()
def ask_upload(
    project: Project,
    *,
    name: str,
    content: bytes,
    by: User | None,
    now: datetime,
    is_dry_run: bool = False,
    mapping: Mapping[str, str] | None = None,
) -> ImportRun:
    """Ask for an import of a file; the file is kept until it is read. `mapping` says which columns hold fields."""
    enter(project.pk)
    require_room(by, len(content))
    created_at = make_older(project.pk, now, moment="created_at")
    source = jsonlines.SOURCE if jsonlines.is_called_so(name) else "csv"
    run = ImportRun.objects.create(
        project=project, source=source, upload=content, upload_name=_shortened(name), is_dry_run=is_dry_run,
        created_by=by, created_at=created_at, mapping=dict(mapping or {}),
    )  # fmt: skip
    make_room(run)
    return run


def _shortened(name: str) -> str:
    """What a file is called, as people can read it and its column holds it; its ending tells what it is, and stays."""
    path = Path(readable(name, is_line=True))
    return f"{path.stem[: max(_LONGEST_NAME - len(path.suffix), 0)]}{path.suffix}"[:_LONGEST_NAME]


@all_or_nothing()
def ask_again(
    run: ImportRun,
    *,
    by: User | None,
    now: datetime,
    is_dry_run: bool = False,
    mapping: Mapping[str, str] | None = None,
) -> ImportRun:
    """Ask for the same file once more, in earnest or with other columns; `Conflict` where it is gone."""
    enter(run.project_id)
    # The person before the file, and that without waiting: an erasure holds both, in the other order when an account
    # goes.
    require_room(by)
    # As it is now: what was read before may have been asked for meanwhile, or taken by an erasure.
    kept = ImportRun.objects.select_for_update(skip_locked=True).filter(pk=run.pk, upload__isnull=False).first()
    if kept is not None and kept.status not in TRIED:
        raise Conflict("This file waits to be imported, or is being so: its turn comes.")
    if kept is None or kept.upload is None:
        raise Conflict("This file is gone: upload it again.")
    # Kept once, by the run that is asked for.
    ImportRun.objects.filter(pk=kept.pk).update(upload=None)
    return ask_upload(
        run.project, name=kept.upload_name, content=bytes(kept.upload), by=by, now=now, is_dry_run=is_dry_run,
        mapping=kept.mapping if mapping is None else mapping,
    )  # fmt: skip


def forget_uploads(*, now: datetime) -> int:
    """Let go of files that were tried and never imported."""
    tried = ImportRun.objects.filter(status__in=TRIED, upload__isnull=False)
    return tried.filter(finished_at__lt=now - UPLOADS_KEPT).update(upload=None)


def ask_due_syncs(*, now: datetime) -> list[ImportRun]:
    """Ask for an import by every connection that is in use, but for those whose token an erasure let go."""
    asked = []
    for each in in_use(Connection.objects.exclude(sealed_token="")):
        # One that was deleted since it was read has nothing to import, and stops no other.
        with by_itself("sync_connections", each), suppress(Conflict):
            asked.append(ask_sync(each, by=None, now=now))
    return asked


# --- Carried out --------------------------------------------------------------------------------------------------
def last_sign_of_life() -> datetime | None:
    """When an import was last seen to get on; while some do, no other message of their queue may be read."""
    seen: datetime | None = ImportRun.objects.filter(status__in=UNDER_WAY).aggregate(last=Max("seen_at"))["last"]
    return seen


def execute(run_id: UUID, *, now: When) -> ImportRun | None:
    """Carry a run out, or back; None if it is not to be had: done by another, or another of its project is running.

    Of one person one import is carried out at a time: whoever's file is large, or tracker slow, delays no others. Files
    of one source come as they were given; one that was overtaken all the same is not imported, nor is one whose giver
    leads the project no more.
    """
    began = moment_of(now)
    run = _claimed(run_id, began)
    if run is not None and run.status == Status.UNDOING:
        return _taken_back(run, began)
    if run is None or run.status != Status.RUNNING:
        return run
    if run.attempts > MOST_ATTEMPTS:
        return note_end(ended(run, Status.FAILED, error=WORKERS_DIED, report={"failed_by": "workers_died"}), now=began)
    try:
        run = _ended(run, now)
    except TakenAway:
        logger.info("An import begins anew run=%s", run.pk)
        return None
    except DATABASE_FAULTS as error:
        logger.warning("The database was away: an import waits again run=%s: %s", run.pk, type(error).__name__)
        # A connection that broke is made anew. While none can be, the run is found lost, as that of a dead worker.
        close_old_connections()
        with suppress(TakenAway):
            put_back(run)
        return None
    except SystemExit:
        # Its worker is told to give up what it does: another goes on.
        with suppress(TakenAway, *DATABASE_FAULTS):
            put_back(run)
        raise
    return note_end(run, now=now)


def _ended(run: ImportRun, now: When) -> ImportRun:
    try:
        with living(run):
            report = _carried_out(run, now)
            if run.connection is not None and not run.is_dry_run:
                # In its turn: its project, its person and a place of a tracker are taken until this is over, too.
                report |= _write_back(run.connection, moment_of(now), is_last=run.attempts == MOST_ATTEMPTS)
    except ApplicationError as error:
        return ended(run, Status.FAILED, error=error.message, report={"failed_by": error.code})
    except DATABASE_FAULTS:
        raise
    except Exception:
        logger.exception("Import %s failed", run.pk)
        return ended(run, Status.FAILED, error=OUR_FAULT, report={"failed_by": "our_fault"})
    return ended(run, Status.COMPLETED, report=report)


def _write_back(connection: Connection, now: datetime, *, is_last: bool = False) -> dict[str, Any]:
    """What is switched on is written; that a tracker refuses makes the import no failure, nor does a fault of ours.

    Nor does what workers die of: the last one leaves it.
    """
    report, ended_by = WriteReport(), "workers_died" if is_last else ""
    try:
        if not is_last:
            write_all(connection, now=now, report=report, rng=random.Random())  # noqa: S311 - an order
    except ApplicationError as error:
        # What the tracker said may name people: its kind is enough to begin with.
        ended_by = error.code
        logger.warning("Nothing more is written back connection=%s: %s", connection.pk, error.code)
    except DATABASE_FAULTS:
        raise
    except Exception:
        # Whoever waits for this import's end has their turn.
        ended_by = "our_fault"
        logger.exception("Nothing more is written back connection=%s", connection.pk)
    return {"written_back": report.counts(ended_by)} if connection.write_backs.filter(is_active=True).exists() else {}


@transaction.atomic
def _claimed(run_id: UUID, now: datetime) -> ImportRun | None:
    origin = origin_of(run_id)
    if origin is None:
        return None
    # What two claims of one project, and of one person, meet at.
    try:
        hold_project(origin.project)
    except Conflict:
        # Deleted since, and the import with it.
        return None
    if origin.giver:
        User.objects.select_for_update(no_key=True).filter(pk=origin.giver).first()
    waiting = claimable(now).filter(pk=run_id)
    run = waiting.defer("upload").first()
    turns = Turns.at(now)
    if run is None or not turns.has_room_for(origin) or waits_for_an_older_one(run, turns):
        return None
    if run.status == Status.UNDOING:
        batches.claim(run, now)
    elif refusal := _refusal_of(run):
        # When it began stays: what it may have written by then is older than what overtook it.
        waiting.update(status=Status.FAILED, error=refusal.message, finished_at=now, upload=None)
    else:
        started_at = make_older(origin.project, now, moment="started_at")
        waiting.update(status=Status.RUNNING, started_at=started_at, seen_at=now, attempts=F("attempts") + 1)
    return ImportRun.objects.select_related("project", "connection").get(pk=run_id)


def _refusal_of(run: ImportRun) -> ApplicationError | None:
    """Why a run does not begin that was taken when it was given."""
    if not ImportRun.objects.filter(goes_on(), pk=run.pk).exists():
        return GiverLeft()
    return Overtaken() if is_overtaken(run) else None


def _carried_out(run: ImportRun, now: When) -> dict[str, Any]:
    if run.connection is not None:
        return sync(run.connection, run, now=now, is_full=run.is_full).as_dict()
    if run.upload is None:
        raise Conflict("Its file was removed by an erasure, or its connection is gone: upload it again.")
    return _file_imported(run)


def _file_imported(run: ImportRun) -> dict[str, Any]:
    """A file by the command that imports files, which decides for itself what it is."""
    told = StringIO()
    try:
        call_command(
            "import_issues", file=KeptFile(run.upload_name or "upload.csv", bytes(run.upload or b"")),
            project=run.project.key, json=True, dry_run=run.is_dry_run, run=run, stdout=told,
            map=[[f"{name}={column}" for name, column in run.mapping.items()]] if run.mapping else [],
        )  # fmt: skip
    except CommandError as error:
        raise Conflict(str(error)) from error
    report: dict[str, Any] = json.loads(told.getvalue())
    return report


# --- Taken back ---------------------------------------------------------------------------------------------------
@all_or_nothing()
def undo(run: ImportRun) -> int:
    """Take an import back in one transaction; how many issues stay or are not all as before.

    Because something happened with them since. Raises `Conflict` as `batches.begin` does, or if somebody uses at this
    moment what it made.
    """
    return _undone(run, by=None, now=timezone.now())


@all_or_nothing()
def ask_undo(run: ImportRun, *, by: User | None, now: datetime) -> int | None:
    """Take a small import back now, as `undo` does; None where a worker does it, as of one that is asked for already.

    Raises
    ------
    Conflict
        As of `undo`.
    """
    if batches.is_begun(run):
        return None
    if batches.rows_of(run) <= MOST_ROWS_AT_ONCE:
        return _undone(run, by=by, now=now)
    batches.begin(run, by=by, now=now)
    return None


def undo_here(run: ImportRun, *, now: datetime) -> ImportRun | None:
    """Take an import back in this process, as a worker does; as of `execute`.

    Raises
    ------
    Conflict
        As of `undo`.
    """
    with all_or_nothing():
        if not batches.is_begun(run):
            batches.begin(run, by=None, now=now)
    return execute(run.pk, now=now)


def _undone(run: ImportRun, *, by: User | None, now: datetime) -> int:
    back = batches.begin(run, by=by, now=now)
    batches.all_at_once(run, back)
    return back.kept


def _taken_back(run: ImportRun, began_at: datetime) -> ImportRun | None:
    """Take an import back as whoever has claimed it then; None where another has, or the database is away."""
    try:
        if run.attempts > MOST_ATTEMPTS:
            batches.stop(run, began_at, WORKERS_DIED_UNDOING)
        else:
            with living(run):
                batches.batch_by_batch(run, began_at)
    except TakenAway:
        logger.info("Another takes an import back run=%s", run.pk)
        return None
    except DATABASE_FAULTS as error:
        logger.warning("The database was away: an import is taken back later run=%s: %s", run.pk, type(error).__name__)
        close_old_connections()
        with suppress(*DATABASE_FAULTS):
            batches.put_off(run, began_at)
        return None
    except ApplicationError as error:
        _stop(run, began_at, error.message)
    except Exception:
        logger.exception("Import %s was not taken back", run.pk)
        _stop(run, began_at, OUR_FAULT)
    return run


def _stop(run: ImportRun, began_at: datetime, why: str) -> None:
    # It may be gone with its project, or another's.
    with suppress(TakenAway):
        batches.stop(run, began_at, why)
