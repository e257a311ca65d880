"""Which work a forecast is asked about."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from rest_framework.exceptions import ValidationError

from apps.ml.core.forecasts.units import WorkItem
from apps.ml.selectors.forecasts import bears_label, created_by_week, has_component, unfinished
from apps.ml.services.forecasts.history import TeamHistory
from apps.ml.services.forecasts.keeping import MOST_DAYS_BACK, is_comparable
from apps.projects.history.days import day_of
from apps.projects.models import Project


def work_asked_for(
    project_id: UUID,
    *,
    issue_ids: Sequence[UUID] = (),
    component: str = "",
    label: str = "",
    history: TeamHistory | None = None,
) -> Sequence[WorkItem]:
    """The unfinished issues that are named, or of a component or label; all of the project if nothing is named."""
    if history is not None and not (issue_ids or component or label):
        return history.unfinished()
    work = unfinished(project_id, issue_ids=issue_ids, component=component, label=label)
    if not work:
        _refuse_what_nothing_bears(project_id, component, label)
    return work


def created_meanwhile(history: TeamHistory, project_id: UUID, *, component: str, label: str) -> Sequence[float]:
    """How many issues, with this component or label, came in each past week: as many are to come."""
    if component or label:
        return created_by_week(project_id, now=history.now, component=component, label=label)
    return history.created_by_week()


def _refuse_what_nothing_bears(project_id: UUID, component: str, label: str) -> None:
    """A misspelt label must not read as work that is done; one whose issues are all finished is."""
    if component and not has_component(project_id, component):
        raise ValidationError({"component": ["No issue of this project is of this component."]})
    if label and not bears_label(project_id, label):
        raise ValidationError({"label": ["No issue of this project bears this label."]})


def require_past(since: date | None, project: Project, *, now: datetime) -> None:
    """Refuse a day that is not before today, or too long ago to compare."""
    today = day_of(now, project.zone)
    if since is not None and not is_comparable(since, today):
        earliest: Any = today - timedelta(days=MOST_DAYS_BACK)
        raise ValidationError({"since": [f"A day from {earliest} to {today - timedelta(days=1)}."]})
