"""An account that is switched off is ended for good: switched on again, its person logs in anew."""

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import Signal
from django.utils import timezone

from apps.accounts.log_ins import log_out_everywhere
from apps.accounts.models import User

#: Sent with `user`, in the transaction that switches off: for those who let somebody in by other ways.
switched_off = Signal()


def watch() -> None:
    """Notice accounts that are switched off, whoever does it."""
    post_save.connect(_saved, sender=User, dispatch_uid="switched-off")


def _saved(
    instance: User, *, created: bool, raw: bool = False, update_fields: frozenset[str] | None = None, **_: Any
) -> None:
    is_written = update_fields is None or "is_active" in update_fields
    # Placeholders were never on, and what is restored is as it was.
    if instance.is_active or instance.is_placeholder or created or raw or not is_written:
        return
    instance.switched_off_at = timezone.now()
    User.objects.filter(pk=instance.pk).update(switched_off_at=instance.switched_off_at)
    # Sessions of pages hold the moment of before.
    log_out_everywhere(instance)
    switched_off.send(User, user=instance)
