"""How long the oldest delivery that is due has waited for a worker, asked of the database at scrape time."""

from datetime import datetime

from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric

from apps.common.operations.metrics import OUTBOX_GAUGES
from apps.notifications.selectors import longest_overdue_seconds


def read() -> list[Metric]:
    """One short query on an index of the few rows that wait."""
    return gauges(timezone.now())


def gauges(now: datetime) -> list[Metric]:
    [(name, (text, labels))] = OUTBOX_GAUGES.items()
    family = GaugeMetricFamily(name, text, labels=labels)
    family.add_metric([], longest_overdue_seconds(now))
    return [family]
