"""`./run manage erase_person EMAIL [--json]`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.common.console import add_json_option, as_json
from apps.common.exceptions import ApplicationError
from apps.upkeep.erasing import erase_person


class Command(BaseCommand):
    """Erase a person everywhere: a pseudonym in place of name and address, nothing left that was the person's own.

    A search of database and model store proves it; a signed record stays. Backups are not changed. A name that is a
    phrase in projects that the person had nothing to do with ("Code review") stays there, which is said.
    """

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--everywhere", action="store_true", help="replace the name there too")
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            record = erase_person(options["email"], now=timezone.now(), everywhere=options["everywhere"])
        except ApplicationError as error:
            raise CommandError(error.message) from error
        if options["json"]:
            self.stdout.write(as_json({"counts": record.counts, "record": record.pk}))
            return
        for table, count in sorted(record.counts.items()):
            self.stdout.write(f"{count:6,}  {table}")
        self.stdout.write(f"Erased. The search finds nothing any more. Record: {record.pk}")
        self.stdout.write("Imports go on with the pseudonym. What trackers say of the person in texts, change there.")
