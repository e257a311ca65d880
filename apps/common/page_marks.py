"""Where numbered pages ended, remembered for minutes: page 3 goes on where page 2 ended, whatever was added or deleted.

A number alone cannot tell that: with a row deleted in front, what was the first row of page 3 is the last of page 2.
"""

from apps.common.models import PageMark
from apps.common.passing import empty_log, run

#: Longer than a client takes from one page to the next; afterwards a number is counted from the beginning again.
KEPT_FOR_SECONDS = 15 * 60
TABLE = PageMark._meta.db_table
_KEEP = f"""
INSERT INTO {TABLE} (key, ends_at, mark) VALUES ({{0}}, {{0}}, {{0}})
ON CONFLICT (key) DO UPDATE SET ends_at = excluded.ends_at, mark = excluded.mark
"""  # noqa: S608 - the table's own name
_LOOK = f"SELECT mark FROM {TABLE} WHERE key = {{0}} AND ends_at > {{0}}"  # noqa: S608
_FORGET = f"DELETE FROM {TABLE} WHERE ends_at <= {{0}}"  # noqa: S608
#: One page of so many takes the marks that are over with it.
_FORGET_EVERY = 64


def keep(key: str, mark: str, *, now: float) -> None:
    """Remember where a page ended."""
    run(_KEEP, [key, int(now) + KEPT_FOR_SECONDS, mark])
    if hash((key, int(now))) % _FORGET_EVERY == 0:
        run(_FORGET, [int(now)])


def mark_of(key: str, *, now: float) -> str | None:
    """Where a page ended; None where nobody was there lately."""
    row = run(_LOOK, [key, int(now)])
    return str(row[0]) if row else None


def forget_all() -> None:
    """After an erasure: a mark may hold the title at which a page ended."""
    run(_FORGET, [2**62])
    empty_log()
