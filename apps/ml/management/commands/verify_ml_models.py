"""`./run manage verify_ml_models [--delete-orphans] [--take-over INSTALLATION] [--json]`."""

import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.common.console import add_json_option, as_json
from apps.ml.core.wording import counted
from apps.ml.services.upkeep.installation import NoNeighbour, take_over
from apps.ml.services.upkeep.strays import MIN_ORPHAN_AGE
from apps.ml.services.upkeep.verification import Verification, delete_orphans, verify_store
from apps.ml.storage.errors import StorageError


class Command(BaseCommand):
    """Check every stored object against the database: missing, damaged, unsigned, orphaned; exit 1 on trouble.

    Objects younger than an hour are never deleted: a training may be going on. Neither are those of another
    installation, and those that are newer than this database.
    """

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--delete-orphans", action="store_true", help="remove objects that belong to no model")
        parser.add_argument("--take-over", metavar="INSTALLATION", help="first, make its objects ours: it runs no more")
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["take_over"]:
                take_over(options["take_over"])
            found = verify_store(now=timezone.now())
            deleted = delete_orphans(found) if options["delete_orphans"] else []
        except (StorageError, NoNeighbour) as error:
            raise CommandError(error.message) from error
        if options["json"]:
            self.stdout.write(as_json({**asdict(found), "deleted": deleted}))
        else:
            self._print(found, deleted)
        if any(finding.is_trouble and finding.key not in deleted for finding in found.findings):
            sys.exit(1)

    def _print(self, found: Verification, deleted: list[str]) -> None:
        for finding in found.findings:
            fate = " Deleted." if finding.key in deleted else ""
            self.stdout.write(f"{finding.fault.upper():8} {finding.key}: {finding.detail}{fate}")
        self.stdout.write(f"{counted(found.models, 'model')}, {counted(found.objects, 'object')}: {_verdict(found)}")
        if foreign := found.of("foreign"):
            self.stdout.write(
                f"{len(foreign)} objects are another installation's or nobody's, and stay. "
                "Set AWS_STORAGE_PREFIX, or another MODEL_STORE_DIR, to keep installations apart."
            )


def _verdict(found: Verification) -> str:
    if found.is_sound:
        return "all as recorded."
    if found.of("orphan"):
        hours = MIN_ORPHAN_AGE.total_seconds() / 3600
        return f"{len(found.of('orphan'))} orphans; --delete-orphans removes those older than {hours:.0f} h."
    if found.of("newer"):
        return "the store is newer than the database, so nothing is deleted: put the newer backup back, or train again."
    if unsigned := found.of("unsigned"):
        return (
            f"{len(unsigned)} are not signed with a key of this installation. After a restore, bring the key that "
            "signed them: ML_SIGNING_KEYS, SECRET_KEY or the file secret_key of the installation that was backed up. "
            "Otherwise train again or roll back."
        )
    return "train again or roll back where objects are missing or refused."
