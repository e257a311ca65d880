"""Counts that all processes of an installation share, for throttles: one statement each, whatever the database.

With SQLite they stand in a file of their own: a request that only reads must not wait for whoever writes to the
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

from apps.common.models import Counter

logger = logging.getLogger(__name__)

TABLE = Counter._meta.db_table
_COUNT = f"""
INSERT INTO {TABLE} (key, ends_at, count) VALUES ({{0}}, {{0}}, 1)
ON CONFLICT (key) DO UPDATE SET count = {TABLE}.count + 1 RETURNING count
"""  # noqa: S608 - the table's own name
_LOOK = f"SELECT count FROM {TABLE} WHERE key = {{0}}"  # noqa: S608
_FORGET = f"DELETE FROM {TABLE} WHERE ends_at <= {{0}}"  # noqa: S608
_MAKE = f"CREATE TABLE IF NOT EXISTS {TABLE} (key TEXT PRIMARY KEY, ends_at INTEGER, count INTEGER)"
#: The first count of so many windows takes those that are over with it.
_FORGET_EVERY = 64
#: Longer than any other count takes; whoever waits longer is let through.
_PATIENCE_SECONDS = 1.0


def count(key: str, *, window_seconds: int, now: float) -> tuple[int, float]:
    """Count one more in the present window of `key`.

    Returns
    -------
    count : int
        How many there were in this window, this one included; 0 where the file cannot be written, which is logged.
    seconds_left : float
        Until the window ends.
    """
    ends_at = (int(now // window_seconds) + 1) * window_seconds
    counted = _run(_COUNT, [f"{key}@{ends_at}", ends_at])
    if counted == 1 and hash((key, ends_at)) % _FORGET_EVERY == 0:
        _run(_FORGET, [int(now)])
    return counted, ends_at - now


def counted_so_far(key: str, *, window_seconds: int, now: float) -> tuple[int, float]:
    """As `count`, without counting."""
    ends_at = (int(now // window_seconds) + 1) * window_seconds
    return _run(_LOOK, [f"{key}@{ends_at}"]), ends_at - now


def forget_all() -> None:
    """Begin anew."""
    _run(_FORGET, [2**62])


def _run(statement: str, values: list[Any]) -> int:
    """The number that the statement returns; 0 for none."""
    if connection.vendor != "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(statement.format("%s"), values)
            row = cursor.fetchone() if cursor.description else None
            return int(row[0]) if row else 0
    try:
        return _file(str(settings.VAR_DIR), os.getpid()).run(statement.format("?"), values)
    except sqlite3.Error as error:
        logger.warning("Requests are not counted just now: %s", type(error).__name__)
        return 0


class _CounterFile:
    """One connection for all threads of a process: a statement takes microseconds."""

    def __init__(self, folder: str) -> None:
        self._turn = threading.Lock()
        path = Path(folder) / "throttle.sqlite3"
        self._file = sqlite3.connect(path, timeout=_PATIENCE_SECONDS, isolation_level=None, check_same_thread=False)
        self._file.execute("PRAGMA journal_mode=WAL")
        # What a crash of the machine loses is a minute's counts.
        self._file.execute("PRAGMA synchronous=OFF")
        self._file.execute(_MAKE)
        path.chmod(0o600)

    def run(self, statement: str, values: list[Any]) -> int:
        with self._turn:
            row = self._file.execute(statement, values).fetchone()
        return int(row[0]) if row else 0


@cache
def _file(folder: str, process: int) -> _CounterFile:
    """Opened by each process for itself: a connection must not be carried into a child."""
    return _CounterFile(folder)
