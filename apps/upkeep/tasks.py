"""What workers do for erasures that broke off."""

import logging
from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from apps.common.heartbeat import silent
from apps.upkeep.alone import leave_no_pages_soon
from apps.upkeep.erasing import go_on
from apps.upkeep.models import ErasureRecord
from apps.upkeep.unfinished import ErasureIncomplete, SealLost, read

logger = logging.getLogger(__name__)

#: What is younger may be under way, and ends by itself: the largest take minutes.
LEFT_TO_ITSELF = timedelta(minutes=10)


@shared_task(time_limit=3_300)
def finish_erasures() -> int:
    """Do the rest of erasures and deletions of accounts that broke off; every hour. How many are proven by it."""
    now, proven = timezone.now(), 0
    left = ErasureRecord.objects.exclude(unfinished=None).order_by("erased_at")
    for record in left.filter(silent("erased_at", now=now, after=LEFT_TO_ITSELF)):
        try:
            go_on(read(record), now=now)
        except (ErasureIncomplete, SealLost) as error:
            logger.error("An erasure is not proven yet record=%s left=%s", record.pk, error.message)
        else:
            proven += 1
        leave_no_pages_soon(of_somebody=True)
    return proven
