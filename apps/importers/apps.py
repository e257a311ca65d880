from django.apps import AppConfig
from django.db.models.signals import post_delete, pre_delete


class ImportersConfig(AppConfig):
    name = "apps.importers"
    label = "importers"

    def ready(self) -> None:
        from apps.accounts.models import User  # noqa: PLC0415 - models exist only now
        from apps.common.operations.scrape import LIVE_METRICS  # noqa: PLC0415
        from apps.importers import waiting  # noqa: PLC0415
        from apps.importers.connections import CONNECTIONS  # noqa: PLC0415
        from apps.importers.runs import last_sign_of_life  # noqa: PLC0415
        from apps.importers.telling import out_of_step  # noqa: PLC0415
        from apps.ml.selectors.workers import IMPORTS, SIGNS_OF_LIFE  # noqa: PLC0415
        from apps.notifications.services.left_going import KINDS  # noqa: PLC0415

        SIGNS_OF_LIFE[IMPORTS] = last_sign_of_life
        LIVE_METRICS.add("imports", out_of_step.read)
        if CONNECTIONS not in KINDS:
            KINDS.append(CONNECTIONS)
        pre_delete.connect(waiting.note_what_waits_of_who_goes, sender=User, dispatch_uid="note-waiting-imports")
        post_delete.connect(waiting.end_what_waits_of_who_goes, sender=User, dispatch_uid="end-waiting-imports")
