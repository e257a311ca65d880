"""Predictions whose truth is known."""

from collections.abc import Sequence
from uuid import UUID

from apps.ml.models import PredictionHistory

#: The online correction looks at the last 300 with and the last 300 without the team's estimate.
RECENT_OUTCOMES = 600


def recent_outcomes(kind: str, project_id: UUID | str, *, newest: int = RECENT_OUTCOMES) -> Sequence[PredictionHistory]:
    """The last scored predictions of a project, oldest outcome first."""
    rows = (
        PredictionHistory.objects.filter(project_id=project_id, prediction_type=kind, scored_at__isnull=False)
        .only("method", "predicted_value", "range_low", "range_high", "confidence", "details", "actual_value")
        .order_by("-scored_at", "-created_at")[:newest]
    )
    return list(reversed(rows))
