"""SQLite's log keeps pages as they were until it is emptied; PostgreSQL's files are its own business."""

import time

from django.db import connection

#: A try holds up whoever writes; between two of them others do.
_TRY_SECONDS, _PAUSE_SECONDS = 0.1, 0.2


def empty_log(*, patience_seconds: float) -> bool:
    """Put what the log holds into the database's file, and leave the log empty.

    Returns whether it is: it is not while somebody reads what it holds. Within a transaction nothing is done.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        return True
    until = time.monotonic() + patience_seconds
    with connection.cursor() as cursor:
        patience_ms = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout = {_TRY_SECONDS * 1000:.0f}")
        try:
            while is_busy := cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                if time.monotonic() >= until:
                    break
                time.sleep(_PAUSE_SECONDS)
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {patience_ms}")
    return not is_busy
