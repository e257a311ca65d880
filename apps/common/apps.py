from typing import Any

from celery.signals import setup_logging
from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import pre_migrate

from apps.common.api.headers import read_headers_safely


class CommonConfig(AppConfig):
    name = "apps.common"
    label = "common"

    def ready(self) -> None:
        from apps.common.operations import checks  # noqa: F401, PLC0415 - they register themselves
        from apps.common.operations.slips import folders, groups, names, values  # noqa: F401, PLC0415 - these, too
        from apps.common.texts.searching import search_without_like  # noqa: PLC0415 - models are known by now

        read_headers_safely()
        search_without_like()
        setup_logging.connect(_keep_our_logging, dispatch_uid="keep-our-logging")
        pre_migrate.connect(_refuse_unknown_states, sender=self, dispatch_uid="refuse-unknown-states")
        connection_created.connect(_read_moments_quickly, dispatch_uid="read-moments-quickly")


def _keep_our_logging(**_: Any) -> None:
    """Somebody listens, so Celery leaves the LOGGING of the settings alone."""


def _refuse_unknown_states(**told: Any) -> None:
    from apps.common.operations.earlier_states import refuse_unknown_states  # noqa: PLC0415 - only migrations need it

    refuse_unknown_states(**told)


def _read_moments_quickly(connection: Any, **_: Any) -> None:
    if connection.vendor == "postgresql":
        from apps.common.operations.moments import read_moments_quickly  # noqa: PLC0415 - SQLite needs no psycopg

        read_moments_quickly(connection)
