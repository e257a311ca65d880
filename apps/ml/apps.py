from django.apps import AppConfig


class MLConfig(AppConfig):
    name = "apps.ml"
    label = "ml"
    verbose_name = "Machine learning"

    def ready(self) -> None:
        from apps.common.operations.health import CHECKS, Check  # noqa: PLC0415 - models exist only now
        from apps.common.operations.scrape import LIVE_METRICS  # noqa: PLC0415
        from apps.ml import checks, health, live_metrics  # noqa: F401, PLC0415 - the first registers itself

        CHECKS["store"] = Check(health.store)
        CHECKS["active_models"] = Check(health.active_models)
        if live_metrics.read not in LIVE_METRICS:
            LIVE_METRICS.append(live_metrics.read)
