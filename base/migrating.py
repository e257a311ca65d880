"""The database brought up to date: by `./run` always, by the project's own commands where there is none yet."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from django.core.management import call_command, get_commands
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

#: Not of the project, and of no use without its tables.
NEED_TABLES = frozenset({"createsuperuser", "changepassword"})


@contextmanager
def step(sentence: str, out: TextIO | None = None) -> Iterator[None]:
    """Announce a slow step, then say how long it took."""
    print(f"run: {sentence} ...", file=out, flush=True)
    start = time.perf_counter()
    yield
    print(f"run: ... done in {time.perf_counter() - start:.1f} s", file=out, flush=True)


def migrate(out: TextIO | None = None) -> None:
    """Bring the database up to date; an up-to-date one costs a look."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        with step("preparing the database", out):
            call_command("migrate", verbosity=0, interactive=False)


def migrate_what_is_fresh(arguments: Sequence[str]) -> None:
    """Before a command that needs tables: make them where there are none at all. Later changes are for the operator."""
    if not _needs_tables(arguments) or _has_tables():
        return
    # What a command prints may be read by a program.
    migrate(sys.stderr)


def _needs_tables(arguments: Sequence[str]) -> bool:
    name = arguments[0] if arguments else ""
    if {"-h", "--help"} & set(arguments):
        return False
    app = get_commands().get(name, "")
    return name in NEED_TABLES or str(getattr(app, "__module__", app)).startswith("apps.")


def _has_tables() -> bool:
    try:
        return MigrationRecorder(connection).has_table()
    except DatabaseError:
        # A database that cannot be asked is the command's to tell of.
        return True
