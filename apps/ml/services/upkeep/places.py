"""Where this database lies: a copy lies elsewhere, however it was made."""

import logging
import os
from collections.abc import Collection
from functools import cache
from pathlib import Path

from django.db import connection

logger = logging.getLogger(__name__)

_MACHINE = Path("/etc/machine-id")
_PATH, _FILE = "sqlite/", "file/"


def place() -> list[str]:
    """What this place is called, by all of its names.

    Of PostgreSQL the cluster and the database in it. Of SQLite machine and path, and the file by its number.
    """
    if connection.vendor == "postgresql":
        return [_of_postgresql()]
    path = Path(connection.settings_dict["NAME"])
    machine = _MACHINE.read_text().strip() if _MACHINE.is_file() else ""
    # One in memory, as tests have it, is no file.
    return [f"{_PATH}{machine}/{path.resolve()}", *([_file(path)] if path.is_file() else [])]


def is_one(noted: Collection[str], here: Collection[str]) -> bool:
    """Whether what was noted of a place is of this one.

    A file may be renamed and seen by other paths, and is itself; another one at the same path is a copy, as the old one
    may go on elsewhere. Only the number of a file system may change, which some do when a machine starts: then path and
    file together tell, where there is a machine; in a container, all of which have the same paths, they do not.
    """
    names = set(noted).intersection(here)
    file, was_file = _file_in(here), _file_in(noted)
    if not file or not was_file or file == was_file:
        # Of PostgreSQL; or noted before files were.
        return bool(names)
    is_same_number = file.rpartition("/")[2] == was_file.rpartition("/")[2]
    return is_same_number and any(name.startswith(_PATH) and not name.startswith(f"{_PATH}/") for name in names)


def _file_in(names: Collection[str]) -> str:
    return next((name for name in names if name.startswith(_FILE)), "")


@cache
def _of_postgresql() -> str:
    """Asked once a process: who moves a database ends those that use it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid, has_function_privilege('pg_control_system()', 'execute') FROM pg_database "
            "WHERE datname = current_database()"
        )
        oid, may_ask = cursor.fetchone()
        if not may_ask:
            logger.warning(
                "This role may not ask PostgreSQL which cluster it is in: a copy of the database that uses the same "
                "model store is not told from it. Let it: GRANT EXECUTE ON FUNCTION pg_control_system() TO CURRENT_USER"
            )
            return f"postgresql//{oid}"
        cursor.execute("SELECT system_identifier FROM pg_control_system()")
        (cluster,) = cursor.fetchone()
    return f"postgresql/{cluster}/{oid}"


def _file(path: Path) -> str:
    """By its number on its file system: a copy has another. On one machine, all containers see the same."""
    return f"{_FILE}{os.statvfs(path).f_fsid}/{path.stat().st_ino}"
