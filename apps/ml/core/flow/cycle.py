"""How long finished work took from its start to its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, tzinfo

import numpy as np

from apps.ml.core.flow.issues import FlowIssue, days_between
from apps.ml.core.forecasts.simulation import PERCENTILES, quantiles
from apps.projects.history.days import day_of

#: With fewer, a percentile is hardly more than the longest of them.
MIN_FOR_PERCENTILES = 5


@dataclass(frozen=True, slots=True)
class CycleTime:
    """One finished issue."""

    issue_id: str
    started_on: date
    finished_on: date
    #: Days of the project, first and last counted.
    days: int


@dataclass(frozen=True, slots=True)
class DaysPercentile:
    """So many percent took at most so many days."""

    percent: int
    days: int


@dataclass(frozen=True, slots=True)
class CycleTimes:
    """What was finished, in the order of its ends."""

    items: tuple[CycleTime, ...]
    #: Empty below `MIN_FOR_PERCENTILES` issues.
    percentiles: tuple[DaysPercentile, ...]
    #: Finished issues of which nobody knows when work on them began.
    without_start: int


def cycle_times(issues: Sequence[FlowIssue], *, zone: tzinfo, since: date) -> CycleTimes:
    """Cycle times of what was finished on a day or later.

    An issue that was opened and finished again counts once, from its first start to its last end.
    """
    found, without_start = [], 0
    for issue in issues:
        started_at, finished_at = issue.started_at, issue.finished_at
        if finished_at is None or day_of(finished_at, zone) < since:
            continue
        if started_at is None or started_at > finished_at:
            without_start += 1
            continue
        days = days_between(started_at, finished_at, zone)
        found.append(CycleTime(issue.issue_id, day_of(started_at, zone), day_of(finished_at, zone), days))
    items = sorted(found, key=lambda item: (item.finished_on, item.issue_id))
    return CycleTimes(tuple(items), percentiles_of([item.days for item in items]), without_start)


def percentiles_of(days: Sequence[int]) -> tuple[DaysPercentile, ...]:
    """Days that so many percent do not exceed, each one that an issue took; none of too few issues."""
    if len(days) < MIN_FOR_PERCENTILES:
        return ()
    found = quantiles(np.asarray(days, dtype=np.float64))
    return tuple(DaysPercentile(percent, round(found[percent])) for percent in PERCENTILES)
