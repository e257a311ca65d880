"""Scored predictions of a project, and those that still wait for their truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q

from apps.ml.models import PredictionHistory

#: Kinds that have a truth.
SCORED_KINDS = (PredictionHistory.Kind.EFFORT, PredictionHistory.Kind.POINTS)
#: Bound of one scorecard, the newest outcomes of the window: a busy team's year, and half a second of resampling.
MOST_OUTCOMES = 5_000
_COLUMNS = (
    "prediction_type",
    "method",
    "issue_id",
    "created_at",
    "actual_value",
    "predicted_value",
    "range_low",
    "range_high",
    "range_level",
    "confidence",
    "details__estimated_hours",
    "details__baseline_hours",
    "details__baseline_points",
    "details__one_step",
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Predictions of one type without a truth."""

    #: About an issue that is not finished, or finished without hours or points.
    waiting: int
    #: About no issue: nothing will ever tell how they turned out.
    about_no_issue: int


def scored_rows(project_id: UUID | str, *, since: datetime, until: datetime) -> Sequence[dict[str, Any]]:
    """Predictions whose outcome became known in the window, the earliest answer first; at most MOST_OUTCOMES."""
    rows = (
        PredictionHistory.objects.filter(
            project_id=project_id,
            prediction_type__in=SCORED_KINDS,
            scored_at__gt=since,
            scored_at__lte=until,
            predicted_value__isnull=False,
        )
        .order_by("-scored_at", "-created_at", "-id")
        .values(*_COLUMNS)[:MOST_OUTCOMES]
    )
    return sorted(rows, key=lambda row: row["created_at"])


def waiting_predictions(project_id: UUID | str) -> dict[str, Waiting]:
    """Predictions without a truth, by type; those made after the work was done are never scored and not counted."""
    open_rows = PredictionHistory.objects.filter(
        project_id=project_id, prediction_type__in=SCORED_KINDS, actual_value__isnull=True
    )
    unfinished = Q(issue__isnull=False, issue__resolved_at__isnull=True)
    truth_missing = Q(issue__resolved_at__gt=F("created_at"))
    counts = (
        open_rows.order_by()
        .values("prediction_type")
        .annotate(
            waiting=Count("id", filter=unfinished | truth_missing),
            about_no_issue=Count("id", filter=Q(issue__isnull=True)),
        )
    )
    found = {row["prediction_type"]: Waiting(row["waiting"], row["about_no_issue"]) for row in counts}
    return {kind: found.get(kind, Waiting(0, 0)) for kind in SCORED_KINDS}
