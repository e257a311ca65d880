"""Whether workers and their schedule can write: asked before they start, so that one line tells of a full or read-only
disk, and not each of them by a traceback of what it wrote first. And whether the broker's address is one, and SQLite's
file whole, as far as its list of tables tells: the web server asks that, too."""

import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from apps.common.operations.environment import needing_a_place
from apps.common.operations.room import write_something
from apps.common.operations.slips.values import slip_in_broker
from base import settings


def main(arguments: Sequence[str]) -> None:
    """End with a line if there is none."""
    for setting, folder in _written(arguments):
        with needing_a_place(setting):
            _ask(folder)
    refuse_what_is_spoiled()
    # Celery would tell it by a traceback, before it looks for slips in settings.
    if slip := slip_in_broker(settings.CELERY_BROKER_URL):
        sys.exit(f"settings: CELERY_BROKER_URL {slip}.")


def refuse_what_is_spoiled() -> None:
    """End with a line where SQLite's file is there, and is none any more: nothing can be answered or done."""
    database = settings.DATABASES["default"]
    if not database["ENGINE"].endswith("sqlite3"):
        return
    try:
        with closing(sqlite3.connect(database["NAME"], timeout=1)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        # Somebody holds it, say: whoever works with it tells it, and tries again.
        return
    except sqlite3.DatabaseError as error:
        sys.exit(f"database: {error} ({database['NAME']}): move it away and restore a backup (./run manage restore).")


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
