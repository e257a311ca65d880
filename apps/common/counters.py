"""Counts that all processes of an installation share, for throttles."""

import os
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from apps.common.models import Counter
from apps.common.passing import run

TABLE = Counter._meta.db_table
_COUNT = f"""
INSERT INTO {TABLE} (key, ends_at, count) VALUES ({{0}}, {{0}}, {{0}})
ON CONFLICT (key) DO UPDATE SET count = {TABLE}.count + excluded.count RETURNING count
"""  # noqa: S608 - the table's own name
_LOOK = f"SELECT count FROM {TABLE} WHERE key = {{0}}"  # noqa: S608
_FORGET = f"DELETE FROM {TABLE} WHERE ends_at <= {{0}}"  # noqa: S608
#: The first count of so many windows takes those that are over with it.
_FORGET_EVERY = 64


@dataclass(slots=True)
class _Taken:
    """Counts that this process has taken and not all used."""

    ends_at: int
    #: Each is one that may be given out. Threads that found none took some each.
    left: deque[int]


#: By process and key.
_TAKEN: dict[tuple[int, str], _Taken] = {}
#: Callers of a process that are remembered: some hundred bytes each.
_MOST_TAKEN = 2_000
_TURN = threading.Lock()


def count(key: str, *, window_seconds: int, now: float, at_once: int = 1) -> tuple[int, float]:
    """Count one more in the present window of `key`.

    Parameters
    ----------
    at_once : int
        So many counts this process takes in one statement, for this caller and those that follow; what it does not use
        counts all the same, so that there are never more than are counted.

    Returns
    -------
    count : int
        How many there were in this window, this one included; 0 where nothing can be written just now.
    seconds_left : float
        Until the window ends.
    """
    ends_at = (int(now // window_seconds) + 1) * window_seconds
    with _TURN:
        own = _TAKEN.get((os.getpid(), key))
        if own is not None and own.ends_at == ends_at and own.left:
            return own.left.popleft(), ends_at - now
    row = run(_COUNT, [f"{key}@{ends_at}", ends_at, at_once])
    counted = int(row[0]) - at_once + 1 if row else 0
    if counted == 1 and hash((key, ends_at)) % _FORGET_EVERY == 0:
        run(_FORGET, [int(now)])
    if row and at_once > 1:
        _keep(key, ends_at, range(counted + 1, int(row[0]) + 1))
    return counted, ends_at - now


def _keep(key: str, ends_at: int, taken: Iterable[int]) -> None:
    """Beside what another thread has taken meanwhile; the longest unused key leaves first."""
    with _TURN:
        own = _TAKEN.pop((os.getpid(), key), None)
        if own is None or own.ends_at != ends_at:
            own = _Taken(ends_at, deque())
        own.left.extend(taken)
        while len(_TAKEN) >= _MOST_TAKEN:
            del _TAKEN[next(iter(_TAKEN))]
        _TAKEN[os.getpid(), key] = own


def counted_so_far(key: str, *, window_seconds: int, now: float) -> tuple[int, float]:
    """As `count`, without counting."""
    ends_at = (int(now // window_seconds) + 1) * window_seconds
    row = run(_LOOK, [f"{key}@{ends_at}"])
    return int(row[0]) if row else 0, ends_at - now


def forget_all() -> None:
    """Begin anew."""
    _TAKEN.clear()
    run(_FORGET, [2**62])
