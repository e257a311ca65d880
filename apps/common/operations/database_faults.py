"""What Django raises while the database cannot be used, and what a row's own fault may end.

While the database cannot be used nobody's input is wrong, and later it works again.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from celery.exceptions import SoftTimeLimitExceeded
from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, connection

from apps.common.exceptions import ApplicationError
from apps.common.operations.metrics import SWEEP_FAULTS

logger = logging.getLogger(__name__)

#: Away, locked, silent; closed meanwhile; and for reading only, as PostgreSQL is once it is another's copy.
DATABASE_FAULTS = (OperationalError, InterfaceError, InternalError)
#: What SQLite says of a file that is none of its own any more, or not whole.
_SPOILED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_of_the_database(fault: BaseException | None) -> bool:
    """Whether it is one of these, or the file of SQLite is spoiled, for which there is no class of its own."""
    cause = fault.__cause__ if isinstance(fault, DatabaseError) else None
    is_spoiled = isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorcode", 0) & 0xFF in _SPOILED
    return is_spoiled or isinstance(fault, DATABASE_FAULTS)


def reason_of(fault: BaseException) -> str:
    """What a database says, in a line."""
    return (str(fault).splitlines() or [type(fault).__name__])[0]


@contextmanager
def by_itself(sweep: str, item: object) -> Iterator[None]:
    """One row or step of many: what stops it is told in the log and counted, and the next has its turn.

    Raised is only what would stop every other as well: a time limit, and a database that is away. Within a transaction
    a step that writes needs one of its own.
    """
    try:
        yield
    except SoftTimeLimitExceeded:
        raise
    except Exception as fault:
        if isinstance(fault, DATABASE_FAULTS) and (connection.in_atomic_block or not connection.is_usable()):
            raise
        SWEEP_FAULTS.labels(sweep=sweep).inc()
        # What a fault says may quote somebody.
        told = fault.code if isinstance(fault, ApplicationError) else type(fault).__name__
        logger.exception("One of many could not be done sweep=%s item=%s: %s", sweep, _called(item), told)


def _called(item: object) -> str:
    """An id, or the name of a step: never a text of somebody's."""
    return str(getattr(item, "pk", None) or getattr(item, "__name__", item))
