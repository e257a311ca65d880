"""What workers do: fetch, call a service."""

from celery import shared_task
from django.utils import timezone

from apps.ml.services.outcomes import record_outcomes
from apps.ml.services.retraining import retrain_due_models


@shared_task
def retrain_ml_models() -> dict[str, int]:
    """Train the models that are due; Monday at 02:00."""
    return retrain_due_models(now=timezone.now())


@shared_task
def record_prediction_outcomes() -> int:
    """Close open predictions about finished issues; every minute."""
    return record_outcomes(now=timezone.now())
