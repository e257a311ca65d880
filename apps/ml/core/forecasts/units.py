"""What is counted: the work that is asked about, what the team finished of it, and in which unit the two compare."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from apps.common.exceptions import NotEnoughData
from apps.ml.core.forecasts.level import recency_weights
from apps.ml.core.forecasts.simulation import usable_weeks
from apps.ml.core.past.velocity import counts_in_points as most_carry

Unit = Literal["points", "hours", "issues"]
#: A past in which the team was away for more than half of the time says too little of its usual weeks.
MIN_USUAL_PRESENCE = 0.5


@dataclass(frozen=True, slots=True)
class WorkItem:
    """An unfinished issue in the plan."""

    issue_id: str
    story_points: float | None = None
    estimated_hours: float | None = None
    is_assigned: bool = True
    #: Hours recorded on it so far.
    logged_hours: float = 0.0
    #: False for one of 'so many issues', of which nothing is known.
    exists: bool = True


@dataclass(frozen=True, slots=True)
class Throughput:
    """What a team finished in each past week of seven days, oldest first, in each unit."""

    issues: tuple[float, ...] = ()
    points: tuple[float, ...] = ()
    #: Points of the finished issues that had some: what an issue without points may turn out to be.
    sizes: tuple[float, ...] = ()
    hours: tuple[float, ...] = ()
    #: Hours of the finished issues that had some.
    sizes_hours: tuple[float, ...] = ()
    #: What part of a full week of the team each week was, by its calendar; empty for all of it.
    presence: tuple[float, ...] = ()

    def weekly(self, unit: Unit) -> tuple[float, ...]:
        """Output of each week."""
        return {"points": self.points, "hours": self.hours, "issues": self.issues}[unit]

    def sizes_in(self, unit: Unit) -> tuple[float, ...]:
        """Sizes of the finished issues that are known in this unit; an issue is one issue."""
        return {"points": self.sizes, "hours": self.sizes_hours, "issues": (1.0,)}[unit]

    def records(self, unit: Unit) -> bool:
        """Whether most of the finished issues carry this unit."""
        return unit == "issues" or most_carry(len(self.sizes_in(unit)), int(sum(self.issues)))

    def usual_presence(self, weeks: int) -> float:
        """What part of a full week the latest `weeks` were on average, weighed as their output is.

        A forecast counts in such weeks: with somebody away in all of them and still away, nothing changes.
        """
        if not self.presence:
            return 1.0
        weights = recency_weights(weeks)
        return max(float(weights @ self.presence[-weeks:]), MIN_USUAL_PRESENCE)


def unit_for(items: Sequence[WorkItem], throughput: Throughput, *, points_model: bool = False) -> Unit:
    """In what this work is forecast: points, else hours, else issues.

    Parameters
    ----------
    items : sequence of WorkItem
        The work.
    throughput : Throughput
        The team's past weeks.
    points_model : bool
        Whether a model tells the points of issues that have none.

    Returns
    -------
    str
        'points' where most of the finished issues carry points, else 'hours' where most carry hours. 'issues' where
        neither is so, where most of the work lacks the points that the past has and no model fills them in, and where
        issues have been counted for long enough and the others have not.

    Raises
    ------
    NotEnoughData
        If the past weeks are too few in each.
    """
    pointed = sum(item.story_points is not None for item in items)
    if throughput.records("points"):
        unit: Unit = "points" if points_model or not items or most_carry(pointed, len(items)) else "issues"
    else:
        unit = "hours" if throughput.records("hours") else "issues"
    if unit != "issues" and _has_weeks(throughput.weekly(unit)):
        return unit
    usable_weeks(throughput.issues)
    return "issues"


def _has_weeks(weekly: Sequence[float]) -> bool:
    try:
        usable_weeks(weekly)
    except NotEnoughData:
        return False
    return True
