"""How findings read as news."""

from typing import Any
from uuid import UUID

from apps.ml.core.findings import SEVERITIES
from apps.ml.models import AnomalyDetection
from apps.notifications.models import Event
from apps.notifications.services.announcing import News
from apps.projects.models import Sprint

#: Of a sprint's risks those that cannot wait for somebody to look.
URGENT = SEVERITIES[SEVERITIES.index("high") :]


def about_anomaly(anomaly_id: UUID) -> str:
    """What news of an anomaly are about; a new row of the same kind is another thing."""
    return f"anomaly:{anomaly_id}"


def anomaly_news(row: AnomalyDetection) -> News:
    """A kept anomaly."""
    return News(
        event=Event.ANOMALY_DETECTED,
        severity=row.severity,
        about=about_anomaly(row.id),
        topic=f"anomaly:{row.anomaly_type}",
        sentence=row.description,
        advice=row.mitigation_suggestions,
        path=f"/api/v1/ml/projects/{row.project_id}/anomalies/{row.id}/",
        data={
            "anomaly_id": str(row.id),
            "kind": row.anomaly_type,
            "metric": row.affected_metric,
            "expected": row.expected_value,
            "actual": row.actual_value,
        },
    )


def risk_news(sprint: Sprint, risk: dict[str, Any]) -> News:
    """A risk of a running sprint, as `detect_sprint_risks` answers it."""
    return News(
        event=Event.SPRINT_AT_RISK,
        severity=risk["severity"],
        about=f"sprint:{sprint.id}:{risk['risk_type']}",
        topic=f"sprint:{sprint.id}:{risk['risk_type']}",
        sentence=f"{sprint.name}: {risk['description']}",
        advice=risk["mitigation_suggestions"],
        path=f"/api/v1/ml/{sprint.id}/sprint-risk/",
        data={
            "sprint_id": str(sprint.id),
            "sprint_name": sprint.name,
            "kind": risk["risk_type"],
            "metric": risk["affected_metric"],
            "expected": risk["expected_value"],
            "actual": risk["actual_value"],
        },
    )
