"""`./run manage restore FILE [--replace] [--json]`."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.access.models import ApiKey, Invitation
from apps.common.console import add_json_option, as_json
from apps.common.exceptions import ApplicationError
from apps.dashboard.models import ShareLink
from apps.ml.services import ModelLoader
from apps.ml.services.upkeep.installation import neighbours
from apps.ml.storage.errors import StorageError
from apps.upkeep.backup import InUse, restore


class Command(BaseCommand):
    """Put a backup back, into the database and the model store that the settings name; stop the service before.

    The database must be migrated; rows in it are replaced with --replace only. Objects of the store stay, but for
    indexes of titles.
    """

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--replace", action="store_true", help="replace everything that the database holds")
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            put = restore(options["file"], replace=options["replace"])
        except InUse as error:
            raise CommandError(f"{error.message} --replace does that.") from error
        except ApplicationError as error:
            raise CommandError(error.message) from error
        ModelLoader().clear_cache()
        others, fault = _others()
        if options["json"]:
            shown = {"rows": put.rows, "objects": put.objects, "store_fault": fault}
            self.stdout.write(as_json(shown | {"others_use_the_store": None if fault else bool(others)}))
            return
        self.stdout.write(
            f"{put.rows:,} rows and {put.objects:,} objects are back. Check: ./run manage verify_ml_models\n"
            "Models verify with the keys that they were signed with: ML_SIGNING_KEYS, or else SECRET_KEY or the file "
            "secret_key of the installation that was backed up."
        )
        self.stdout.write(
            f"Log-ins have ended. {ApiKey.objects.count():,} API keys, {Invitation.objects.count():,} invitations and "
            f"{ShareLink.objects.filter(withdrawn_at=None).count():,} share links are as they were: withdraw again "
            "which were withdrawn since, remove and switch off again who was, and erase again."
        )
        if fault:
            self.stdout.write(
                f"Whether others write to this store is not known: {fault} Ask once it answers: "
                "./run manage verify_ml_models"
            )
        for other in others:
            self.stdout.write(
                f"Installation {other} writes to this store too: give each a prefix or folder of its own. If it "
                f"runs no more, make its objects this one's: ./run manage verify_ml_models --take-over {other}"
            )


def _others() -> tuple[list[str], str]:
    """Who else uses the store, or why that cannot be told: by now everything is put back, and is said to be."""
    try:
        return neighbours(), ""
    except StorageError as error:
        return [], error.message
