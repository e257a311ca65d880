"""A project's finished issues, indexed once a process and brought up to date as issues finish."""

from collections.abc import Iterable
from functools import cached_property
from statistics import median
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
#: The baseline recorded with an answer is the median of so many last issues, as the model's own naive level.
BASELINE_ISSUES = 1_000


class Evidence:
    """A project's finished issues, oldest first, with what is worked out of them once they are asked for it."""

    def __init__(self, issues: list[CompletedIssue]) -> None:
        self.issues, self.index = issues, SimilarIssueIndex.build(issues)
        self._record: tuple[UUID, TeamRecord | None] | None = None

    @cached_property
    def outcomes(self) -> Neighbours | None:
        """The last outcomes in hours; None where there is none."""
        return last_outcomes(self.issues)

    @cached_property
    def usual_hours(self) -> float | None:
        """The naive baseline of hours, see `usual`."""
        return usual(issue.actual_hours for issue in self.issues)

    @cached_property
    def usual_points(self) -> float | None:
        """The naive baseline of points, see `usual`."""
        return usual(issue.story_points for issue in self.issues)

    @cached_property
    def with_points(self) -> list[CompletedIssue]:
        """Those that have points."""
        return [issue for issue in self.issues if issue.story_points]

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


def usual(values: Iterable[float | None]) -> float | None:
    """The naive baseline: the team's usual value lately, whatever the issue."""
    known = [value for value in values if value][-BASELINE_ISSUES:]
    return median(known) if known else None


FINISHED_WORK = ProjectMemory(_refreshed, trusted_seconds=CHECK_SECONDS, most=MAX_INDEXES)
