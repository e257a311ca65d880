"""`import_issues` for trackers: one import right now, or one that is kept in step from now on."""

import getpass
import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.importers import runs
from apps.importers.connections import client_for, connect, sync
from apps.importers.keeping import begun, ended, failing
from apps.importers.models import Connection, ImportRun
from apps.importers.naming import free_key, key_of_name, project_named
from apps.importers.records import ImportRefused, RowError
from apps.importers.report import ImportReport
from apps.importers.services import led_project
from apps.importers.sources import jsonlines
from apps.importers.sources.bounded_json import parsed
from apps.importers.sources.kept import Readable
from apps.importers.sources.lines.mapping import Shape, mapping_of
from apps.importers.sources.lines.writing import saved
from apps.importers.sources.registry import CONNECTORS, Connector, Place, require_token
from apps.importers.syncing import import_told
from apps.importers.tracked import Told, TrackedIssue
from apps.projects.models import Project

#: Where the token is looked for before it is asked for: on a command line everybody on the machine reads it.
TOKEN_VARIABLE = "TRACKER_TOKEN"  # noqa: S105 - a name
ROWS_PER_LINE = 500
DEFAULT_SOURCE = "csv"
Say = Callable[[str], object]


def add_arguments(parser: ArgumentParser) -> None:
    """Options of imports from trackers."""
    parser.add_argument("--full", action="store_true", help="of a tracker: everything, not only what was touched")
    parser.add_argument(
        "--keep-in-step", action="store_true", help="of a tracker: store the token, encrypted, and import every hour"
    )
    parser.add_argument(
        "--mapping", type=Path, metavar="FILE", help="of JSON lines: where each field stands, what statuses mean"
    )
    parser.add_argument(
        "--save-as", type=Path, metavar="FILE", help="of a tracker: write all that it tells as JSON lines, too"
    )
    parser.add_argument("--undo", type=UUID, metavar="IMPORT_ID", help="take an import back")


def undone(run_id: UUID, say: Say) -> None:
    """Take an import back and say what became of it."""
    run = ImportRun.objects.filter(pk=run_id).first()
    if run is None:
        raise ImportRefused(f"There is no import {run_id}.")
    done = runs.undo_here(run, now=timezone.now())
    if done is None:
        raise ImportRefused(
            "It is not taken back yet: another process is at it, or the database was away. A worker goes on with it."
        )
    if done.status != ImportRun.Status.UNDONE:
        raise ImportRefused(done.taking_back.error)
    kept = done.taking_back.kept
    why = "they were changed here since or are used by something else, or what they had is gone"
    stays = (
        f" {kept:,} issues, sprints, types, statuses or links stay, or are not all as before: {why}." if kept else ""
    )
    say(f"The import of {run.created_at:%Y-%m-%d %H:%M} is taken back.{stays}")


def imported(place: Place, options: dict[str, Any], say: Say) -> ImportReport:
    """Import from a tracker, now; what it costs to ask for is the tracker's."""
    now = timezone.now()
    key = options["project"] or free_key(key_of_name(place.scope), place.connector.name)
    with led_project(key, create_as=_name(place, options), lead=options["lead"], now=now,
                     dry_run=options["dry_run"]) as project:  # fmt: skip
        known = Connection.objects.filter(
            project=project, kind=place.connector.name, base_url=place.base_url, scope=place.scope
        ).first()
        if options["keep_in_step"] and not options["dry_run"]:
            known = known or connect(project, place, _token(place), by=None, now=now)
        if known is not None:
            return _by_connection(known, options, now, say)
        client = client_for(place, _token(place))
        told = _saving(options, place.connector)(
            client.budget.watching(place.connector.pull(client, place.scope, None))
        )
        return _once(project, told, options, now, say, source=place.connector.name, fields=place.connector.told)


def lines_imported(path: Readable, options: dict[str, Any], say: Say) -> ImportReport:
    """Import JSON lines, with history where they have it."""
    now = timezone.now()
    shape = _mapping(options["mapping"])
    fields = jsonlines.fields_in(path, shape)
    name = path.stem if options["create_project"] == "" else options["create_project"]
    source = jsonlines.SOURCE if options["source"] == DEFAULT_SOURCE else options["source"]
    key, told = project_named(
        options["project"], jsonlines.read(path, shape), path.stem, source, alone=options.get("alone", False)
    )
    with led_project(key, create_as=name, lead=options["lead"], now=now, dry_run=options["dry_run"]) as project:
        return _once(project, told, options, now, say, source=source, fields=fields)


def _mapping(path: Path | None) -> Shape:
    try:
        return mapping_of(parsed(path.read_bytes()) if path else {})
    except (OSError, ValueError) as error:
        raise ImportRefused(f"{path} is no mapping in JSON: {error}.") from error


def _by_connection(connection: Connection, options: dict[str, Any], now: datetime, say: Say) -> ImportReport:
    run = _begun(connection.project, connection.source, options, now, connection)
    with failing(run):
        report = sync(
            connection, run, now=timezone.now, is_full=run.is_full, mark_missing=options["mark_missing"],
            on_row=_progress(say), through=_saving(options, CONNECTORS[connection.kind]),
        )  # fmt: skip
    return _told(run, report)


def _saving(options: dict[str, Any], connector: Connector) -> Callable[[Iterable[Told]], Iterable[Told]]:
    """Through what all that a tracker tells goes: into a file, too, where one is named."""
    return partial(saved, path=options["save_as"], known=connector.told) if options["save_as"] else iter


def _once(
    project: Project,
    told: Iterable[Told],
    options: dict[str, Any],
    now: datetime,
    say: Say,
    *,
    source: str,
    fields: Collection[str],
) -> ImportReport:
    run = options.get("run") or _begun(project, source, options, now, None)
    with failing(run):
        report = import_told(
            told, project=project, source=source, fields=fields, now=timezone.now, dry_run=options["dry_run"], run=run,
            on_row=_progress(say), mark_missing=options["mark_missing"],
        )  # fmt: skip
    return _told(run, report)


def _begun(
    project: Project, source: str, options: dict[str, Any], now: datetime, connection: Connection | None
) -> ImportRun:
    # Of what was touched lately nobody knows what is missing, and a file of it were a part for the whole.
    is_full = bool(options["full"] or options["mark_missing"] or options["save_as"])
    return begun(project, source, now=now, connection=connection, is_dry_run=options["dry_run"], is_full=is_full)


def _told(run: ImportRun, report: ImportReport) -> ImportReport:
    report.import_id = "" if report.dry_run else str(run.pk)
    ended(run, ImportRun.Status.COMPLETED, report=report.as_dict())
    return report


def _progress(say: Say) -> Callable[[TrackedIssue | RowError], None]:
    count = 0

    def heard(row: TrackedIssue | RowError) -> None:
        nonlocal count
        count += 1
        if count % ROWS_PER_LINE == 0:
            say(f"{count:,} issues read")

    return heard


def _token(place: Place) -> str:
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not token and sys.stdin.isatty():
        token = getpass.getpass(f"Token for {place.connector.title} ({place.connector.token_hint}): ")
    if not token:
        raise ImportRefused(
            f"{place.connector.title} wants {place.connector.token_hint}: put it into {TOKEN_VARIABLE}."
        )
    require_token(place.connector.name, token)
    return token


def _name(place: Place, options: dict[str, Any]) -> str | None:
    name: str | None = options["create_project"]
    return place.scope if name == "" else name
