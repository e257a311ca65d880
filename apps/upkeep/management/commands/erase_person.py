"""`./run manage erase_person EMAIL [--others-keep] [--dry-run | --give-up] [--json]`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.common.console import add_json_option
from apps.common.exceptions import ApplicationError
from apps.common.operations.database_faults import DATABASE_FAULTS
from apps.upkeep.alone import leaving_no_pages
from apps.upkeep.erasing import erase_person, foresee_person
from apps.upkeep.models import ErasureRecord
from apps.upkeep.telling import told_erased, told_fault, told_foreseen, told_given_up
from apps.upkeep.unfinished import give_up, telling_whoever_stops_it


class Command(BaseCommand):
    """Erase a person everywhere: a pseudonym in place of name and address, nothing left that was the person's own.

    A search of database and model store proves it; a signed record stays. Backups are not changed. The name stays in
    projects that the person had nothing to do with, and where a thing has it (a status "Code review"), which is said.
    Of an erasure that broke off it does the rest.
    """

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--everywhere", action="store_true", help="replace the name there too")
        parser.add_argument("--others-keep", action="store_true", help="although another installation keeps its copy")
        either = parser.add_mutually_exclusive_group()
        either.add_argument("--dry-run", action="store_true", help="only say how much it would change")
        either.add_argument(
            "--give-up", action="store_true", help="only forget what an erasure that broke off still has to look for"
        )
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["dry_run"]:
                counts, left = foresee_person(options["email"], everywhere=options["everywhere"])
                self.stdout.write(told_foreseen(counts, left, as_text=not options["json"]))
                return
            if options["give_up"]:
                self.stdout.write(told_given_up(give_up(ErasureRecord.Kind.PERSON, options["email"])))
                return
            with telling_whoever_stops_it(ErasureRecord.Kind.PERSON, options["email"]), leaving_no_pages():
                self._erase(options)
        except ApplicationError as error:
            raise CommandError(error.message) from error
        except DATABASE_FAULTS as error:
            raise CommandError(told_fault(error)) from error

    def _erase(self, options: dict[str, Any]) -> None:
        record = erase_person(
            options["email"],
            now=timezone.now(),
            everywhere=options["everywhere"],
            others_keep=options["others_keep"],
        )
        self.stdout.write(told_erased(record, as_text=not options["json"]))
        if not options["json"]:
            self.stdout.write(
                "Imports go on with the pseudonym. What trackers say of the person in texts, change there."
            )
