"""Counts that all processes of an installation share, for throttles."""

from apps.common.models import Counter
from apps.common.passing import run

TABLE = Counter._meta.db_table
_COUNT = f"""
INSERT INTO {TABLE} (key, ends_at, count) VALUES ({{0}}, {{0}}, 1)
ON CONFLICT (key) DO UPDATE SET count = {TABLE}.count + 1 RETURNING count
"""  # noqa: S608 - the table's own name
_LOOK = f"SELECT count FROM {TABLE} WHERE key = {{0}}"  # noqa: S608
_FORGET = f"DELETE FROM {TABLE} WHERE ends_at <= {{0}}"  # noqa: S608
#: The first count of so many windows takes those that are over with it.
_FORGET_EVERY = 64


def count(key: str, *, window_seconds: int, now: float) -> tuple[int, float]:
    """Count one more in the present window of `key`.

    Returns
    -------
    count : int
        How many there were in this window, this one included; 0 where nothing can be written just now.
    seconds_left : float
        Until the window ends.
    """
    ends_at = (int(now // window_seconds) + 1) * window_seconds
    row = run(_COUNT, [f"{key}@{ends_at}", ends_at])
    counted = int(row[0]) if row else 0
    if counted == 1 and hash((key, ends_at)) % _FORGET_EVERY == 0:
        run(_FORGET, [int(now)])
    return counted, ends_at - now


def counted_so_far(key: str, *, window_seconds: int, now: float) -> tuple[int, float]:
    """As `count`, without counting."""
    ends_at = (int(now // window_seconds) + 1) * window_seconds
    row = run(_LOOK, [f"{key}@{ends_at}"])
    return int(row[0]) if row else 0, ends_at - now


def forget_all() -> None:
    """Begin anew."""
    run(_FORGET, [2**62])
