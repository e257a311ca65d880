"""What workers do with the outbox."""

import logging
import random

from celery import shared_task
from django.utils import timezone

from apps.common.broker import is_handed_over
from apps.common.operations.database_faults import by_itself
from apps.common.turns import MinuteShare
from apps.notifications.selectors import due
from apps.notifications.services import left_going, sending
from apps.notifications.waits import HARD_LIMIT_SECONDS, SOFT_LIMIT_SECONDS

logger = logging.getLogger(__name__)

#: However often news come meanwhile: receivers that let us wait hold up nothing else of a minute for longer.
SHARE = MinuteShare(sending.RUN_SECONDS)


@shared_task(soft_time_limit=SOFT_LIMIT_SECONDS, time_limit=HARD_LIMIT_SECONDS)
def send_deliveries() -> int:
    """Stop what goes on for nobody who leads, and send what is due; every minute, and as soon as there is news."""
    with by_itself("send_deliveries", left_going.stop_what_no_lead_made):
        left_going.stop_what_no_lead_made(now=timezone.now())
    if SHARE.is_spent:
        return 0
    with SHARE.spending():
        return sending.send_due(rng=random.Random())  # noqa: S311 - jitter


def send_soon() -> None:
    """Wake a worker if something is due, after the transaction that wrote it. Without a broker the next minute does."""
    if not due(timezone.now()).exists():
        return
    # Worthless once the next minute's exists, as that one is.
    if not is_handed_over(send_deliveries, expires=55):
        logger.warning("Deliveries wait for the next minute")
