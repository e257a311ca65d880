"""Predictions whose truth is known."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Exists, OuterRef

from apps.ml.models import PredictionHistory

#: The online correction looks at the last 300 with and the last 300 without the team's estimate.
RECENT_OUTCOMES = 600


def recent_outcomes(kind: str, project_id: UUID | str, *, newest: int = RECENT_OUTCOMES) -> Sequence[PredictionHistory]:
    """The last scored predictions of a project, oldest outcome first.

    An issue counts once, with the latest answer about it: asking again teaches nothing, and a viewer who asks 300 times
    must not own the record.
    """
    later = PredictionHistory.objects.filter(
        issue=OuterRef("issue"), prediction_type=kind, created_at__gt=OuterRef("created_at"), scored_at__isnull=False
    )
    rows = (
        PredictionHistory.objects.filter(~Exists(later), project_id=project_id, prediction_type=kind)
        .filter(scored_at__isnull=False)
        .only("method", "predicted_value", "range_low", "range_high", "confidence", "details", "actual_value")
        .order_by("-scored_at", "-created_at")[:newest]
    )
    return list(reversed(rows))
