"""A project's finished issues, indexed once a process and brought up to date as issues finish."""

from functools import cached_property
from uuid import UUID

from django.db.models import Count, Max, Q

from apps.ml.core.effort import EffortModel
from apps.ml.core.effort.neighbours import Neighbours
from apps.ml.core.effort.ranges.own_outcomes import TeamRecord, last_outcomes
from apps.ml.core.records import CompletedIssue, by_people
from apps.ml.core.similarity import SimilarIssueIndex
from apps.ml.selectors.issues import completed_for_evidence
from apps.ml.services.models.cache import LoadedModel
from apps.ml.services.models.memory import ProjectMemory, Remembered
from apps.ml.services.predictions.switch import TERMS
from apps.projects.models import Issue

#: Projects whose index stays in memory; at 5,000 issues one takes about 1 MB.
MAX_INDEXES = 64
#: How long an index is trusted before one small query asks whether issues were finished since.
CHECK_SECONDS = 5.0
#: The newest issues of a project that are searched; older work says little about today's.
MAX_ISSUES = 20_000


class Evidence:
    """A project's finished issues, oldest first, with what is worked out of them once they are asked for it."""

    def __init__(self, issues: list[CompletedIssue]) -> None:
        self.issues, self.index = issues, SimilarIssueIndex.build(issues)
        self._record: tuple[UUID, TeamRecord | None] | None = None

    @cached_property
    def outcomes(self) -> Neighbours | None:
        """The last outcomes in hours; None where there is none."""
        return last_outcomes(self.issues)

    def record_for(self, model: LoadedModel) -> TeamRecord | None:
        """What a global model of hours says of the project's issues; None where none has hours."""
        if self._record is None or self._record[0] != model.id:
            assert isinstance(model.predictor, EffortModel)  # noqa: S101 - the loader reads by type; this tells mypy
            self._record = (model.id, model.predictor.record_of(self.issues))
        return self._record[1]


class FinishedWork:
    """What people and what agents finished, each apart: neither says what the other takes."""

    def __init__(self, issues: list[CompletedIssue]) -> None:
        self.people = Evidence(by_people(issues))
        self.agents = Evidence([issue for issue in issues if issue.by_agent])

    def of(self, *, agents: bool) -> Evidence:
        """What an issue is compared with that agents, or else people, are to do."""
        return self.agents if agents else self.people


def _refreshed(project_id: str, known: Remembered[FinishedWork] | None) -> Remembered[FinishedWork]:
    revision = _revision(project_id)
    if known is not None and known.revision == revision:
        return known
    issues = completed_for_evidence(project_id, newest=MAX_ISSUES)
    return Remembered(FinishedWork(issues), revision)


def _revision(project_id: str) -> tuple[object, ...]:
    """Changes whenever an issue is finished, reopened or edited, and with who is an agent."""
    finished = Issue.objects.filter(Q(worked_hours__gt=0) | Q(story_points__gt=0), resolved_at__isnull=False)
    row = finished.filter(project_id=project_id).aggregate(
        n=Count("id"), last=Max("resolved_at"), edit=Max("updated_at")
    )
    return row["n"], row["last"], row["edit"], TERMS.of_project(project_id).agents


FINISHED_WORK = ProjectMemory(_refreshed, trusted_seconds=CHECK_SECONDS, most=MAX_INDEXES)
