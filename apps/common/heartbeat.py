"""A thread that shows, while long work goes on, that this process lives."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import DatabaseError, connection
from django.db.models import Q
from django.utils import timezone

from apps.common.exceptions import ApplicationError

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 15.0
#: Clocks of machines that are kept right differ by less.
CLOCKS_DIFFER = timedelta(minutes=1)


def silent(field: str, *, now: datetime, after: timedelta, ahead: timedelta = CLOCKS_DIFFER) -> Q:
    """Rows whose last sign of life is too long ago.

    Or further ahead than it can be: a clock that was ahead told it and has been set back, so that it says nothing.
    """
    return Q(**{f"{field}__lt": now - after}) | Q(**{f"{field}__gt": now + ahead})


@contextmanager
def beating(beat: Callable[[datetime], object], *, every_seconds: float = HEARTBEAT_SECONDS) -> Iterator[None]:
    """Call `beat` with the time now and then until the block ends; it dies with the process, which is the point."""
    done = threading.Event()
    thread = threading.Thread(target=_beat, args=(beat, every_seconds, done), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _beat(beat: Callable[[datetime], object], every_seconds: float, done: threading.Event) -> None:
    try:
        while not done.wait(every_seconds):
            try:
                beat(timezone.now())
            except DatabaseError as error:
                # The database restarts, say. The next beat comes on a new connection.
                logger.warning("Heartbeat failed: %s", type(error).__name__)
                connection.close()
    except ApplicationError as error:
        # The work itself finds out at its next step.
        logger.warning("Heartbeat ends: %s", error.message)
    finally:
        connection.close()
