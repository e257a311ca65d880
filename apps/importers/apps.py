from django.apps import AppConfig


class ImportersConfig(AppConfig):
    name = "apps.importers"
    label = "importers"

    def ready(self) -> None:
        from apps.importers.connections import CONNECTIONS  # noqa: PLC0415 - models exist only now
        from apps.importers.runs import last_sign_of_life  # noqa: PLC0415
        from apps.ml.selectors.workers import IMPORTS, SIGNS_OF_LIFE  # noqa: PLC0415
        from apps.notifications.services.left_going import KINDS  # noqa: PLC0415

        SIGNS_OF_LIFE[IMPORTS] = last_sign_of_life
        if CONNECTIONS not in KINDS:
            KINDS.append(CONNECTIONS)
