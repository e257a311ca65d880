"""What a team finished in the weeks that throughput counts, kept in memory: after an edit only that issue is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.ml.core.forecasts.calendar import WorkingCalendar
from apps.ml.core.forecasts.simulation import MAX_HISTORY_WEEKS
from apps.ml.core.forecasts.units import Throughput
from apps.ml.selectors.forecasts import WEEK, FinishedIssue, finished_by_now, throughput_of
from apps.ml.selectors.issues import touched_issues
from apps.ml.services.models.memory import Remembered, StateMemory
from apps.projects.history.days import beginning_of
from apps.projects.history.reads import MOST_IDS
from apps.projects.selectors import EDIT_OVERLAP, PresentState


@dataclass(frozen=True, slots=True)
class _Finished:
    """In the order of their ends."""

    since: datetime
    issues: Sequence[FinishedIssue]


def present_throughput(
    project_id: UUID | str, state: PresentState, *, now: datetime, calendar: WorkingCalendar, memory: StateMemory
) -> Throughput:
    """`selectors.forecasts.throughput` of a present state, by what is remembered of an earlier one."""
    since = beginning_of(calendar.day_of(now) - MAX_HISTORY_WEEKS * WEEK, calendar.zone)
    name = f"finished {project_id}"
    known: Remembered[_Finished] | None = memory.get(name)
    if known is None or known.revision != state or known.value.since > since:
        known = Remembered(_Finished(since, _finished(project_id, since, state, known)), state)
        memory.keep(name, known)
    return throughput_of(known.value.issues, now=now, zone=calendar.zone, calendar=calendar)


def _finished(
    project_id: UUID | str, since: datetime, state: PresentState, known: Remembered[_Finished] | None
) -> Sequence[FinishedIssue]:
    """Read whole, or what was read before with what was touched since read again."""
    if known is None or known.value.since > since or not known.revision.is_edited_into(state):
        return finished_by_now(project_id, since=since)
    touched = touched_issues(project_id, since=known.revision.last_edit - EDIT_OVERLAP)
    if len(touched) > MOST_IDS:
        return finished_by_now(project_id, since=since)
    kept = [end for end in known.value.issues if end.issue_id not in touched and end.resolved_at >= since]
    anew = finished_by_now(project_id, since=since, among=touched)
    return sorted((*kept, *anew), key=lambda end: end.place)
