"""Sprints without dates get those that the user says or that names and ends tell; others end with their issues."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from django.db.models import Count, Max, Q

from apps.importers.report import ImportReport
from apps.importers.sprint_dates import SprintRhythm, Undated, Window, windows_of
from apps.projects.models import Issue, Project, Sprint, WorkflowStatus

ENDED = (WorkflowStatus.Category.DONE, WorkflowStatus.Category.DROPPED)
#: What is inferred may be inferred otherwise from more issues; what was said, started or closed stays.
_UNSAID = Q(start_date=None, end_date=None) | Q(dates_are_inferred=True)
_FIELDS = ["start_date", "end_date", "dates_are_inferred", "status", "completed_at"]


def settle_undated(
    project: Project, source: str, *, rhythm: SprintRhythm | None, today: date, report: ImportReport
) -> None:
    """Date the sprints of a source as far as can be told, and complete those of the others that are over."""
    rows = Sprint.objects.filter(_UNSAID, project=project, source=source, started_at=None, snapshot=None)
    undated = list(rows.order_by("name", "pk"))
    if undated:
        windows = windows_of(_told(project, undated), rhythm)
        for at, window in windows.items():
            _take(undated[at], window, today)
        Sprint.objects.bulk_update([undated[at] for at in windows], _FIELDS)
        report.sprint_dates = [f"{undated[at].name}: {_shown(window)}" for at, window in sorted(windows.items())]
    _complete(project, source)


def status_on(start: date, end: date, today: date) -> str:
    """What a sprint is on a day, by its dates."""
    if today > end:
        return Sprint.Status.COMPLETED
    return Sprint.Status.ACTIVE if today >= start else Sprint.Status.PLANNED


def _told(project: Project, undated: Sequence[Sprint]) -> list[Undated]:
    ends = defaultdict(list)
    finished = Issue.objects.filter(sprint__in=undated, resolved_at__isnull=False).order_by("resolved_at")
    for sprint_id, moment in finished.values_list("sprint_id", "resolved_at"):
        if moment is not None:
            ends[sprint_id].append(project.day_of(moment))
    return [Undated(sprint.name, tuple(ends[sprint.pk])) for sprint in undated]


def _take(sprint: Sprint, window: Window, today: date) -> None:
    sprint.start_date, sprint.end_date, sprint.dates_are_inferred = window.first, window.last, window.is_inferred
    sprint.completed_at = None
    # One that was seen running is closed with its books, see `sprint_ends`.
    status, was_running = status_on(window.first, window.last, today), sprint.status == Sprint.Status.ACTIVE
    sprint.status = Sprint.Status.ACTIVE if was_running and status == Sprint.Status.COMPLETED else status


def _shown(window: Window) -> str:
    how = "inferred from names and from what was finished when" if window.is_inferred else "as said"
    return f"{window.first} to {window.last} ({how})"


def _complete(project: Project, source: str) -> None:
    """A sprint without dates is over if all its issues are, since the last one was."""
    undated = Sprint.objects.filter(
        project=project, source=source, start_date=None, end_date=None, started_at=None
    ).exclude(status=Sprint.Status.COMPLETED)
    ended = Count("issues", filter=Q(issues__status__category__in=ENDED))
    settled = []
    for sprint in undated.annotate(total=Count("issues"), ended=ended, last=Max("issues__resolved_at")):
        if 0 < sprint.total == sprint.ended:
            sprint.status, sprint.completed_at = Sprint.Status.COMPLETED, sprint.last
            settled.append(sprint)
    Sprint.objects.bulk_update(settled, ["status", "completed_at"])
