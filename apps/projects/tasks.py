"""What workers do for the domain."""

from celery import shared_task
from django.utils import timezone

from apps.projects import sprint_ends


@shared_task
def close_ended_sprints() -> int:
    """Complete the sprints of other tools whose last day is over; every quarter of an hour, as zones are apart."""
    return sprint_ends.close_ended_sprints(now=timezone.now)
