"""What a project's open issues wait for."""

from datetime import datetime, timedelta
from uuid import UUID

from apps.ml.core.forecasts.links import Link, LinkedWork
from apps.ml.selectors.forecasts import work_items
from apps.ml.selectors.issues import DONE, ENDED
from apps.projects.levels import COUNTED
from apps.projects.models import Issue, IssueLink, WorkflowStatus
from apps.projects.services import ENDED as ENDED_CATEGORIES

#: Half a year of finished issues tells how long one takes once it is begun.
CYCLE_PAST = timedelta(weeks=26)
_WEEK_SECONDS = timedelta(weeks=1).total_seconds()
#: Less urgent than any priority a tracker has.
_NO_PRIORITY = 1_000


def open_links(project_id: UUID | str, *, now: datetime) -> LinkedWork:
    """Links of open issues to open issues; one query where there are none, and four where there are."""
    links = IssueLink.objects.filter(blocked__project_id=project_id, blocker__created_at__lte=now)
    still = links.exclude(blocked__status__category__in=ENDED_CATEGORIES).exclude(
        blocker__status__category__in=ENDED_CATEGORIES
    )
    rows = sorted(still.order_by().values_list("blocker_id", "blocked_id", "blocker__project_id"))
    if not rows:
        return LinkedWork()
    own = [blocker for blocker, _, project in rows if str(project) == str(project_id)]
    return LinkedWork(
        links=tuple(Link(str(blocker), str(blocked)) for blocker, blocked, _ in rows),
        blockers=work_items(Issue.objects.filter(COUNTED, pk__in=own)),
        elsewhere=frozenset(str(blocker) for blocker, _, project in rows if str(project) != str(project_id)),
        cycle_weeks=_cycle_weeks(project_id, now=now),
        order=_order(project_id),
    )


def _cycle_weeks(project_id: UUID | str, *, now: datetime) -> tuple[float, ...]:
    """Weeks from start to end of what was finished lately."""
    done = Issue.objects.filter(DONE, COUNTED, project_id=project_id, started_at__isnull=False)
    times = done.filter(resolved_at__gt=now - CYCLE_PAST, resolved_at__lte=now).order_by()
    took = (end - start for start, end in times.values_list("started_at", "resolved_at") if start and end)
    return tuple(sorted(max(each.total_seconds(), 0.0) / _WEEK_SECONDS for each in took))


def _order(project_id: UUID | str) -> dict[str, int]:
    """Open issues in the order in which they are usually taken up: what is begun, the urgent, the old."""
    rows = Issue.objects.filter(COUNTED, project_id=project_id).exclude(ENDED).order_by()
    columns = rows.values_list("id", "status__category", "priority", "created_at")
    begun = WorkflowStatus.Category.IN_PROGRESS
    ordered = sorted(columns, key=lambda row: (row[1] != begun, row[2] or _NO_PRIORITY, row[3], row[0]))
    return {str(row[0]): place for place, row in enumerate(ordered)}
