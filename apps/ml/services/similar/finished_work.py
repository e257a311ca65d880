"""A project's finished issues, indexed once a process and brought up to date as issues finish."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from itertools import chain, count
from operator import attrgetter
from statistics import median
from typing import Any
from uuid import UUID

import numpy as np
from django.utils import timezone

from apps.common.hours import LEAST_HOURS
from apps.ml.core.arrays import Floats
from apps.ml.core.effort import EffortModel
from apps.ml.core.effort.neighbours import Neighbours
from apps.ml.core.effort.ranges.own_outcomes import LAST_OUTCOMES, TeamRecord, last_outcomes
from apps.ml.core.effort.without_model import TypeOutcomes
from apps.ml.core.packed_issues import PackedIssues, microseconds
from apps.ml.core.points.little_history import MOST_RECENT
from apps.ml.core.records import CompletedIssue, by_people
from apps.ml.core.similarity import SimilarIssueIndex
from apps.ml.selectors.issues import completed_for_evidence, evidence_ids, text_revision, touched_issues
from apps.ml.services.heavy import in_turn
from apps.ml.services.models.cache import LoadedModel
from apps.ml.services.models.memory import MemoryRenewedAside, Remembered, StateMemory
from apps.ml.services.predictions.switch import TERMS
from apps.projects.models import IssueType
from apps.projects.selectors import edited_from

#: How long an index is trusted before one small query asks whether issues were finished since.
CHECK_SECONDS = 5.0
#: The newest issues of a project that are searched; older work says little about today's.
MAX_ISSUES = 20_000
#: Of these, so many are read first: the last outcomes and the baselines are among them.
RECENT_ISSUES = 2_500
#: The baseline recorded with an answer is the median of so many last issues, as the model's own naive level.
BASELINE_ISSUES = 1_000
#: What is worked out of each of the last outcomes: words, fields, an entry of an index.
WORKED_OUT_BYTES = 250
_NUMBERS = count()
#: Of issues in one of their states, by the number of their `Evidence`.
_INDEXES = StateMemory()


class Evidence:
    """A project's finished issues, oldest first, with what is worked out of them once they are asked for it.

    Most questions are about the newest ones: these are read first, and all of them only where they do not do.
    """

    def __init__(self, recent: Sequence[CompletedIssue], whole: "Callable[[], Evidence] | None" = None) -> None:
        self._recent, self._whole = PackedIssues.of(recent), whole
        self._record: tuple[UUID, TeamRecord | None] | None = None
        self._name = str(next(_NUMBERS))

    @property
    def recent(self) -> PackedIssues:
        """The newest of them."""
        return self._recent

    @property
    def issues(self) -> PackedIssues:
        """All of them."""
        return self._recent if self._whole is None else self._whole().issues

    @property
    def index(self) -> SimilarIssueIndex:
        """Over all of them; only a team without a model asks for it."""
        if self._whole is not None:
            return self._whole().index
        return _INDEXES.told(self._name, self._index)

    def _index(self) -> SimilarIssueIndex:
        in_turn(texts=len(self._recent))
        return SimilarIssueIndex.build(list(self._recent))

    @property
    def by_type(self) -> TypeOutcomes:
        """What all of them took, by type."""
        return self._by_type if self._whole is None else self._whole().by_type

    @cached_property
    def outcomes(self) -> Neighbours | None:
        """The last outcomes in hours; None where there is none."""
        return last_outcomes(self._last_with_hours())

    @cached_property
    def usual_hours(self) -> float | None:
        """The naive baseline of hours, see `usual`."""
        return usual(self._with_last(BASELINE_ISSUES, _HOURS)[0].hours)

    @cached_property
    def usual_points(self) -> float | None:
        """The naive baseline of points, see `usual`."""
        return usual(self._with_last(BASELINE_ISSUES, _POINTS)[0].points)

    @property
    def n_with_points(self) -> int:
        """How many have points."""
        return int(np.count_nonzero(self.issues.points > 0))

    @cached_property
    def last_with_points(self) -> list[CompletedIssue]:
        """The last of those that have points, as many as a team without a model is told from."""
        issues, first = self._with_last(MOST_RECENT, _POINTS)
        return [issue for issue in issues.since_row(first) if issue.story_points]

    def points_since(self, moment: datetime) -> Floats:
        """Points that were not known at a moment, oldest first."""
        at = microseconds(moment)
        is_told = self._whole is None or (len(self._recent) > 0 and self._recent.completed_at[0] <= at)
        issues = self._recent if is_told else self.issues
        points = issues.points[issues.completed_at.searchsorted(at, side="right") :]
        return points[~np.isnan(points)]

    def record_for(self, model: LoadedModel) -> TeamRecord | None:
        """What a global model of hours says of the project's issues; None where none has hours."""
        if self._record is None or self._record[0] != model.id:
            assert isinstance(model.predictor, EffortModel)  # noqa: S101 - the loader reads by type; this tells mypy
            self._record = (model.id, model.predictor.record_of(self._last_with_hours()))
        return self._record[1]

    @property
    def nbytes(self) -> int:
        """Memory, in bytes, with what will be worked out of it; indexes are counted by themselves."""
        return self._recent.nbytes + WORKED_OUT_BYTES * min(len(self._recent), LAST_OUTCOMES)

    @cached_property
    def _by_type(self) -> TypeOutcomes:
        return TypeOutcomes.of(self._recent)

    def _last_with_hours(self) -> list[CompletedIssue]:
        issues, first = self._with_last(LAST_OUTCOMES, _HOURS)
        return issues.since_row(first)

    def _with_last(self, n: int, known: "Callable[[PackedIssues], Floats]") -> tuple[PackedIssues, int]:
        """Issues, and from which row on the last n with a known outcome are among them."""
        first = _row_of_last(n, self._recent, known)
        # Of those that ended when the oldest did, some may have been left out.
        is_told = self._whole is None or (
            first is not None and self._recent.completed_at[first] > self._recent.completed_at[0]
        )
        issues = self._recent if is_told else self.issues
        return issues, _row_of_last(n, issues, known) or 0


def _row_of_last(n: int, issues: PackedIssues, known: Callable[[PackedIssues], Floats]) -> int | None:
    """Where the n-th last known outcome stands, or the first one that came at the same moment; None for fewer."""
    rows = np.flatnonzero(known(issues) >= LEAST_HOURS)
    return int(issues.completed_at.searchsorted(issues.completed_at[rows[-n]])) if rows.size >= n else None


_HOURS, _POINTS = attrgetter("hours"), attrgetter("points")


class FinishedWork:
    """What people and what agents finished, each apart: neither says what the other takes."""

    def __init__(self, issues: list[CompletedIssue], whole: "Callable[[], FinishedWork] | None" = None) -> None:
        by_agents = [issue for issue in issues if issue.by_agent]
        self.people = Evidence(by_people(issues), whole and (lambda: whole().of(agents=False)))
        self.agents = Evidence(by_agents, whole and (lambda: whole().of(agents=True)))

    def of(self, *, agents: bool) -> Evidence:
        """What an issue is compared with that agents, or else people, are to do."""
        return self.agents if agents else self.people

    @property
    def nbytes(self) -> int:
        """Memory, in bytes."""
        return self.people.nbytes + self.agents.nbytes


def _revision(project_id: str) -> tuple[Any, ...]:
    """Changes with every issue that is finished, edited, deleted or erased, what counts as work and who is an agent."""
    counted = IssueType.objects.filter(project_id=project_id, counts=True).order_by("id")
    types = tuple(counted.values_list("id", "name"))
    return text_revision(project_id, now=timezone.now()), types, TERMS.of_project(project_id).agents


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
    since = None if known is None else edited_from(known.revision[0].last_edit, now=timezone.now())
    if known is None or since is None or _of_all(known.revision) != _of_all(revision):
        return completed_for_evidence(project_id, newest=newest)
    touched = touched_issues(project_id, since=since)
    before = chain(known.value.people.recent, known.value.agents.recent)
    found = {issue.issue_id: issue for issue in before if issue.issue_id not in touched}
    wanted = evidence_ids(project_id, newest=newest)
    anew = completed_for_evidence(project_id, newest=newest, among=set(wanted) - found.keys())
    found |= {issue.issue_id: issue for issue in anew}
    # One that was deleted between two queries is not there.
    return [found[id_] for id_ in wanted if id_ in found]


def usual(values: Floats) -> float | None:
    """The naive baseline: the team's usual value lately, whatever the issue."""
    known = values[values > 0][-BASELINE_ISSUES:]
    return median(known.tolist()) if known.size else None


def _gone(revision: tuple[Any, ...]) -> tuple[Any, ...]:
    """When issues were deleted and texts erased: answers show titles, and these are to be shown no more."""
    return revision[0].last_removal, revision[0].forgotten_at


def _of_all(revision: tuple[Any, ...]) -> tuple[Any, ...]:
    """An erasure, what counts and who is an agent concern all of them; edits and deletions do not."""
    texts, *others = revision
    return texts.forgotten_at, *others


_ALL_WORK = MemoryRenewedAside(_revision, _all, trusted_seconds=CHECK_SECONDS, gone=_gone)
FINISHED_WORK = MemoryRenewedAside(_revision, _recent, trusted_seconds=CHECK_SECONDS, gone=_gone)
