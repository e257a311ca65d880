from typing import Any
from uuid import UUID

from celery.signals import worker_process_init
from django.apps import AppConfig


class MLConfig(AppConfig):
    name = "apps.ml"
    label = "ml"
    verbose_name = "Machine learning"

    def ready(self) -> None:
        from apps.common.operations.health import CHECKS, Check  # noqa: PLC0415 - models exist only now
        from apps.common.operations.scrape import LIVE_METRICS  # noqa: PLC0415
        from apps.ml import checks, health, live_metrics  # noqa: F401, PLC0415 - the first registers itself
        from apps.projects.history.snapshots import books_opened  # noqa: PLC0415

        books_opened.connect(_open_outcomes, dispatch_uid="outcomes-open")
        CHECKS["store"] = Check(health.store)
        CHECKS["workers"] = Check(health.workers)
        CHECKS["active_models"] = Check(health.active_models)
        LIVE_METRICS.add("models", live_metrics.read, keep_seconds=live_metrics.KEEP_SECONDS)
        # In a worker's children: the object client does not survive a fork.
        worker_process_init.connect(_warn_of_neighbours, dispatch_uid="warn-of-neighbours")


def _open_outcomes(sprint_id: UUID, **_: Any) -> None:
    from apps.ml.services.evaluation.opening import open_outcomes  # noqa: PLC0415 - models exist only now

    open_outcomes(sprint_id)


def _warn_of_neighbours(**_: Any) -> None:
    from apps.ml.services.upkeep.installation import warn_of_neighbours  # noqa: PLC0415 - models exist only now

    warn_of_neighbours()
