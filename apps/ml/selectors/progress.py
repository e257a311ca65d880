"""How a backlog came to be what it is: two queries."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q, Sum

from apps.ml.core.forecasts.units import Unit
from apps.ml.core.past.burn_up import BacklogEvent
from apps.ml.selectors.issues import DONE
from apps.projects.levels import COUNTED
from apps.projects.models import Issue

_COLUMNS: dict[Unit, str] = {"points": "story_points", "hours": "worked_hours", "issues": ""}


def done_so_far(project_id: UUID | str, unit: Unit, *, usual: float) -> float:
    """The size of all that is done; an issue without a size counts as the usual one."""
    done, column = Issue.objects.filter(COUNTED, DONE, project_id=project_id).order_by(), _COLUMNS[unit]
    if not column:
        return float(done.count())
    found = done.aggregate(size=Sum(column), unsized=Count("id", filter=Q(**{column: None})))
    return float(found["size"] or 0.0) + usual * int(found["unsized"])


def turns_since(project_id: UUID | str, since: datetime, unit: Unit, *, usual: float) -> Sequence[BacklogEvent]:
    """What came in, was finished and was dropped since a moment."""
    lately = Q(created_at__gt=since) | Q(resolved_at__gt=since) | Q(dropped_at__gt=since)
    rows = Issue.objects.filter(COUNTED, lately, project_id=project_id).order_by()
    column = _COLUMNS[unit] or "id"
    found = rows.values_list("created_at", "resolved_at", "dropped_at", column)
    return [event for *moments, size in found for event in _turns(moments, _size(size, unit, usual))]


def _size(size: float | None, unit: Unit, usual: float) -> float:
    return 1.0 if unit == "issues" else usual if size is None else size


def _turns(moments: Sequence[datetime | None], size: float) -> Iterator[BacklogEvent]:
    created, resolved, dropped = moments
    if created:
        yield BacklogEvent(created, "created", size)
    if resolved:
        yield BacklogEvent(resolved, "done", size)
    if dropped:
        yield BacklogEvent(dropped, "dropped", size)
