"""What passes within minutes and all processes of an installation share: one statement each, whatever the database.

With SQLite it stands in a file of its own: a request that only reads must not wait for whoever writes to the
database.
"""

import logging
import os
import sqlite3
import threading
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

logger = logging.getLogger(__name__)

#: As the migrations make them on PostgreSQL.
_TABLES = (
    "CREATE TABLE IF NOT EXISTS common_counter (key TEXT PRIMARY KEY, ends_at INTEGER, count INTEGER)",
    "CREATE TABLE IF NOT EXISTS common_pagemark (key TEXT PRIMARY KEY, ends_at INTEGER, mark TEXT)",
)
#: Longer than any other statement takes; whoever waits longer goes on without.
_PATIENCE_SECONDS = 1.0


def run(statement: str, values: list[Any]) -> tuple[Any, ...] | None:
    """As `run_or_fail`; None where the file fails, which is logged."""
    try:
        return run_or_fail(statement, values)
    except sqlite3.Error as error:
        logger.warning("Requests are not counted, and pages not marked, just now: %s", type(error).__name__)
        return None


def run_or_fail(statement: str, values: list[Any]) -> tuple[Any, ...] | None:
    """The first row that a statement returns, each `{0}` a parameter.

    Raises
    ------
    sqlite3.Error
        Where the file fails: it is held, or its disk is full.
    """
    if connection.vendor != "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(statement.format("%s"), values)
            return cursor.fetchone() if cursor.description else None
    return _file(str(settings.VAR_DIR), os.getpid()).run(statement.format("?"), values)


def empty_log() -> bool:
    """Of the file: pages of before stay in its log. Whether it is empty: it is not while somebody reads them."""
    if connection.vendor != "sqlite":
        return True
    is_busy = run("PRAGMA wal_checkpoint(TRUNCATE)", [])
    return is_busy is not None and not is_busy[0]


class _PassingFile:
    """One connection for all threads of a process: a statement takes microseconds."""

    def __init__(self, folder: str) -> None:
        self._turn = threading.Lock()
        path = Path(folder) / "throttle.sqlite3"
        self._file = sqlite3.connect(path, timeout=_PATIENCE_SECONDS, isolation_level=None, check_same_thread=False)
        self._file.execute("PRAGMA journal_mode=WAL")
        # What a crash of the machine loses is a minute's counts.
        self._file.execute("PRAGMA synchronous=OFF")
        # What is deleted is overwritten.
        self._file.execute("PRAGMA secure_delete=ON")
        for table in _TABLES:
            self._file.execute(table)
        path.chmod(0o600)

    def run(self, statement: str, values: list[Any]) -> tuple[Any, ...] | None:
        with self._turn:
            row: tuple[Any, ...] | None = self._file.execute(statement, values).fetchone()
            return row


@cache
def _file(folder: str, process: int) -> _PassingFile:
    """Opened by each process for itself: a connection must not be carried into a child."""
    return _PassingFile(folder)
