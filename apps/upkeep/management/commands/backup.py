"""`./run manage backup FILE [--force] [--json]`."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.common.console import add_json_option, as_json
from apps.common.exceptions import ApplicationError
from apps.upkeep.backup import Summary, backup


class Command(BaseCommand):
    """Write database and model store into one file, as they are at one moment; the service may go on meanwhile.

    Exit 1 if the file lacks an object that a row names; all else is in it.

    The keys are not in it: keep .env, or SCRUM_ML_VAR_DIR/secret_key, elsewhere.
    """

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--force", action="store_true", help="put it in place of a file of this name")
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            made = backup(path, now=timezone.now(), replace=options["force"])
        except ApplicationError as error:
            raise CommandError(error.message) from error
        if options["json"]:
            self.stdout.write(as_json({**asdict(made), "file": str(path), "bytes": path.stat().st_size}))
        else:
            self._print(path, made)
        if made.missing or made.damaged:
            sys.exit(1)

    def _print(self, path: Path, made: Summary) -> None:
        size = f"{path.stat().st_size:,} bytes"
        self.stdout.write(f"{path}: {made.rows:,} rows, {made.objects:,} objects of models, {size}.")
        self.stdout.write("Not in it: indexes, which are built again, and the keys: keep .env or secret_key too.")
        for key in made.missing:
            self.stdout.write(f"MISSING  {key}: a row names it, and the store does not have it.")
        for key in made.damaged:
            self.stdout.write(f"DAMAGED  {key}: it is not what its row recorded, so it is not in the file.")
