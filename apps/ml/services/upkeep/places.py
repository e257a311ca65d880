"""Where this database lies: a copy lies elsewhere, however it was made."""

from functools import cache
from pathlib import Path

from django.db import connection

_MACHINE = Path("/etc/machine-id")


def place() -> str:
    """Of PostgreSQL the cluster and the database in it, of SQLite the machine and the file.

    What was put back in place, by whatever tool, lies where it lay. A copy of a whole disk or machine cannot be told
    from its original.
    """
    return _of_postgresql() if connection.vendor == "postgresql" else _of_sqlite(str(connection.settings_dict["NAME"]))


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
            return f"postgresql//{oid}"
        cursor.execute("SELECT system_identifier FROM pg_control_system()")
        (cluster,) = cursor.fetchone()
    return f"postgresql/{cluster}/{oid}"


def _of_sqlite(file: str) -> str:
    machine = _MACHINE.read_text().strip() if _MACHINE.is_file() else ""
    return f"sqlite/{machine}/{Path(file).resolve()}"
