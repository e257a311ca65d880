"""What completed sprints delivered, read from the history as it stood when each of them ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

import numpy as np

from apps.projects.history.days import day_of
from apps.projects.history.sprint_books import BookEntry

#: Velocity looks at this many recent sprints: a third of a year of fortnights. Older teams were other teams.
VELOCITY_SPRINTS = 8
#: Work is counted in points where at least this share of it carries points, else in issues.
MIN_POINTED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class SprintWindow:
    """When a completed sprint ran. Both moments are None for a sprint without dates."""

    sprint_id: str
    name: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    #: Of the team: its days are the days of this zone.
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class SprintRecord:
    """What one completed sprint delivered."""

    sprint_id: str
    name: str
    #: Monday to Friday, both ends counted, at least 1; None for a sprint without dates.
    working_days: int | None
    delivered_points: float
    delivered_issues: int
    #: How many of the delivered issues carried points.
    pointed_issues: int = 0
    #: Recorded hours of delivered issues, and what those issues with hours were worth.
    recorded_hours: float = 0.0
    hours_points: float = 0.0
    hours_issues: int = 0
    #: People who delivered something.
    people: int = 0

    def output(self, unit: str) -> float:
        """Points or issues delivered."""
        return self.delivered_points if unit == "points" else float(self.delivered_issues)


def working_days_between(first: date, last: date) -> int:
    """Days from Monday to Friday, both ends counted, at least 1: a sprint on a weekend still had a day."""
    return max(int(np.busday_count(first, last + timedelta(days=1))), 1)


def sprint_record(window: SprintWindow, completed: Sequence[BookEntry]) -> SprintRecord:
    """Sum up what a completed sprint delivered.

    Parameters
    ----------
    window : SprintWindow
        When the sprint ran.
    completed : sequence of BookEntry
        What was finished in it, as it stood at the sprint's end: `SprintReport.completed`.

    Returns
    -------
    SprintRecord
        Issues without points add none.
    """
    points = [issue.points for issue in completed]
    with_hours = [issue for issue in completed if issue.actual_hours]
    return SprintRecord(
        sprint_id=window.sprint_id,
        name=window.name,
        working_days=_working_days(window),
        delivered_points=sum(value or 0.0 for value in points),
        delivered_issues=len(completed),
        pointed_issues=sum(value is not None for value in points),
        recorded_hours=sum(issue.actual_hours or 0.0 for issue in with_hours),
        hours_points=sum(issue.points or 0.0 for issue in with_hours),
        hours_issues=len(with_hours),
        people=len({issue.assignee for issue in completed if issue.assignee}),
    )


def recent(records: Sequence[SprintRecord]) -> Sequence[SprintRecord]:
    """The sprints that velocity is taken from: the last `VELOCITY_SPRINTS`."""
    return records[-VELOCITY_SPRINTS:]


def average_velocity(records: Sequence[SprintRecord], unit: str = "points") -> float | None:
    """Mean output of the recent completed sprints, those that delivered nothing included; None without any."""
    if not records:
        return None
    return float(np.mean([record.output(unit) for record in recent(records)]))


def daily_velocity(records: Sequence[SprintRecord], unit: str = "points") -> float:
    """Output per working day over the recent completed sprints that have dates; 0 without any."""
    dated = [(record.output(unit), record.working_days) for record in recent(records) if record.working_days]
    days = sum(working_days for _, working_days in dated)
    return sum(output for output, _ in dated) / days if days else 0.0


def counts_in_points(pointed: int, total: int) -> bool:
    """Whether points are the honest unit of some issues: most of them carry points."""
    return total > 0 and pointed / total >= MIN_POINTED_SHARE


def _working_days(window: SprintWindow) -> int | None:
    if window.started_at is None or window.ended_at is None:
        return None
    return working_days_between(day_of(window.started_at, window.zone), day_of(window.ended_at, window.zone))
