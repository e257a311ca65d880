"""Connections whose imports fail: who leads is told once, and all that is told from what they brought says so.

Without this a token that has expired is seen by nobody, and figures, risks and anomalies are told as if the team had
finished nothing since.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric

from apps.common.exceptions import Conflict
from apps.common.models import Severity
from apps.common.operations.database_faults import by_itself
from apps.common.operations.metrics import IMPORT_GAUGES, IMPORTS
from apps.importers.models import Connection, ImportRun
from apps.importers.selectors import last_good_import
from apps.notifications.models import Event
from apps.notifications.services.announcing import News, announce
from apps.projects.history.moments import When, moment_of
from apps.projects.leads import in_use
from apps.projects.models import Project
from apps.projects.rows import all_or_nothing, lock
from apps.projects.unknown_past import STANDSTILLS, Standstill, keep_standstills

Status = ImportRun.Status
#: Some two dozen imports that failed in a row. A tracker that is away for a night comes back by itself, and is nobody's
#: news; a token that was withdrawn does not.
OUT_OF_STEP_AFTER = timedelta(days=1)


def out_of_step(*, now: datetime) -> "QuerySet[Any]":
    """Connections in use whose last import failed and whose last good one began so long ago.

    Each with `since`, and with `failed_by`, the kind of the fault.
    """
    # Taking one back does not change how it had ended.
    runs = ImportRun.objects.annotate(became=Coalesce("taking_back__was", "status"))
    tried = runs.filter(
        connection=OuterRef("pk"), is_dry_run=False, became__in=(Status.COMPLETED, Status.FAILED)
    ).order_by("-created_at", "-pk")
    connections = Connection.objects.exclude(sealed_token="").annotate(
        since=Coalesce(last_good_import(), "created_at"),
        ended=Subquery(tried.values("became")[:1]),
        failed_by=Subquery(tried.values("report__failed_by")[:1]),
    )
    return in_use(connections.filter(since__lt=now - OUT_OF_STEP_AFTER, ended=Status.FAILED))


def note_end(run: ImportRun, *, now: When) -> ImportRun:
    """Count an import that has ended; of a tracker, tell what that makes of its connection."""
    if not run.is_dry_run:
        IMPORTS.labels(kind=run.connection.kind if run.connection else "file", result=run.status).inc()
        if run.connection is not None:
            tell_out_of_step(now=moment_of(now), within=run.project)
    return run


def tell_out_of_step(*, now: datetime, within: Project | None = None) -> int:
    """Tell the leads of projects whose connections are out of step, each standstill once; how many were new.

    Of projects whose connections are in step again, or gone, no figure says so any more.
    """
    of_now = Q(pk__in=out_of_step(now=now).order_by().values("project"))
    projects = Project.objects.filter(of_now | Q(unknown_past__has_key=STANDSTILLS))
    n_new = 0
    for project in projects if within is None else projects.filter(pk=within.pk):
        # One that is deleted meanwhile has none.
        with by_itself("tell_out_of_step", project), suppress(Conflict):
            n_new += _tell(project, now)
    return n_new


@all_or_nothing()
def _tell(project: Project, now: datetime) -> int:
    lock(project)
    found = list(out_of_step(now=now).filter(project=project).order_by("created_at", "pk"))
    keep_standstills(project, [Standstill(_called(each), each.since) for each in found])
    return announce(project, [_news(each) for each in found], now=now)


def _called(connection: Connection) -> str:
    return f"{connection.get_kind_display()} {connection.scope}"


def _news(connection: Any) -> News:
    topic, since = f"out_of_step:{connection.pk}", connection.since
    return News(
        event=Event.STOPPED,
        severity=Severity.HIGH,
        about=f"{topic}:{since.timestamp():.0f}",
        topic=topic,
        sentence=(
            f"The connection to {_called(connection)} is out of step since {since:%Y-%m-%d}: its imports fail "
            f"({connection.failed_by or 'unknown'})"
        ),
        advice=[
            "The last import tells why; give a new token if the old one has expired or was withdrawn.",
            "Until then no figure knows what happened there since, and neither risks nor anomalies are announced.",
            "Or switch the connection off, if the team goes on without it.",
        ],
        path=f"/api/v1/projects/{connection.project_id}/connections/{connection.pk}/",
        data={"kind": "connections", "id": str(connection.pk), "since": since.isoformat()},
    )


# --- Told when it is scraped ------------------------------------------------------------------------------------------
def gauges(now: datetime) -> list[Metric]:
    """How many connections are out of step."""
    [(name, (text, labels))] = IMPORT_GAUGES.items()
    family = GaugeMetricFamily(name, text, labels=labels)
    family.add_metric([], out_of_step(now=now).count())
    return [family]


def read() -> list[Metric]:
    """Three looks into indexes for each connection."""
    return gauges(timezone.now())
