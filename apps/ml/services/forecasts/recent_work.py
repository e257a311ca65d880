"""What a team finished and what came in, week by week: read once for all processes; after an edit only that issue."""

from datetime import datetime
from uuid import UUID

from apps.ml.core.past.recent import RecentWork, microseconds
from apps.ml.selectors.forecasts import created_since, finished_by_now
from apps.ml.selectors.issues import touched_issues
from apps.ml.services.forecasts.kept_pasts import KeptPasts, Part, keep_past
from apps.ml.services.models.memory import Remembered, StateMemory
from apps.projects.history.reads import MOST_IDS
from apps.projects.selectors import EDIT_OVERLAP, PresentState

#: What is told from fewer issues is read again as fast.
FEWEST_KEPT = 1_000
#: So many touched issues are read in 30 ms: whoever had to writes them down for the next process.
MOST_BEHIND = 1_000


def recent_work(
    project_id: UUID | str, state: PresentState, *, since: datetime, memory: StateMemory, kept: KeptPasts
) -> RecentWork:
    """What was finished and created since a moment, in a present state, by what is remembered of an earlier one."""
    name = f"recent work {project_id}"
    known: Remembered[RecentWork] | None = memory.get(name)
    if known is None or known.revision != state or known.value.since > microseconds(since):
        known = Remembered(_told(project_id, since, state, known or _taken(kept)), state)
        memory.keep(name, known)
    return known.value


def _told(
    project_id: UUID | str, since: datetime, state: PresentState, known: Remembered[RecentWork] | None
) -> RecentWork:
    """Read whole, or what was read before with what was touched since read again."""
    touched, told = set[str](), None
    if known is not None and known.value.since <= microseconds(since) and known.revision.is_edited_into(state):
        touched = touched_issues(project_id, since=known.revision.last_edit - EDIT_OVERLAP)
        if len(touched) <= MOST_IDS:
            told = known.value.changed(_read(project_id, since, touched), touched)
    if told is None:
        told = _read(project_id, since)
    elif len(touched) < MOST_BEHIND:
        return told
    if len(told) >= FEWEST_KEPT:
        keep_past(project_id, Part.WORK, told.to_bytes(), state)
    return told


def _read(project_id: UUID | str, since: datetime, among: set[str] | None = None) -> RecentWork:
    finished = finished_by_now(project_id, since=since, among=among)
    return RecentWork.of(since, finished, created_since(project_id, since=since, among=among))


def _taken(kept: KeptPasts) -> Remembered[RecentWork] | None:
    found = kept.read(Part.WORK, RecentWork.from_bytes)
    return None if found is None else Remembered(*found)
