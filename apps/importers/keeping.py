"""What an import did, kept row by row, so that it can be followed and taken back."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any

from django.db.models import Max
from django.utils import timezone

from apps.common.exceptions import ApplicationError
from apps.common.heartbeat import beating
from apps.importers.models import ImportRun, ImportTouch
from apps.importers.writing.changes import Touch
from apps.importers.writing.texts import plain_json
from apps.projects.models import IssueChange, Project, Sprint

Status = ImportRun.Status
STOPPED = "It was stopped before its end."


def begun(project: Project, source: str, *, now: datetime, **more: Any) -> ImportRun:
    """An import that runs in this process."""
    return ImportRun.objects.create(
        project=project, source=source, status=Status.RUNNING, created_at=now, started_at=now, seen_at=now, **more
    )


def keep(run: ImportRun, touches: Iterable[Touch]) -> None:
    """Write down what was done to issues; in the transaction that does it."""
    ImportTouch.objects.bulk_create(
        ImportTouch(
            run=run,
            issue=touch.issue,
            before=None if touch.before is None else dict(touch.before),
            changes=touch.change_ids,
        )
        for touch in touches
    )


def shown(run: ImportRun, rows_read: int) -> None:
    """How far it is."""
    run.rows_read, run.seen_at = rows_read, timezone.now()
    run.save(update_fields=["rows_read", "seen_at", "sprint_ids"])


def ended(run: ImportRun, status: str, *, report: dict[str, Any] | None = None, error: str = "") -> ImportRun:
    """Keep what came of a run; the file it was about is let go, unless it was only tried."""
    run.status, run.error, run.report, run.finished_at = status, error, plain_json(report or {}), timezone.now()
    if not run.is_dry_run:
        run.upload = None
    run.save(update_fields=["status", "error", "report", "upload", "finished_at"])
    return run


def living(run: ImportRun) -> AbstractContextManager[None]:
    """Gives signs of life of a run while this process works on it, however long an answer of a tracker takes."""
    alive = ImportRun.objects.filter(pk=run.pk, status=Status.RUNNING)
    return beating(lambda now: alive.update(seen_at=now))


@contextmanager
def failing(run: ImportRun) -> Iterator[None]:
    """Whatever stops an import in this process ends its run; what it did so far can be taken back."""
    try:
        with living(run):
            yield
    except BaseException as error:
        # What a dry run wrote is undone, its row too.
        if not run.is_dry_run:
            ended(run, Status.FAILED, error=error.message if isinstance(error, ApplicationError) else STOPPED)
        raise


class Settling:
    """What the end of an import of a file makes besides issues: sprints, and moves from one to the next."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._sprints = set(Sprint.objects.filter(project=project).values_list("pk", flat=True))
        self._last_change = 0

    def begins(self) -> None:
        """All issues are written; what is told of them from now on is told of sprints."""
        self._last_change = IssueChange.objects.order_by().aggregate(last=Max("pk"))["last"] or 0

    def keep(self, run: ImportRun) -> None:
        """Write down what was made."""
        told = IssueChange.objects.filter(
            issue__project=self._project, pk__gt=self._last_change, field=IssueChange.Field.SPRINT, changed_by=None
        )
        keep(run, (Touch(change.issue, {}, [change.pk]) for change in told.select_related("issue")))
        now = set(Sprint.objects.filter(project=self._project).values_list("pk", flat=True))
        run.sprint_ids = sorted(map(str, now - self._sprints))
        run.save(update_fields=["sprint_ids"])
