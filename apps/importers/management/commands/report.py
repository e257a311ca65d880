"""One page about a team's own issues, from a file: `./run manage report FILE --html out.html`."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.common.console import only_warnings
from apps.common.exceptions import ApplicationError
from apps.common.operations.named_files import require_writable, writing
from apps.importers.sources.registry import place_in
from apps.importers.telling.own_report import report_on
from apps.importers.telling.own_report_page import page


class Command(BaseCommand):
    """Tell from a file what a team's estimates are worth, how good ranges and forecasts would have been, when its open
    work is done and what is unusual. Nothing is stored, nothing is sent anywhere."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="an export of a tracker, as import_issues reads it")
        parser.add_argument("--html", type=Path, required=True, metavar="FILE", help="where the page goes")
        parser.add_argument("--map", action="append", nargs="+", default=[], metavar="FIELD=COLUMN",
                            help="as of import_issues")  # fmt: skip
        parser.add_argument("--decimal", default="", choices=["comma", "point"], help="as of import_issues")
        for name in ("date-format", "encoding", "time-zone"):
            parser.add_argument(f"--{name}", default="", help="as of import_issues")

    def handle(self, *args: Any, **options: Any) -> None:
        target: Path = options["html"]
        if place_in(options["file"]) is not None:
            raise CommandError("report reads a file: import_issues SOURCE --save-as FILE.jsonl makes one of a tracker.")
        now = timezone.now()
        passed = {name: options[name] for name in ("map", "date_format", "decimal", "encoding", "time_zone")}
        try:
            require_writable(target)
            with only_warnings(options["verbosity"]):
                found = report_on(options["file"], now=now, say=self.stderr.write, **passed)
            with writing(target):
                target.write_text(page(found, made_at=now), encoding="utf-8")
        except ApplicationError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{found.name}: {found.read.new:,} issues told in {target}.")
