"""A worker shows that it is there."""

from celery import shared_task
from django.utils import timezone

from apps.common.workers import worker_seen


@shared_task(ignore_result=True)
def note_worker() -> None:
    """Each minute, and when a worker has started."""
    worker_seen(now=timezone.now())
