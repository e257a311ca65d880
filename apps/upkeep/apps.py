from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import pre_delete
from django.utils import timezone


class UpkeepConfig(AppConfig):
    """Backup, restore and erasure: what touches everything stands above everything."""

    name = "apps.upkeep"
    label = "upkeep"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # However an account is deleted: over the administration, or by a command.
        pre_delete.connect(_erase_what_others_wrote, sender="accounts.User", dispatch_uid="erase-deleted-account")
        pre_delete.connect(_forget_what_was_logged, sender="projects.Project", dispatch_uid="forget-logged-project")
        from apps.projects.erasures import MOMENTS  # noqa: PLC0415 - models exist only now
        from apps.projects.placeholders import ERASED  # noqa: PLC0415
        from apps.upkeep import records  # noqa: F401, PLC0415 - it registers a check

        if _erased_people not in ERASED:
            ERASED.append(_erased_people)
            MOMENTS.append(_moments_of_erasures)


def _erased_people(places: Mapping[str, str]) -> dict[str, str]:
    from apps.upkeep.pseudonyms import erased_people  # noqa: PLC0415 - most processes never import anything

    return erased_people(places)


def _moments_of_erasures() -> Iterable[datetime]:
    from apps.upkeep.models import ErasureRecord  # noqa: PLC0415 - models exist only now

    return ErasureRecord.objects.order_by().values_list("erased_at", flat=True)


def _erase_what_others_wrote(*, instance: Any, **_: Any) -> None:
    from apps.upkeep.alone import leave_no_pages_soon  # noqa: PLC0415 - models exist only now
    from apps.upkeep.erasing import erase_deleted_account  # noqa: PLC0415

    erase_deleted_account(instance, now=timezone.now())
    leave_no_pages_soon(of_somebody=True)


def _forget_what_was_logged(*, instance: Any, **_: Any) -> None:
    from apps.upkeep.alone import leave_no_pages_soon  # noqa: PLC0415 - models exist only now
    from apps.upkeep.entries import forget_entries  # noqa: PLC0415

    forget_entries(instance)
    leave_no_pages_soon(of_somebody=False)
