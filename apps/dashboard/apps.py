from typing import Any

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "apps.dashboard"
    label = "dashboard"

    def ready(self) -> None:
        """Withdraw the links of whoever is switched off."""
        from apps.accounts.switching_off import switched_off  # noqa: PLC0415 - models exist only now

        switched_off.connect(_withdraw_links, dispatch_uid="links-end")


def _withdraw_links(user: Any, **_: Any) -> None:
    from django.utils import timezone  # noqa: PLC0415

    from apps.dashboard.models import ShareLink  # noqa: PLC0415

    ShareLink.objects.filter(made_by=user, withdrawn_at=None).update(withdrawn_at=timezone.now())
