"""What people make of an anomaly: the one place that takes up and closes one, with who, when and why."""

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from apps.accounts.models import User
from apps.common.exceptions import Conflict
from apps.ml.models import AnomalyDetection
from apps.ml.selectors.trust import OPEN_STATUSES
from apps.ml.services.anomalies.news import about_anomaly
from apps.notifications.services.announcing import withdraw
from apps.projects.rows import all_or_nothing, enter

if TYPE_CHECKING:
    from apps.accounts.models import User

logger = logging.getLogger(__name__)


class AnomalyClosed(Conflict):
    """Somebody has already closed this anomaly."""

    code = "anomaly_closed"


def acknowledge_anomaly(anomaly: AnomalyDetection, *, by: "User", now: datetime, notes: str = "") -> AnomalyDetection:
    """Somebody looks into it; raises `AnomalyClosed` if it was closed before."""
    return _moved(anomaly, AnomalyDetection.Status.INVESTIGATING, by=by, now=now, notes=notes)


def resolve_anomaly(anomaly: AnomalyDetection, *, by: "User", now: datetime, notes: str = "") -> AnomalyDetection:
    """The cause is gone; raises `AnomalyClosed` if it was closed before."""
    return _moved(anomaly, AnomalyDetection.Status.RESOLVED, by=by, now=now, notes=notes)


def dismiss_anomaly(anomaly: AnomalyDetection, *, by: "User", now: datetime, notes: str = "") -> AnomalyDetection:
    """There was nothing wrong, and nobody shall hear of it any more; raises `AnomalyClosed` if it was closed before."""
    return _moved(anomaly, AnomalyDetection.Status.FALSE_POSITIVE, by=by, now=now, notes=notes)


#: What a person can make of an open anomaly, by the status that it gets.
REVIEWS = {
    AnomalyDetection.Status.INVESTIGATING: acknowledge_anomaly,
    AnomalyDetection.Status.RESOLVED: resolve_anomaly,
    AnomalyDetection.Status.FALSE_POSITIVE: dismiss_anomaly,
}


@all_or_nothing()
def _moved(
    anomaly: AnomalyDetection, status: AnomalyDetection.Status, *, by: "User", now: datetime, notes: str
) -> AnomalyDetection:
    enter(anomaly.project_id)
    # Read again under a lock: of two people who close it at once the second is told, and does not overwrite the first.
    row = AnomalyDetection.objects.select_for_update().get(id=anomaly.id)
    if row.status not in OPEN_STATUSES:
        raise AnomalyClosed
    row.status = status
    if status in OPEN_STATUSES:
        row.acknowledged_by, row.acknowledged_at = by, now
    else:
        row.resolved_by, row.resolved_at = by, now
    # Added below what others wrote before.
    row.notes = "\n".join(part for part in (row.notes, notes) if part)
    if status == AnomalyDetection.Status.FALSE_POSITIVE:
        withdraw(row.project_id, about_anomaly(row.id), now=now)
    row.save(update_fields=["status", "acknowledged_by", "acknowledged_at", "resolved_by", "resolved_at", "notes"])
    logger.info("Anomaly reviewed status=%s anomaly=%s by=%s", row.status, row.id, by.id)
    return row
