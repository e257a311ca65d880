"""Removing old notifications and giving failed deliveries another chance."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from apps.notifications.models import Delivery, Notification

logger = logging.getLogger(__name__)

#: Notifications removed in one transaction, each with a handful of deliveries.
BATCH_ROWS = 500
#: Batches of one run; the next night goes on where this one ended.
MAX_BATCHES = 500


def remove_old_notifications(*, now: datetime) -> int:
    """Remove what is older than ML_HISTORY_DAYS with its deliveries and their log; returns how many notifications."""
    old = Notification.objects.filter(created_at__lt=now - timedelta(days=settings.ML_HISTORY_DAYS))
    removed = 0
    for _ in range(MAX_BATCHES):
        batch = list(old.order_by("created_at").values_list("id", flat=True)[:BATCH_ROWS])
        Notification.objects.filter(id__in=batch).delete()
        removed += len(batch)
        if len(batch) < BATCH_ROWS:
            break
    if removed:
        logger.info("Old notifications removed notifications=%d", removed)
    return removed


def retry_failed(failed: QuerySet[Delivery], *, now: datetime) -> int:
    """Put what was given up back into the outbox; returns how many deliveries. What is older than two days by then gets
    one more try, the rest as many as at first.
    """
    return failed.order_by().update(
        state=Delivery.State.WAITING, attempts=0, due_at=now, finished_at=None, failure_reason=""
    )
