"""A project's counts, in one query."""

from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q

from apps.ml.core.anomalies.rules import STALE_AFTER
from apps.ml.core.summary import ProjectCounts
from apps.ml.selectors.forecasts import touched_since
from apps.ml.selectors.issues import DONE, DROPPED, ENDED
from apps.projects.levels import COUNTED
from apps.projects.models import Issue


def project_counts(project_id: UUID | str, *, now: datetime) -> ProjectCounts:
    """Issues by what the summary says about them, in one query."""
    counts = Issue.objects.filter(COUNTED, project_id=project_id).aggregate(
        total=Count("id", filter=~DROPPED),
        completed=Count("id", filter=DONE),
        unassigned=Count("id", filter=~ENDED & Q(assignee=None)),
        overdue=Count("id", filter=~ENDED & Q(due_date__lt=now.date())),
        stale=Count("id", filter=~ENDED & ~touched_since(now - STALE_AFTER)),
    )
    return ProjectCounts(**counts)
