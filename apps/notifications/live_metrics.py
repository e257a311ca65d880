"""How long the oldest delivery that is due has waited for a worker, asked of the database at scrape time."""

import logging
from collections.abc import Iterable
from datetime import datetime

from django.db import DatabaseError
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric

from apps.common.operations.metrics import OUTBOX_GAUGES
from apps.notifications.selectors import longest_overdue_seconds

logger = logging.getLogger(__name__)


def read() -> Iterable[Metric]:
    """One short query on an index of the few rows that wait; nothing without a database, whose absence others show."""
    try:
        return gauges(timezone.now())
    except DatabaseError as error:
        logger.warning("Outbox cannot be read error=%s", type(error).__name__)
        return []


def gauges(now: datetime) -> list[Metric]:
    [(name, (text, labels))] = OUTBOX_GAUGES.items()
    family = GaugeMetricFamily(name, text, labels=labels)
    family.add_metric([], longest_overdue_seconds(now))
    return [family]
