"""`./run manage erase_project KEY [--json]`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.common.console import add_json_option, as_json
from apps.common.exceptions import ApplicationError
from apps.upkeep.erasing import erase_project


class Command(BaseCommand):
    """Erase a project with everything in it, its models and its training sets, at once.

    A search of database and model store proves it; a signed record stays. Backups are not changed.
    """

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key")
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            record = erase_project(options["key"], now=timezone.now())
        except ApplicationError as error:
            raise CommandError(error.message) from error
        if options["json"]:
            self.stdout.write(as_json({"counts": record.counts, "record": record.pk}))
            return
        for table, count in sorted(record.counts.items()):
            self.stdout.write(f"{count:6,}  {table}")
        self.stdout.write(f"Erased. The search finds nothing any more. Record: {record.pk}")
