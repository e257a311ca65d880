"""A project's finished issues, indexed once a process and brought up to date as issues finish."""

from collections.abc import Iterable
from datetime import timedelta
from functools import cached_property
from statistics import median
from typing import Any
from uuid import UUID

from apps.ml.core.effort import EffortModel
from apps.ml.core.effort.neighbours import Neighbours
from apps.ml.core.effort.ranges.own_outcomes import TeamRecord, last_outcomes
from apps.ml.core.records import CompletedIssue, by_people
from apps.ml.core.similarity import SimilarIssueIndex
from apps.ml.selectors.issues import completed_for_evidence, touched_issues
from apps.ml.services.models.cache import LoadedModel
from apps.ml.services.models.memory import MemoryRenewedAside, Remembered
from apps.ml.services.predictions.switch import TERMS
from apps.projects.models import IssueType
from apps.projects.selectors import issues_stamp

#: Issues touched so long before the last known change are read again: a transaction may end after a later one.
OVERLAP = timedelta(minutes=1)
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
        self.issues = issues
        self.people = Evidence(by_people(issues))
        self.agents = Evidence([issue for issue in issues if issue.by_agent])

    def of(self, *, agents: bool) -> Evidence:
        """What an issue is compared with that agents, or else people, are to do."""
        return self.agents if agents else self.people


def _revision(project_id: str) -> tuple[object, ...]:
    """Changes with every issue that is finished, edited or deleted, with what counts as work and who is an agent."""
    counted = IssueType.objects.filter(project_id=project_id, counts=True).order_by("id")
    types = tuple(counted.values_list("id", "name"))
    return (*issues_stamp(project_id), types, TERMS.of_project(project_id).agents)


def _made(project_id: str, known: Remembered[FinishedWork] | None, revision: tuple[object, ...]) -> FinishedWork:
    """Read whole, or what was read before with what was touched since read again."""
    if known is None or not _is_edit(known.revision, revision):
        return FinishedWork(completed_for_evidence(project_id, newest=MAX_ISSUES))
    touched = touched_issues(project_id, since=known.revision[0] - OVERLAP)
    kept = [issue for issue in known.value.issues if issue.issue_id not in touched]
    anew = completed_for_evidence(project_id, newest=MAX_ISSUES, among=touched)
    issues = sorted((*kept, *anew), key=lambda issue: issue.completed_at)
    return FinishedWork(issues[-MAX_ISSUES:])


def _is_edit(before: tuple[Any, ...], after: tuple[Any, ...]) -> bool:
    """Whether issues were added or edited, and nothing else happened."""
    return before[0] is not None and before[1:] == after[1:]


def usual(values: Iterable[float | None]) -> float | None:
    """The naive baseline: the team's usual value lately, whatever the issue."""
    known = [value for value in values if value][-BASELINE_ISSUES:]
    return median(known) if known else None


FINISHED_WORK = MemoryRenewedAside(_revision, _made, trusted_seconds=CHECK_SECONDS)
