"""Where numbered pages ended, remembered for minutes: page 3 goes on where page 2 ended, whatever was added or deleted.

A number alone cannot tell that: with a row deleted in front, what was the first row of page 3 is the last of page 2.
"""

import sqlite3
import time

from django.db import connection

from apps.common.heartbeat import CLOCKS_DIFFER
from apps.common.models import PageMark
from apps.common.passing import run, run_or_fail

#: Longer than a client takes from one page to the next; afterwards a number is counted from the beginning again.
KEPT_FOR_SECONDS = 15 * 60
TABLE = PageMark._meta.db_table
#: The mark of an erasure: what was read before it ends no later than this. One of a clock that was ahead holds nothing.
_ERASED = "erased"
# S608: the table's own name.
_KEEP = f"""
INSERT INTO {TABLE} (key, ends_at, mark) SELECT {{0}}, {{0}}, {{0}} WHERE NOT EXISTS
(SELECT 1 FROM {TABLE} WHERE key = '{_ERASED}' AND ends_at >= {{0}} AND ends_at <= {{0}})
ON CONFLICT (key) DO UPDATE SET ends_at = excluded.ends_at, mark = excluded.mark
"""  # noqa: S608
_ERASE = f"""
INSERT INTO {TABLE} (key, ends_at, mark) VALUES ('{_ERASED}', {{0}}, '')
ON CONFLICT (key) DO UPDATE SET ends_at = excluded.ends_at
"""  # noqa: S608
_LOOK = f"SELECT mark FROM {TABLE} WHERE key = {{0}} AND ends_at > {{0}}"  # noqa: S608
_FORGET = f"DELETE FROM {TABLE} WHERE ends_at <= {{0}} OR ends_at > {{0}}"  # noqa: S608
_FORGET_ALL = f"DELETE FROM {TABLE} WHERE key <> '{_ERASED}'"  # noqa: S608
#: One page of so many takes the marks that are over with it.
_FORGET_EVERY = 64
_PAUSE_SECONDS = 0.2


def keep(key: str, mark: str, *, now: float) -> None:
    """Remember where a page ended that was read from this moment on, unless somebody was erased since."""
    ends_at = int(now) + KEPT_FOR_SECONDS
    run(_KEEP, [key, ends_at, mark, ends_at, _latest(now)])
    if hash((key, int(now))) % _FORGET_EVERY == 0:
        forget_old(now=now)


def mark_of(key: str, *, now: float) -> str | None:
    """Where a page ended; None where nobody was there lately."""
    row = run(_LOOK, [key, int(now)])
    return str(row[0]) if row else None


def forget_old(*, now: float) -> None:
    """What is over, and what a clock wrote that was ahead."""
    run(_FORGET, [int(now), _latest(now)])


def forget_all(*, now: float, patience_seconds: float) -> None:
    """After an erasure: a mark may hold the title at which a page ended. What is being read now leaves none.

    Raises
    ------
    sqlite3.Error
        If the file cannot be written all the while.
    """
    until = time.monotonic() + patience_seconds
    while True:
        try:
            run_or_fail(_ERASE, [int(now) + KEPT_FOR_SECONDS + _clocks_differ()])
            run_or_fail(_FORGET_ALL, [])
            return
        except sqlite3.Error:
            if time.monotonic() >= until:
                raise
            time.sleep(_PAUSE_SECONDS)


def _latest(now: float) -> int:
    """No mark ends later that a clock of now has written, nor one at the end of a request that began now."""
    return int(now) + 2 * KEPT_FOR_SECONDS


def _clocks_differ() -> int:
    """SQLite's file is one machine's."""
    return 0 if connection.vendor == "sqlite" else int(CLOCKS_DIFFER.total_seconds())
