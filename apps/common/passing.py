"""What passes within minutes and all processes of an installation share: one statement each, whatever the database.

With SQLite it stands in a file of its own: a request that only reads must not wait for whoever writes to the
database.
"""

import fcntl
import logging
import os
import sqlite3
import threading
from contextlib import suppress
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
    except (sqlite3.Error, OSError) as error:
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


#: What a power cut or a failing disk has made of a file.
_SPOILED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
#: Of files that were spoiled: closing one would remove the log of the one that has its name by now.
_FORSAKEN: list[sqlite3.Connection] = []


class _PassingFile:
    """One connection for all threads of a process: a statement takes microseconds.

    Nothing in it is older than minutes, so a file that is spoiled is made anew, by whichever process finds it first.
    """

    def __init__(self, folder: str) -> None:
        self._turn = threading.Lock()
        self._path = Path(folder) / "throttle.sqlite3"
        self._file: sqlite3.Connection | None = None
        self._inode: int | None = None

    def run(self, statement: str, values: list[Any]) -> tuple[Any, ...] | None:
        with self._turn:
            try:
                return self._asked(statement, values)
            except sqlite3.DatabaseError as error:
                # Of an extended code the low byte tells the kind.
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _SPOILED:
                    raise
                logger.warning("%s is spoiled (%s), and is made anew.", self._path.name, error)
                self._put_away()
                return self._asked(statement, values)

    def _asked(self, statement: str, values: list[Any]) -> tuple[Any, ...] | None:
        if self._file is not None and self._inode != _inode_of(self._path):
            # Another process has put it away.
            _FORSAKEN.append(self._file)
            self._file = None
        if self._file is None:
            self._file = self._opened()
        row: tuple[Any, ...] | None = self._file.execute(statement, values).fetchone()
        return row

    def _opened(self) -> sqlite3.Connection:
        file = sqlite3.connect(self._path, timeout=_PATIENCE_SECONDS, isolation_level=None, check_same_thread=False)
        self._inode = _inode_of(self._path)
        try:
            file.execute("PRAGMA journal_mode=WAL")
            # What a crash of the machine loses is a minute's counts, or the file.
            file.execute("PRAGMA synchronous=OFF")
            # What is deleted is overwritten.
            file.execute("PRAGMA secure_delete=ON")
            for table in _TABLES:
                file.execute(table)
        except sqlite3.DatabaseError:
            # Each request tries it again while its disk takes nothing.
            file.close()
            raise
        # A folder that is mounted for reading only, or another's file, takes no rights.
        with suppress(OSError):
            self._path.chmod(0o600)
        return file

    def _put_away(self) -> None:
        """Unless another process has done so since it was opened."""
        if self._file is not None:
            _FORSAKEN.append(self._file)
            self._file = None
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._inode == _inode_of(self._path):
                for name in ("", "-wal", "-shm"):
                    self._path.with_name(f"{self._path.name}{name}").unlink(missing_ok=True)


def _inode_of(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


@cache
def _file(folder: str, process: int) -> _PassingFile:
    """Opened by each process for itself: a connection must not be carried into a child."""
    return _PassingFile(folder)
