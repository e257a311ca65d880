"""What completed sprints delivered, read from the history as it stood when each of them ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from apps.common.history import FieldChange, number_or_none, value_as_of

__all__ = ["FieldChange", "value_as_of"]

#: Velocity looks at this many recent sprints: a third of a year of fortnights. Older teams were other teams.
VELOCITY_SPRINTS = 8
#: Work is counted in points where at least this share of it carries points, else in issues.
MIN_POINTED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class SprintIssue:
    """An issue that is, or once was, in a sprint."""

    issue_id: str
    #: The sprint it is in now; empty for none.
    sprint_id: str
    is_done: bool
    resolved_at: datetime | None = None
    story_points: float | None = None
    actual_hours: float | None = None
    #: Opaque person key; empty for nobody.
    assignee: str = ""
    #: Changes of sprint and story points, oldest first.
    changes: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class SprintWindow:
    """When a completed sprint ran. Both moments are None for a sprint without dates."""

    sprint_id: str
    name: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None


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


def points_as_of(issue: SprintIssue, moment: datetime) -> float | None:
    """Story points as they stood at a moment; None for none."""
    current = "" if issue.story_points is None else str(issue.story_points)
    return number_or_none(value_as_of(current, "story_points", issue.changes, moment))


def working_days_between(first: date, last: date) -> int:
    """Days from Monday to Friday, both ends counted, at least 1: a sprint on a weekend still had a day."""
    return max(int(np.busday_count(first, last + timedelta(days=1))), 1)


def was_delivered(issue: SprintIssue, window: SprintWindow) -> bool:
    """Whether an issue was finished in a sprint, as of that sprint's end; later moves and edits change nothing."""
    if not issue.is_done:
        return False
    if window.started_at is None or window.ended_at is None or issue.resolved_at is None:
        # Without times the last known place of a finished issue is all there is.
        return issue.sprint_id == window.sprint_id
    place = value_as_of(issue.sprint_id, "sprint", issue.changes, window.ended_at)
    return place == window.sprint_id and window.started_at <= issue.resolved_at <= window.ended_at


def sprint_record(window: SprintWindow, issues: Sequence[SprintIssue]) -> SprintRecord:
    """Sum up what a completed sprint delivered.

    Parameters
    ----------
    window : SprintWindow
        When the sprint ran.
    issues : sequence of SprintIssue
        At least all issues that are or were in the sprint; others are ignored.

    Returns
    -------
    SprintRecord
        Points as they stood at the sprint's end; issues without points add none.
    """
    delivered = [issue for issue in issues if was_delivered(issue, window)]
    points = [_points_at_end(issue, window) for issue in delivered]
    with_hours = [(issue, value) for issue, value in zip(delivered, points, strict=True) if issue.actual_hours]
    return SprintRecord(
        sprint_id=window.sprint_id,
        name=window.name,
        working_days=_working_days(window),
        delivered_points=sum(value or 0.0 for value in points),
        delivered_issues=len(delivered),
        pointed_issues=sum(value is not None for value in points),
        recorded_hours=sum(issue.actual_hours or 0.0 for issue, _ in with_hours),
        hours_points=sum(value or 0.0 for _, value in with_hours),
        hours_issues=len(with_hours),
        people=len({issue.assignee for issue in delivered if issue.assignee}),
    )


def sprint_records(windows: Sequence[SprintWindow], issues: Sequence[SprintIssue]) -> list[SprintRecord]:
    """One record for each window, in the order given; an issue is looked at only for sprints it ever was in."""
    by_sprint: dict[str, list[SprintIssue]] = {}
    for issue in issues:
        for sprint_id in _places(issue):
            by_sprint.setdefault(sprint_id, []).append(issue)
    return [sprint_record(window, by_sprint.get(window.sprint_id, [])) for window in windows]


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


def _points_at_end(issue: SprintIssue, window: SprintWindow) -> float | None:
    return issue.story_points if window.ended_at is None else points_as_of(issue, window.ended_at)


def _working_days(window: SprintWindow) -> int | None:
    if window.started_at is None or window.ended_at is None:
        return None
    return working_days_between(window.started_at.date(), window.ended_at.date())


def _places(issue: SprintIssue) -> set[str]:
    moves = [change for change in issue.changes if change.field == "sprint"]
    values = {value for move in moves for value in (move.old_value, move.new_value)}
    return (values | {issue.sprint_id}) - {""}
