"""Whether workers and their schedule can write: asked before they start, so that one line tells of a full or read-only
disk, and not each of them by a traceback of what it wrote first."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from apps.common.operations.environment import needing_a_place
from apps.common.operations.room import write_something
from base import settings


def main(arguments: Sequence[str]) -> None:
    """End with a line if there is none."""
    for setting, folder in _written(arguments):
        with needing_a_place(setting):
            _ask(folder)


def _written(arguments: Sequence[str]) -> Iterator[tuple[str, Path]]:
    if settings.CELERY_BROKER_URL.startswith("filesystem") or "--without-beat" not in arguments:
        yield "SCRUM_ML_VAR_DIR", settings.VAR_DIR
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        yield "DATABASE_URL", Path(database["NAME"]).parent


def _ask(folder: Path) -> None:
    try:
        write_something(folder)
    except OSError as error:
        # A full disk names no file.
        error.filename = str(folder)
        raise


if __name__ == "__main__":
    main(sys.argv[1:])
