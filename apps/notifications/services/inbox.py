"""What a person does with their notifications."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from apps.accounts.models import User
from apps.notifications.models import Delivery, Preference


def mark_read(mine: QuerySet[Delivery], *, now: datetime) -> int:
    """Mark what is unread among these; returns how many that were."""
    return mine.filter(read_at=None).update(read_at=now)


def choose(user: User, **fields: Any) -> Preference:
    """Change what a person wants to be sent."""
    preference, _ = Preference.objects.update_or_create(user=user, defaults=fields)
    return preference
