"""Reference stories: finished work of the team that is typical of each number of points."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Literal

Measure = Literal["hours", "days"]
#: Fewer finished issues of a value say nothing of what is typical of it.
MIN_OF_A_VALUE = 3
#: More are not kept in mind while estimating.
MAX_REFERENCES = 3


@dataclass(frozen=True, slots=True)
class SizedIssue:
    """A finished issue with its points."""

    issue_id: str
    points: float
    finished_at: datetime
    #: None where nobody recorded any.
    hours: float | None = None
    #: Cycle time; None where no start is known.
    days: int | None = None


@dataclass(frozen=True, slots=True)
class ReferenceStory:
    """One typical issue, with what it took in the table's measure."""

    issue_id: str
    took: float


@dataclass(frozen=True, slots=True)
class ReferenceStories:
    """The issues to compare with for one number of points."""

    points: float
    #: Finished issues of this value with a known measure, and their median.
    issues: int
    median: float
    stories: tuple[ReferenceStory, ...]


@dataclass(frozen=True, slots=True)
class ReferenceTable:
    """Reference stories by points, in one measure for all values."""

    measure: Measure
    values: tuple[ReferenceStories, ...]


def reference_stories(issues: Sequence[SizedIssue]) -> ReferenceTable:
    """The up to three finished issues of each number of points that are nearest its median.

    The measure is hours where at least half of the issues have them, else the cycle time. Of equally near ones the
    latest is taken: the team remembers it best. A value with fewer than three issues has no reference.
    """
    measure: Measure = "hours" if 2 * sum(issue.hours is not None for issue in issues) >= len(issues) > 0 else "days"
    taken: dict[float, list[tuple[float, SizedIssue]]] = defaultdict(list)
    for issue in issues:
        took = issue.hours if measure == "hours" else issue.days
        if took is not None and issue.points > 0:
            taken[issue.points].append((float(took), issue))
    values = (_typical(points, taken[points]) for points in sorted(taken))
    return ReferenceTable(measure, tuple(each for each in values if each is not None))


def _typical(points: float, taken: Sequence[tuple[float, SizedIssue]]) -> ReferenceStories | None:
    if len(taken) < MIN_OF_A_VALUE:
        return None
    middle = median(took for took, _ in taken)
    nearest = sorted(taken, key=lambda pair: (abs(pair[0] - middle), -pair[1].finished_at.timestamp()))
    stories = tuple(ReferenceStory(issue.issue_id, took) for took, issue in nearest[:MAX_REFERENCES])
    return ReferenceStories(points, len(taken), middle, stories)
