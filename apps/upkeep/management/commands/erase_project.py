"""`./run manage erase_project KEY [--others-keep] [--dry-run | --give-up] [--json]`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.common.console import add_json_option
from apps.common.exceptions import ApplicationError
from apps.common.operations.database_faults import DATABASE_FAULTS
from apps.upkeep.alone import leaving_no_pages
from apps.upkeep.erasing import erase_project, foresee_project
from apps.upkeep.models import ErasureRecord
from apps.upkeep.telling import told_erased, told_fault, told_foreseen, told_given_up
from apps.upkeep.unfinished import give_up, telling_whoever_stops_it


class Command(BaseCommand):
    """Erase a project with everything in it, its models and its training sets, at once.

    A search of database and model store proves it; a signed record stays. Backups are not changed. Of an erasure that
    broke off it does the rest.
    """

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key")
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
                foreseen = foresee_project(options["key"])
                self.stdout.write(told_foreseen(foreseen, {}, as_text=not options["json"]))
                return
            if options["give_up"]:
                self.stdout.write(told_given_up(give_up(ErasureRecord.Kind.PROJECT, options["key"])))
                return
            with telling_whoever_stops_it(ErasureRecord.Kind.PROJECT, options["key"]), leaving_no_pages():
                record = erase_project(options["key"], now=timezone.now(), others_keep=options["others_keep"])
                self.stdout.write(told_erased(record, as_text=not options["json"]))
        except ApplicationError as error:
            raise CommandError(error.message) from error
        except DATABASE_FAULTS as error:
            raise CommandError(told_fault(error)) from error
