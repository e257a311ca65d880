from django.apps import AppConfig
from django.db.models.signals import post_delete, pre_delete


class NotificationsConfig(AppConfig):
    name = "apps.notifications"
    label = "notifications"

    def ready(self) -> None:
        from apps.accounts.models import User  # noqa: PLC0415 - models exist only now
        from apps.common.operations.scrape import LIVE_METRICS  # noqa: PLC0415
        from apps.notifications import checks, live_metrics  # noqa: F401, PLC0415 - the first registers itself
        from apps.notifications.services import left_going  # noqa: PLC0415

        LIVE_METRICS.add("outbox", live_metrics.read)
        pre_delete.connect(left_going.note_what_goes_with_its_maker, sender=User, dispatch_uid="note-set-going")
        post_delete.connect(left_going.stop_what_goes_with_its_maker, sender=User, dispatch_uid="stop-set-going")
