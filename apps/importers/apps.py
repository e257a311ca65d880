from django.apps import AppConfig


class ImportersConfig(AppConfig):
    name = "apps.importers"
    label = "importers"

    def ready(self) -> None:
        from apps.importers.runs import last_sign_of_life  # noqa: PLC0415 - models exist only now
        from apps.ml.selectors.workers import LONG_WORK  # noqa: PLC0415

        if last_sign_of_life not in LONG_WORK:
            LONG_WORK.append(last_sign_of_life)
