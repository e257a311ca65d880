from typing import Any

from celery.signals import setup_logging
from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "apps.common"
    label = "common"

    def ready(self) -> None:
        from apps.common.operations import checks, slips  # noqa: F401, PLC0415 - they register themselves

        setup_logging.connect(_keep_our_logging, dispatch_uid="keep-our-logging")


def _keep_our_logging(**_: Any) -> None:
    """Somebody listens, so Celery leaves the LOGGING of the settings alone."""
