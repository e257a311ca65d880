"""Load a backlog from a CSV file or a tracker: `./run manage import_issues SOURCE --project KEY`."""

import csv
import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from apps.accounts.models import User
from apps.common.exceptions import ApplicationError
from apps.common.operations.named_files import NamedFile, require_writable
from apps.common.plausible import readable
from apps.common.tables import harmless
from apps.importers.management import trackers
from apps.importers.naming import project_named
from apps.importers.records import ImportedIssue, ImportRefused, RowError
from apps.importers.report import DATES_BY_OPTIONS, ImportReport
from apps.importers.services import import_issues
from apps.importers.sources import jsonlines
from apps.importers.sources.csv.columns import SYNONYMS, Columns
from apps.importers.sources.csv.file import CsvShape, inspect_file, read_issues
from apps.importers.sources.csv.survey import reading_of
from apps.importers.sources.kept import KeptFile
from apps.importers.sources.registry import place_in
from apps.importers.sprint_dates import rhythm_of
from apps.importers.telling.understanding import SHOWN, board_in_words
from apps.importers.writing.workflow import category_of
from apps.projects.preferences import known_time_zone

ROWS_PER_LINE = 5_000
#: What the tables hold (see apps/projects/models.py).
LONGEST_PROJECT_NAME, LONGEST_SOURCE = 200, 32
#: Where `--mark-missing` was asked for.
NOT_LOOKED = "Nothing is closed as removed: nothing came, or not all of it could be read."


class NothingUsable(CommandError):
    """What the report has told row by row, as a code that scripts read."""


class Command(BaseCommand):
    help = "Load issues from a CSV file or a tracker into a project. Running it again updates what changed there."
    # The checks import every view: half a second that `./run --data` need not wait for.
    requires_system_checks = ()
    #: The row of an import that was asked for over the API; whether the project is to be one of its own.
    stealth_options = ("run", "alone")
    #: What the last import did, for callers in this process.
    report: ImportReport

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file",
            nargs="?",
            metavar="SOURCE",
            help="a CSV file (an export of Jira, GitHub, GitLab, Linear, Azure, or your own), or a tracker: the "
            "address of a page there, github:owner/repository, jira_dc:https://jira.example.com/projects/KEY",
        )
        parser.add_argument(
            "--project", metavar="KEY", help="the project the issues go to; with --create-project their own key if none"
        )
        parser.add_argument(
            "--create-project", nargs="?", const="", metavar="NAME", help="make the project if there is none"
        )
        parser.add_argument("--lead", metavar="EMAIL", help="an existing user who shall lead the project")
        parser.add_argument(
            "--source",
            default="csv",
            metavar="NAME",
            help="where the ids come from, if a project takes issues from several trackers (default: csv)",
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, change nothing")
        parser.add_argument(
            "--map",
            action="append",
            nargs="+",
            default=[],
            metavar="FIELD=COLUMN",
            help="which column holds a field; hours may end in :hours, :minutes or :seconds; none after = "
            "means that the field is not read. Fields: " + ", ".join(SYNONYMS),
        )
        parser.add_argument(
            "--date-format", default="", metavar="ORDER", help="day-first, month-first, year-first or e.g. %%d.%%m.%%y"
        )
        parser.add_argument(
            "--decimal", default="", choices=["comma", "point"], help="what parts whole numbers from fractions"
        )
        parser.add_argument(
            "--time-zone", default="", metavar="NAME", help="of a project that is made, such as Europe/Berlin"
        )
        parser.add_argument("--encoding", default="", metavar="NAME", help="of the file, if it is not recognised")
        parser.add_argument(
            "--errors", type=Path, metavar="FILE", help="write every row and cell that was not imported to a CSV"
        )
        parser.add_argument(
            "--sprints",
            default="",
            metavar="FIRST_DAY/LENGTH",
            help="when sprints without dates ran, one after the other, e.g. 2026-03-02/14d",
        )
        parser.add_argument(
            "--mark-missing",
            action="store_true",
            help="the source is the whole project (of a tracker everything is read): close as removed what an earlier "
            "import brought and it does not name",
        )
        trackers.add_arguments(parser)
        parser.add_argument("--json", action="store_true", help="print the report as JSON and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        say = (lambda text: None) if options["json"] else lambda text: self.stdout.write(_printable(text))
        try:
            if options["undo"]:
                trackers.undone(options["undo"], say)
                return
            self.report = report = self._from_anywhere(options, say)
        except ApplicationError as error:
            raise CommandError(error.message) from error
        except KeyboardInterrupt as error:
            raise CommandError("Stopped. What was imported stays; running it again does the rest.") from error
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict(), ensure_ascii=False))
        else:
            self._print_report(report, options["errors"], marked=options["mark_missing"])
        if report.error_count and not report.new + report.changed + report.unchanged:
            raise NothingUsable("No row can be used.")

    def _from_anywhere(self, options: dict[str, Any], say: trackers.Say) -> ImportReport:
        """From a tracker where one is named, else from a file."""
        if not options["file"] or not (options["project"] or options["create_project"] is not None):
            raise ImportRefused(
                "Say what to import, and into which project: import_issues SOURCE --project KEY, or --create-project "
                "for a new one, which takes the key that its issues bear."
            )
        require_writable(options["errors"], options["save_as"])
        kept = options["file"] if isinstance(options["file"], KeptFile) else None
        place, path = None if kept else place_in(str(options["file"])), kept or Path(options["file"])
        is_csv = place is None and not jsonlines.is_called_so(path.name)
        if not is_csv and options["sprints"]:
            raise ImportRefused("--sprints is for CSV files: a tracker tells them itself.")
        if place is None and options["save_as"]:
            raise ImportRefused("--save-as is for trackers: a file is there already.")
        if place is not None:
            return trackers.imported(place, options | {"lead": _lead(options["lead"])}, say)
        if not is_csv:
            return trackers.lines_imported(path, options | {"lead": _lead(options["lead"])}, say)
        return self._import(options | {"file": path})

    def _import(self, options: dict[str, Any]) -> ImportReport:
        _refuse_bad_options(options)
        now = timezone.now()
        shape = inspect_file(options["file"], encoding=options["encoding"])
        reading = reading_of(
            shape,
            _overrides(options["map"]),
            date_format=options["date_format"],
            decimal={"": "", "comma": ",", "point": "."}[options["decimal"]],
            now=now,
            meaning=category_of,
        )
        columns = reading.columns
        if not options["json"]:
            self._print_reading(shape, columns)
        rows = read_issues(shape, reading, now=now)
        key, rows = project_named(
            options["project"], rows, options["file"].stem, options["source"], alone=options.get("alone", False)
        )
        with ExitStack() as stack:
            on_error = stack.enter_context(_error_file(options["errors"])) if options["errors"] else None
            report = import_issues(
                self._with_progress(rows, shape, quiet=options["json"]),
                project_key=key,
                create_as=_project_name(options, key),
                lead=_lead(options["lead"]),
                mapped=frozenset(columns.positions),
                now=timezone.now,
                source=options["source"],
                scope_is_recorded=reading.names_all_sprints,
                time_zone=_time_zone(options["time_zone"]) or reading.time_zone,
                dry_run=options["dry_run"],
                on_error=on_error,
                rhythm=rhythm_of(options["sprints"]) if options["sprints"] else None,
                mark_missing=options["mark_missing"],
                run=options.get("run"),
            )
        report.notes, report.unread = (*shape.notes, *columns.notes), columns.unread
        return report

    def _with_progress(
        self, rows: Iterable[ImportedIssue | RowError], shape: CsvShape, *, quiet: bool
    ) -> Iterator[ImportedIssue | RowError]:
        """The same rows; on a terminal with a bar, else with a line now and then."""
        if quiet:
            yield from rows
        elif self.stdout.isatty():
            yield from _with_bar(rows, shape)
        else:
            for count, row in enumerate(rows, start=1):
                if count % ROWS_PER_LINE == 0:
                    self.stdout.write(f"{count:,} rows read")
                yield row

    def _print_reading(self, shape: CsvShape, columns: Columns) -> None:
        for note in (*shape.notes, *columns.notes):
            self.stdout.write(_printable(note))
        self.stdout.write("Columns read:")
        for name, column in columns.names().items():
            unit = {1 / 60: " (minutes)", 1 / 3600: " (seconds)"}.get(columns.hours_factor.get(name, 1.0), "")
            self.stdout.write(f"  {name:16} {_printable(column)}{unit}")
        if columns.unread:
            self.stdout.write(_printable(f"Not read: {', '.join(columns.unread)}"))

    def _print_report(self, report: ImportReport, error_file: Path | None, *, marked: bool) -> None:
        for error in sorted(report.errors, key=lambda error: error.line):
            told = ": ".join(filter(None, (f"line {error.line:,}", error.external_id, error.reason)))
            self.stdout.write(_printable(told))
        if (unseen := report.error_count - len(report.errors)) > 0:
            where = f"they are in {error_file}" if error_file else "--errors FILE writes all of them"
            self.stdout.write(f"and {unseen:,} more rows: {where}")
        for told in (*report.unread_cells, *report.parents_not_taken):
            self.stdout.write(_printable(told))
        for remark, count in sorted(report.remarks.items()):
            self.stdout.write(f"{count:,} {remark}")
        for told in report.sprint_dates:
            self.stdout.write(_printable(told))
        if report.missing is None and marked:
            self.stdout.write(NOT_LOOKED)
        if report.missing:
            self.stdout.write(_printable(_missing(report.missing, report)))
        if report.dry_run:
            self._print_understanding(report)
        if report.ledger:
            self.stdout.write("What cannot be had:")
        for line in report.ledger:
            self.stdout.write(_printable(f"  {line.sentence()}"))
        self.stdout.write(_summary(report))
        self.stdout.write(report.sentence())
        if report.lacks_sprint_dates:
            self.stdout.write(DATES_BY_OPTIONS)
        if report.import_id and (report.new or report.changed):
            self.stdout.write(f"To take this import back: import_issues --undo {report.import_id}")

    def _print_understanding(self, report: ImportReport) -> None:
        """What a dry run is for: samples, what is filled, what statuses and types mean, what the data suffices for."""
        for sample in report.samples:
            self.stdout.write(f"{_printable(sample['external_id'])} is read as:")
            for name, text in sample.items():
                self.stdout.write(f"  {name:16} {_printable(text)}")
        if report.filled:
            self.stdout.write("Filled, of the issues read:")
        for name in filter(report.filled.__contains__, SHOWN):
            self.stdout.write(f"  {name:16} {report.filled[name]:,}")
        for line in board_in_words(report.board):
            self.stdout.write(_printable(line))
        self.stdout.write("What the project's data would suffice for:")
        for feature in report.features:
            self.stdout.write(f"  {feature.sentence()}")


@contextmanager
def _error_file(path: Path) -> Iterator[Callable[[RowError], None]]:
    """Rows that were not imported, as they come, as a CSV of their own."""
    with NamedFile(path, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["line", "id", "reason"])

        def write(error: RowError) -> None:
            writer.writerow([error.line, harmless(error.external_id), harmless(error.reason)])

        yield write


def _printable(text: str) -> str:
    """Text of a file without what would steer the terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _with_bar(rows: Iterable[ImportedIssue | RowError], shape: CsvShape) -> Iterator[ImportedIssue | RowError]:
    columns = (TextColumn("Importing"), BarColumn(), MofNCompleteColumn(), TextColumn("lines"), TimeRemainingColumn())
    with Progress(*columns, console=Console(), transient=True) as progress:
        task = progress.add_task("", total=shape.line_count)
        for row in rows:
            progress.update(task, completed=row.line)
            yield row


def _summary(report: ImportReport) -> str:
    """'PROJ: 0 new, 6,134 unchanged.'"""
    counts = (
        (report.changed, "changed"),
        (report.unchanged, "unchanged"),
        (report.error_count, "row not imported|rows not imported"),
        (report.people_added, "person added to the team|people added to the team"),
        (report.sprints_added, "sprint made|sprints made"),
        (report.changes_added, "entry of history|entries of history"),
    )
    told = (f"{count:,} {what.split('|')[0 if count == 1 else -1]}" for count, what in counts if count)
    parts = [f"{report.new:,} new", *told]
    prefix = "Dry run, nothing was changed. " if report.dry_run else ""
    return f"{prefix}{report.project}: {', '.join(parts)}."


def _missing(count: int, report: ImportReport) -> str:
    """'3 issues of earlier imports are not there any more: A-1, A-2, A-7. ...'."""
    named = ", ".join(report.missing_shown) + (", …" if count > len(report.missing_shown) else "")
    is_one = count == 1
    what = f"{count:,} issue{'' if is_one else 's'} of earlier imports {'is' if is_one else 'are'}"
    done = (
        f"{report.removed:,} closed as removed" if report.removed else "--mark-missing closes what is open as removed"
    )
    return f"{what} not there any more: {named}. {done}."


def _overrides(groups: Iterable[Iterable[str]]) -> dict[str, str]:
    """['title=Name', …] → {'title': 'Name', …}."""
    overrides: dict[str, str] = {}
    for text in (text for group in groups for text in group):
        name, equals, column = text.partition("=")
        if not (equals and name):
            raise ImportRefused(f"--map {name}: write it as FIELD=COLUMN, for example --map title=Name.")
        overrides[name.strip()] = column
    return overrides


def _project_name(options: dict[str, Any], key: str) -> str | None:
    """The name for a new project; `--create-project` without one takes the file's."""
    name: str | None = options["create_project"]
    name = (readable(options["file"].stem, is_line=True) or key) if name == "" else name
    return name and name[:LONGEST_PROJECT_NAME]


def _refuse_bad_options(options: dict[str, Any]) -> None:
    errors: Path | None = options["errors"]
    if errors and errors.resolve() == Path(str(options["file"])).resolve():
        raise ImportRefused("--errors names the file that is to be imported; it would be overwritten.")
    if not 0 < len(options["source"]) <= LONGEST_SOURCE:
        raise ImportRefused(f"--source needs a name of at most {LONGEST_SOURCE} characters.")


def _time_zone(name: str) -> str:
    try:
        if name:
            known_time_zone(name)
    except ValidationError as error:
        raise ImportRefused(f"--time-zone {name}: {error.message}") from error
    return name


def _lead(email: str | None) -> User | None:
    if email is None:
        return None
    user = User.objects.with_email(email).first()
    if user is None:
        raise ImportRefused(f"There is no user {email}, so nobody can be made lead.")
    return user
