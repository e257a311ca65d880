"""What workers do for the API."""

import time

from celery import shared_task
from django.utils import timezone

from apps.common import page_marks, passing
from apps.common.api import idempotency
from apps.common.operations.database_faults import by_itself
from apps.common.operations.sqlite_log import empty_log


@shared_task
def forget_old_answers() -> int:
    """Remove answers to requests with an `Idempotency-Key` that are a day old; every hour."""
    return idempotency.forget_old_answers(now=timezone.now())


@shared_task
def empty_logs() -> None:
    """Leave nothing in SQLite's logs that is in the database no more, also where an erasure could not; every minute.

    And no place at which a page ended, on either engine, that is over.
    """
    with by_itself("empty_logs", empty_log):
        empty_log(patience_seconds=0)
    with by_itself("empty_logs", page_marks.forget_old):
        page_marks.forget_old(now=time.time())
    passing.empty_log()
