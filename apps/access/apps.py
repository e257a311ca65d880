from typing import Any

from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "apps.access"
    label = "access"

    def ready(self) -> None:
        """End what lets somebody in for whoever is switched off."""
        from apps.accounts.switching_off import switched_off  # noqa: PLC0415 - models exist only now

        switched_off.connect(_end_all, dispatch_uid="access-ends")


def _end_all(user: Any, **_: Any) -> None:
    from apps.access.models import ApiKey, Invitation  # noqa: PLC0415

    ApiKey.objects.filter(user=user).delete()
    Invitation.objects.filter(invited_by=user).delete()
