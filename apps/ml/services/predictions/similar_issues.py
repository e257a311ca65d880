"""A project's finished issues, indexed once a process and brought up to date as issues finish."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Max, Q

from apps.ml.core.records import CompletedIssue
from apps.ml.core.similarity import SimilarIssueIndex
from apps.ml.selectors.issues import completed_for_evidence
from apps.ml.services.models.single_flight import SingleFlight
from apps.projects.models import Issue

#: Projects whose index stays in memory; at 5,000 issues one takes about 1 MB.
MAX_INDEXES = 64
#: How long an index is trusted before one small query asks whether issues were finished since.
CHECK_SECONDS = 5.0
#: The newest issues of a project that are searched; older work says little about today's.
MAX_ISSUES = 20_000

_Revision = tuple[int, object, object]


@dataclass(slots=True)
class _Entry:
    issues: list[CompletedIssue]
    index: SimilarIssueIndex
    revision: _Revision
    checked_at: float


class FinishedWork:
    """The finished issues of a project with their index; threads share it, and one at a time rebuilds it."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._building = SingleFlight()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def of_project(self, project_id: UUID | str) -> tuple[list[CompletedIssue], SimilarIssueIndex]:
        """Finished issues, oldest first, and the index over them; at most CHECK_SECONDS behind the database."""
        key = str(project_id)
        entry = self._fresh(key)
        if entry is None:
            with self._building.turn(key):
                entry = self._fresh(key) or self._keep(key, self._refreshed(key, self._entries.get(key)))
        return entry.issues, entry.index

    def clear(self) -> None:
        """Forget all indexes."""
        with self._lock:
            self._entries.clear()

    def _fresh(self, key: str) -> _Entry | None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or self._clock() - entry.checked_at > CHECK_SECONDS:
                return None
            self._entries.move_to_end(key)
            return entry

    def _keep(self, key: str, entry: _Entry) -> _Entry:
        with self._lock:
            self._entries[key] = entry
            while len(self._entries) > MAX_INDEXES:
                self._entries.popitem(last=False)
        return entry

    def _refreshed(self, project_id: str, known: _Entry | None) -> _Entry:
        revision = _revision(project_id)
        if known is not None and known.revision == revision:
            known.checked_at = self._clock()
            return known
        issues = completed_for_evidence(project_id, newest=MAX_ISSUES)
        return _Entry(issues, SimilarIssueIndex.build(issues), revision, self._clock())


def _revision(project_id: str) -> _Revision:
    """Changes whenever an issue is finished, reopened or edited."""
    finished = Issue.objects.filter(Q(worked_hours__gt=0) | Q(story_points__gt=0), resolved_at__isnull=False)
    row = finished.filter(project_id=project_id).aggregate(
        n=Count("id"), last=Max("resolved_at"), edit=Max("updated_at")
    )
    return row["n"], row["last"], row["edit"]


FINISHED_WORK = FinishedWork()
