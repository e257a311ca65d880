"""A project's counts, in two queries."""

from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q

from apps.ml.core.anomalies.rules import STALE_AFTER
from apps.ml.core.summary import ProjectCounts
from apps.ml.selectors.evidence import untouched_since
from apps.ml.selectors.issues import DONE, DROPPED, ENDED
from apps.projects.history.days import day_of
from apps.projects.levels import COUNTED
from apps.projects.models import Issue
from apps.projects.selectors import zone_of


def project_counts(project_id: UUID | str, *, now: datetime) -> ProjectCounts:
    """Issues by what the summary says about them; overdue is what was due before the team's today."""
    counts = Issue.objects.filter(COUNTED, project_id=project_id).aggregate(
        total=Count("id", filter=~DROPPED),
        completed=Count("id", filter=DONE),
        unassigned=Count("id", filter=~ENDED & Q(assignee=None)),
        overdue=Count("id", filter=~ENDED & Q(due_date__lt=day_of(now, zone_of(project_id)))),
        stale=Count("id", filter=~ENDED & untouched_since(now - STALE_AFTER)),
    )
    return ProjectCounts(**counts)
