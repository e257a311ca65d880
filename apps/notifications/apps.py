from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "apps.notifications"
    label = "notifications"

    def ready(self) -> None:
        from apps.common.operations.scrape import LIVE_METRICS  # noqa: PLC0415 - models exist only now
        from apps.notifications import checks, live_metrics  # noqa: F401, PLC0415 - the first registers itself

        if live_metrics.read not in LIVE_METRICS:
            LIVE_METRICS.append(live_metrics.read)
