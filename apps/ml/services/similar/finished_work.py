"""A project's finished issues, indexed once a process and brought up to date as issues finish."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cached_property
from statistics import median
from typing import Any
from uuid import UUID

from apps.common.hours import LEAST_HOURS
from apps.ml.core.effort import EffortModel
from apps.ml.core.effort.neighbours import Neighbours
from apps.ml.core.effort.ranges.own_outcomes import LAST_OUTCOMES, TeamRecord, last_outcomes
from apps.ml.core.records import CompletedIssue, by_people
from apps.ml.core.similarity import SimilarIssueIndex
from apps.ml.selectors.issues import completed_for_evidence, evidence_ids, touched_issues
from apps.ml.services.models.cache import LoadedModel
from apps.ml.services.models.memory import MemoryRenewedAside, Remembered
from apps.ml.services.predictions.given import finished_since
from apps.ml.services.predictions.switch import TERMS
from apps.projects.models import IssueType
from apps.projects.selectors import EDIT_OVERLAP, issues_stamp

#: How long an index is trusted before one small query asks whether issues were finished since.
CHECK_SECONDS = 5.0
#: The newest issues of a project that are searched; older work says little about today's.
MAX_ISSUES = 20_000
#: Of these, so many are read first: the last outcomes and the baselines are among them.
RECENT_ISSUES = 2_500
#: The baseline recorded with an answer is the median of so many last issues, as the model's own naive level.
BASELINE_ISSUES = 1_000


class Evidence:
    """A project's finished issues, oldest first, with what is worked out of them once they are asked for it.

    Most questions are about the newest ones: `recent` are read first, and all of them only where they do not do.
    """

    def __init__(self, recent: list[CompletedIssue], whole: "Callable[[], Evidence] | None" = None) -> None:
        self._recent, self._whole = recent, whole
        self._index = SimilarIssueIndex.build(recent) if whole is None else None
        self._record: tuple[UUID, TeamRecord | None] | None = None

    @property
    def issues(self) -> list[CompletedIssue]:
        """All of them."""
        return self._recent if self._whole is None else self._whole().issues

    @property
    def index(self) -> SimilarIssueIndex:
        """Over all of them."""
        return self._index if self._index is not None else self._of_whole().index

    @cached_property
    def outcomes(self) -> Neighbours | None:
        """The last outcomes in hours; None where there is none."""
        return last_outcomes(self._last(LAST_OUTCOMES, "actual_hours"))

    @cached_property
    def usual_hours(self) -> float | None:
        """The naive baseline of hours, see `usual`."""
        return usual(issue.actual_hours for issue in self._last(BASELINE_ISSUES, "actual_hours"))

    @cached_property
    def usual_points(self) -> float | None:
        """The naive baseline of points, see `usual`."""
        return usual(issue.story_points for issue in self._last(BASELINE_ISSUES, "story_points"))

    @property
    def with_points(self) -> list[CompletedIssue]:
        """Those that have points."""
        return [issue for issue in self.issues if issue.story_points]

    def since(self, moment: datetime) -> Sequence[CompletedIssue]:
        """Those whose outcome was not known at a moment."""
        is_told = self._whole is None or (bool(self._recent) and self._recent[0].completed_at <= moment)
        return finished_since(self._recent if is_told else self.issues, moment)

    def record_for(self, model: LoadedModel) -> TeamRecord | None:
        """What a global model of hours says of the project's issues; None where none has hours."""
        if self._record is None or self._record[0] != model.id:
            assert isinstance(model.predictor, EffortModel)  # noqa: S101 - the loader reads by type; this tells mypy
            self._record = (model.id, model.predictor.record_of(self._last(LAST_OUTCOMES, "actual_hours")))
        return self._record[1]

    def _last(self, n: int, known: str) -> list[CompletedIssue]:
        """Issues among which are the last n with a known outcome."""
        if self._whole is None:
            return self._recent
        # Of those that ended when the oldest did, some may have been left out.
        later = [issue for issue in self._recent if issue.completed_at > self._recent[0].completed_at]
        n_known = sum((getattr(issue, known) or 0.0) >= LEAST_HOURS for issue in later)
        return self._recent if n_known >= n else self.issues

    def _of_whole(self) -> "Evidence":
        assert self._whole is not None  # noqa: S101 - there is an index of its own then
        return self._whole()


class FinishedWork:
    """What people and what agents finished, each apart: neither says what the other takes."""

    def __init__(self, issues: list[CompletedIssue], whole: "Callable[[], FinishedWork] | None" = None) -> None:
        self.issues = issues
        by_agents = [issue for issue in issues if issue.by_agent]
        self.people = Evidence(by_people(issues), whole and (lambda: whole().of(agents=False)))
        self.agents = Evidence(by_agents, whole and (lambda: whole().of(agents=True)))

    def of(self, *, agents: bool) -> Evidence:
        """What an issue is compared with that agents, or else people, are to do."""
        return self.agents if agents else self.people


def _revision(project_id: str) -> tuple[Any, ...]:
    """Changes with every issue that is finished, edited or deleted, with what counts as work and who is an agent."""
    counted = IssueType.objects.filter(project_id=project_id, counts=True).order_by("id")
    types = tuple(counted.values_list("id", "name"))
    return (*issues_stamp(project_id), types, TERMS.of_project(project_id).agents)


def _recent(project_id: str, known: Remembered[FinishedWork] | None, revision: tuple[Any, ...]) -> FinishedWork:
    issues = _newest(project_id, RECENT_ISSUES, known, revision)
    is_whole = len(issues) < RECENT_ISSUES
    return FinishedWork(issues) if is_whole else FinishedWork(issues, lambda: _ALL_WORK.of_project(project_id))


def _all(project_id: str, known: Remembered[FinishedWork] | None, revision: tuple[Any, ...]) -> FinishedWork:
    return FinishedWork(_newest(project_id, MAX_ISSUES, known, revision))


def _newest(
    project_id: str, newest: int, known: Remembered[FinishedWork] | None, revision: tuple[Any, ...]
) -> list[CompletedIssue]:
    """Read whole, or what was read before with what was touched since read again."""
    # What counts and who is an agent concerns all of them; edits and deletions do not.
    if known is None or known.revision[0] is None or known.revision[2:] != revision[2:]:
        return completed_for_evidence(project_id, newest=newest)
    touched = touched_issues(project_id, since=known.revision[0] - EDIT_OVERLAP)
    found = {issue.issue_id: issue for issue in known.value.issues if issue.issue_id not in touched}
    wanted = evidence_ids(project_id, newest=newest)
    anew = completed_for_evidence(project_id, newest=newest, among=set(wanted) - found.keys())
    found |= {issue.issue_id: issue for issue in anew}
    # One that was deleted between two queries is not there.
    return [found[id_] for id_ in wanted if id_ in found]


def usual(values: Iterable[float | None]) -> float | None:
    """The naive baseline: the team's usual value lately, whatever the issue."""
    known = [value for value in values if value][-BASELINE_ISSUES:]
    return median(known) if known else None


_ALL_WORK = MemoryRenewedAside(_revision, _all, trusted_seconds=CHECK_SECONDS)
FINISHED_WORK = MemoryRenewedAside(_revision, _recent, trusted_seconds=CHECK_SECONDS)
