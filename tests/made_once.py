"""What all processes of a run share, made by the first that asks: above all the tables, of which each takes a copy.

Migrating an empty database costs 2 to 5 s of processor time; a run asks for some twenty of them.
"""

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase

from tests import engines
from tests.processes import ONE_THREAD, ROOT, kept_environment

#: Written when migrations end; `django_migrations` is none of Django's own list.
STAYS = {"django_content_type", "auth_permission"}


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for all processes of a run."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if os.environ.get("PYTEST_XDIST_WORKER") else folder


def made_once(path: Path, make: Callable[[], str | None]) -> Path:
    """The file; the first process that asks makes it, and the others wait. What `make` says is written there."""
    path.parent.mkdir(exist_ok=True, mode=0o700)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            said = make()
            if said is not None:
                path.write_text(said)
    return path


@pytest.fixture(scope="session")
def migrated(shared_folder: Path) -> Path:
    """The database file of an installation in which nothing is but its tables."""
    folder = shared_folder / "migrated"
    return made_once(folder / "db.sqlite3", lambda: migrate(SCRUM_ML_VAR_DIR=str(folder)))


@pytest.fixture(scope="session")
def with_tables(migrated: Path) -> Callable[[Path], Path]:
    """Makes a folder an installation that `./run` finds migrated."""

    def put(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(migrated, folder)
        return folder

    return put


def migrate(**environment: str) -> None:
    """Make the tables, as an operator does."""
    command = [sys.executable, "manage.py", "migrate", "-v0"]
    subprocess.run(command, cwd=ROOT, env=kept_environment() | ONE_THREAD | environment, check=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, request: pytest.FixtureRequest
) -> Iterator[None]:
    """Where several processes each need a test database, it begins with the tables; Django finds nothing to migrate."""
    with ExitStack() as kept:
        if os.environ.get("PYTEST_XDIST_WORKER"):
            if connection.vendor == "sqlite":
                _fill_memory(request.getfixturevalue("migrated"), kept)
            else:
                shared = request.getfixturevalue("shared_folder")
                made_once(shared / "postgres" / "url", lambda: _make_template(shared / "postgres"))
                connection.settings_dict["TEST"]["TEMPLATE"] = engines.MIGRATED
        yield


def _fill_memory(migrated: Path, kept: ExitStack) -> None:
    """The database in memory lives as long as this connection of ours to it."""
    memory = kept.enter_context(closing(sqlite3.connect(connection.creation._get_test_db_name(), uri=True)))
    with closing(sqlite3.connect(migrated)) as source:
        source.backup(memory)


def _make_template(folder: Path) -> str:
    if there := engines.database_at(os.environ["DATABASE_URL"], engines.MIGRATED):
        return there
    url = engines.new_database(os.environ["DATABASE_URL"], engines.MIGRATED)
    migrate(DATABASE_URL=url, SCRUM_ML_VAR_DIR=str(folder))
    return url


@pytest.fixture(scope="session", autouse=True)
def rows_go_and_tables_stay() -> Iterator[None]:
    """After a test that commits: Django's own way makes 60 tables, content types and permissions anew (0.8 s)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda test: empty_tables())
        yield


def empty_tables() -> None:
    """Remove all rows but those that the migrations' end wrote, which are the same for every test."""
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - STAYS
    deletions = [f"delete from {connection.ops.quote_name(table)}" for table in sorted(tables)]
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # No foreign key is looked at: all of them go.
            cursor.execute(f"set local session_replication_role = replica; {'; '.join(deletions)}")
        else:
            # Foreign keys are looked at when the transaction ends.
            cursor.execute("pragma defer_foreign_keys = on")
            for deletion in deletions:
                cursor.execute(deletion)


@contextmanager
def rows_of_a_file(blocker: Any) -> Iterator[None]:
    """For a fixture of a file: each test works in a transaction of its own inside this one, which leaves nothing."""
    with blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)
