"""How many issues stood where at the end of each day: the cumulative flow and, in it, the work in progress."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo

from apps.ml.core.flow.issues import CATEGORIES, FlowIssue
from apps.projects.history.days import day_of


@dataclass(frozen=True, slots=True)
class FlowDay:
    """Issues at the end of one day, today as of now."""

    day: date
    to_do: int
    in_progress: int
    done: int
    dropped: int


def cumulative_flow(
    issues: Sequence[FlowIssue],
    *,
    unchanged: Mapping[str, int],
    zone: tzinfo,
    first: date,
    last: date,
) -> tuple[FlowDay, ...]:
    """Issues by what their status meant, day by day.

    Parameters
    ----------
    issues : sequence of FlowIssue
        Those that were created, moved or finished on the first day or later.
    unchanged : mapping of str to int
        All others: how many stand in each category on every day.
    zone : tzinfo
        The project's time zone.
    first, last : date
        Both are counted.
    """
    n_days = (last - first).days + 1
    steps = {category: [0] * (n_days + 1) for category in CATEGORIES}
    for issue in issues:
        previous = ""
        for day, category in _days_of_change(issue, zone):
            at = min(max((day - first).days, 0), n_days)
            if previous:
                steps[previous][at] -= 1
            steps[category][at] += 1
            previous = category
    totals = {category: unchanged.get(category, 0) for category in CATEGORIES}
    found = []
    for number in range(n_days):
        for category in CATEGORIES:
            totals[category] += steps[category][number]
        found.append(FlowDay(first + timedelta(days=number), **totals))
    return tuple(found)


def _days_of_change(issue: FlowIssue, zone: tzinfo) -> Iterable[tuple[date, str]]:
    """From when on an issue stood in which category, oldest first."""
    past = issue.past
    known = (past.started_at, past.resolved_at, past.dropped_at, *past.timeline("status").changed_at)
    later = {moment for moment in known if moment is not None and moment > past.created_at}
    for moment in (past.created_at, *sorted(later)):
        yield day_of(moment, zone), past.category_at(moment)
