"""What people make of an anomaly: the one place that closes one, with who and when."""

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from apps.common.exceptions import Conflict
from apps.ml.models import AnomalyDetection
from apps.ml.services.anomaly_service import OPEN_STATUSES

if TYPE_CHECKING:
    from apps.accounts.models import User

logger = logging.getLogger(__name__)


class AnomalyClosed(Conflict):
    """Somebody has already closed this anomaly."""

    code = "anomaly_closed"


def resolve_anomaly(anomaly: AnomalyDetection, *, by: "User", now: datetime) -> AnomalyDetection:
    """The cause is gone; raises `AnomalyClosed` if it was closed before."""
    return _closed(anomaly, AnomalyDetection.Status.RESOLVED, by=by, now=now)


def dismiss_anomaly(anomaly: AnomalyDetection, *, by: "User", now: datetime) -> AnomalyDetection:
    """There was nothing wrong; raises `AnomalyClosed` if it was closed before."""
    return _closed(anomaly, AnomalyDetection.Status.FALSE_POSITIVE, by=by, now=now)


@transaction.atomic
def _closed(
    anomaly: AnomalyDetection, status: AnomalyDetection.Status, *, by: "User", now: datetime
) -> AnomalyDetection:
    # Read again under a lock: of two people who close it at once the second is told, and does not overwrite the first.
    row = AnomalyDetection.objects.select_for_update().get(id=anomaly.id)
    if row.status not in OPEN_STATUSES:
        raise AnomalyClosed
    row.status, row.resolved_by, row.resolved_at = status, by, now
    row.save(update_fields=["status", "resolved_by", "resolved_at"])
    logger.info("Anomaly closed status=%s anomaly=%s by=%s", row.status, row.id, by.id)
    return row
