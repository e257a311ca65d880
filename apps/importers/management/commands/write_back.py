"""Figures into the connected tracker: `./run manage write_back KEY hours --label ml-hours: [--json]`."""

import random
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.common.console import add_json_option, as_json, only_warnings
from apps.common.exceptions import ApplicationError
from apps.importers import write_back
from apps.importers.models import Connection, WriteBack
from apps.importers.records import ImportRefused
from apps.importers.sources.writers import Target
from apps.importers.write_back import Step, WriteReport
from apps.ml.management.scope import project_by_key
from apps.projects.rows import all_or_nothing

SHOWN = 20


class Command(BaseCommand):
    """Show what would be written into the tracker that a project is kept in step with; write it with --write.

    Only open issues whose figure changed are written, quietly where the tracker can, and never over what somebody else
    put there. Points and hours come from the project's own model; a forecast date is that of the issue's sprint.
    """

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", metavar="KEY")
        parser.add_argument("figure", choices=WriteBack.Figure.values)
        parser.add_argument("--field", default="", metavar="NAME", help="a field of the tracker, of Jira by its id")
        parser.add_argument("--label", default="", metavar="BEGINNING", help="what the label begins with: ml-hours:")
        parser.add_argument("--connection", type=UUID, metavar="ID", help="which, where a project has several")
        parser.add_argument("--write", action="store_true", help="write; without it nothing is changed")
        parser.add_argument("--keep", action="store_true", help="with --write: after every import by the clock, too")
        parser.add_argument("--take-back", action="store_true", help="remove what was written; with --write")
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with only_warnings(options["verbosity"]):
                self._write(options)
        except ApplicationError as error:
            raise CommandError(error.message) from error

    def _write(self, options: dict[str, Any]) -> None:
        now = timezone.now()
        target = Target(options["field"], options["label"])
        connection, take_back = _connection(options), options["take_back"]
        prepared = write_back.prepared(connection, options["figure"], target, to_take_back=take_back)
        since = write_back.connected(connection)
        steps = write_back.taken_back(prepared) if take_back else write_back.steps_of(prepared, now=now)
        report, ended_by = None, None
        if options["write"]:
            prepared.is_active = options["keep"] and not take_back
            with all_or_nothing():
                prepared.save()
            report = WriteReport()
            try:
                order = random.Random()  # noqa: S311 - nothing secret
                write_back.carry_out(prepared, steps, now=now, rng=order, since=since, report=report)
            except ApplicationError as error:
                # What was done by then is told, too.
                ended_by = error
        if options["json"]:
            shown = [{"issue": step.name[0], "old": step.old, "new": step.new} for step in steps]
            self.stdout.write(as_json({"steps": shown, "report": asdict(report) if report else None}))
        else:
            self._tell(steps, report, target.field or f"labels {target.label}…")
        if ended_by is not None:
            raise ended_by

    def _tell(self, steps: Sequence[Step], report: WriteReport | None, place: str) -> None:
        for step in steps[:SHOWN]:
            self.stdout.write(f"{step.name[0]:12} {step.old or '-'} -> {step.new or '-'}")
        if len(steps) > SHOWN:
            self.stdout.write(f"and {len(steps) - SHOWN:,} more")
        if report is None:
            self.stdout.write(f"Nothing was written. With --write: {len(steps):,} issues, into {place}.")
            return
        for key, reason in report.refused:
            self.stdout.write(f"{key}: {reason}")
        kept = f" Left alone, since somebody else wrote there: {', '.join(report.kept)}." if report.kept else ""
        left = f" Left for the next time: {report.left:,}." if report.left else ""
        self.stdout.write(f"{report.written:,} issues written into {place}.{kept}{left}")


def _connection(options: dict[str, Any]) -> Connection:
    project = project_by_key(options["project"])
    found = Connection.objects.filter(project=project, is_active=True).select_related("project")
    if options["connection"]:
        found = found.filter(pk=options["connection"])
    if found.count() != 1:
        told = ", ".join(f"{each.pk} ({each})" for each in found) or "none"
        raise ImportRefused(f"One connection is needed (import_issues --keep-in-step makes one); there is {told}.")
    return found.get()
