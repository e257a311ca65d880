"""What workers do for the API."""

from celery import shared_task
from django.utils import timezone

from apps.common.api import idempotency


@shared_task
def forget_old_answers() -> int:
    """Remove answers to requests with an `Idempotency-Key` that are a day old; every hour."""
    return idempotency.forget_old_answers(now=timezone.now())
