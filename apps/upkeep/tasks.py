"""What workers do for erasures that broke off."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from celery import shared_task
from django.db import close_old_connections
from django.utils import timezone

from apps.common.heartbeat import silent
from apps.common.operations.database_faults import by_itself
from apps.upkeep.alone import leave_no_pages_soon
from apps.upkeep.erasing import go_on
from apps.upkeep.models import ErasureRecord
from apps.upkeep.unfinished import ErasureIncomplete, SealLost, read

logger = logging.getLogger(__name__)

#: What is younger may be under way, and ends by itself: the largest take minutes.
LEFT_TO_ITSELF = timedelta(minutes=10)
_EVERY_SECONDS = 3_600


@shared_task(time_limit=3_300)
def finish_erasures() -> int:
    """Do the rest of erasures and deletions of accounts that broke off; every hour. How many are proven by it."""
    now = timezone.now()
    left = ErasureRecord.objects.exclude(unfinished=None).order_by("erased_at", "pk")
    old = list(left.filter(silent("erased_at", now=now, after=LEFT_TO_ITSELF)))
    return sum(_is_proven(record, now) for record in _in_turn(old, now))


def _in_turn(records: Sequence[ErasureRecord], now: datetime) -> list[ErasureRecord]:
    """Each hour another is first: one that takes all the time, or ends the process, keeps no other from its own."""
    first = int(now.timestamp() // _EVERY_SECONDS) % max(len(records), 1)
    return [*records[first:], *records[:first]]


def _is_proven(record: ErasureRecord, now: datetime) -> bool:
    """Do the rest of one; whatever stops it is logged, and the next has its turn."""
    # One that failed by its connection leaves none to the next.
    close_old_connections()
    try:
        go_on(read(record), now=now)
    except (ErasureIncomplete, SealLost) as error:
        logger.error("An erasure is not proven yet record=%s left=%s", record.pk, error.message)
        is_proven = False
    except Exception as error:
        # Its text, which may quote the person, is left out here, and of the traceback by the formatters.
        logger.exception("An erasure is not proven yet record=%s left=%s", record.pk, type(error).__name__)
        is_proven = False
    else:
        is_proven = True
    with by_itself("finish_erasures", record):
        leave_no_pages_soon(of_somebody=True)
    return is_proven
