"""What monitoring asks of the database: one query for the models, one for the outcomes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Avg, Count, F, Q
from django.db.models.functions import Abs

from apps.ml.models import MLModel, PredictionHistory


@dataclass(frozen=True, slots=True)
class ServingModel:
    """An active model: `project` is the project's key, empty for a global model."""

    model_type: str
    project: str
    trained_at: datetime


@dataclass(frozen=True, slots=True)
class LiveAccuracy:
    """How predictions of a type turned out in a project; errors in hours or points, shares between 0 and 1.

    Attributes
    ----------
    n_ranged : int
        Outcomes whose prediction had a range; the two shares speak of these.
    """

    prediction_type: str
    project: str
    n: int
    mean_absolute_error: float
    mean_squared_error: float
    n_ranged: int
    coverage: float
    nominal_coverage: float


def serving_models() -> Sequence[ServingModel]:
    """All active models."""
    rows = MLModel.objects.filter(is_active=True).values_list("model_type", "project__key", "trained_at")
    return [ServingModel(model_type, key or "", trained_at) for model_type, key, trained_at in rows.order_by()]


_MISS = F("predicted_value") - F("actual_value")


def live_accuracy(*, since: datetime) -> Sequence[LiveAccuracy]:
    """Predictions scored since then, by type and project, those with most outcomes first."""
    ranged = Q(range_low__isnull=False)
    rows = (
        PredictionHistory.objects.filter(scored_at__gte=since, predicted_value__isnull=False)
        .values("prediction_type", "project__key")
        .annotate(
            n=Count("id"),
            mean_absolute_error=Avg(Abs(_MISS)),
            mean_squared_error=Avg(_MISS * _MISS),
            n_ranged=Count("id", filter=ranged),
            inside=Count("id", filter=Q(actual_value__gte=F("range_low"), actual_value__lte=F("range_high"))),
            nominal=Avg("range_level", filter=ranged),
        )
        .order_by("-n", "project__key", "prediction_type")
    )
    return [
        LiveAccuracy(
            prediction_type=row["prediction_type"],
            project=row["project__key"],
            n=row["n"],
            mean_absolute_error=row["mean_absolute_error"],
            mean_squared_error=row["mean_squared_error"],
            n_ranged=row["n_ranged"],
            coverage=row["inside"] / row["n_ranged"] if row["n_ranged"] else 0.0,
            nominal_coverage=row["nominal"] or 0.0,
        )
        for row in rows
    ]
