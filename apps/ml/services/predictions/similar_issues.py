"""A project's finished issues, indexed once a process and brought up to date as issues finish."""

from django.db.models import Count, Max, Q

from apps.ml.core.records import CompletedIssue
from apps.ml.core.similarity import SimilarIssueIndex
from apps.ml.selectors.issues import completed_for_evidence
from apps.ml.services.models.memory import ProjectMemory, Remembered
from apps.projects.models import Issue

#: Projects whose index stays in memory; at 5,000 issues one takes about 1 MB.
MAX_INDEXES = 64
#: How long an index is trusted before one small query asks whether issues were finished since.
CHECK_SECONDS = 5.0
#: The newest issues of a project that are searched; older work says little about today's.
MAX_ISSUES = 20_000

Evidence = tuple[list[CompletedIssue], SimilarIssueIndex]


def _refreshed(project_id: str, known: Remembered[Evidence] | None) -> Remembered[Evidence]:
    """Finished issues, oldest first, and the index over them."""
    revision = _revision(project_id)
    if known is not None and known.revision == revision:
        return known
    issues = completed_for_evidence(project_id, newest=MAX_ISSUES)
    return Remembered((issues, SimilarIssueIndex.build(issues)), revision)


def _revision(project_id: str) -> tuple[object, ...]:
    """Changes whenever an issue is finished, reopened or edited."""
    finished = Issue.objects.filter(Q(worked_hours__gt=0) | Q(story_points__gt=0), resolved_at__isnull=False)
    row = finished.filter(project_id=project_id).aggregate(
        n=Count("id"), last=Max("resolved_at"), edit=Max("updated_at")
    )
    return row["n"], row["last"], row["edit"]


FINISHED_WORK = ProjectMemory(_refreshed, trusted_seconds=CHECK_SECONDS, most=MAX_INDEXES)
