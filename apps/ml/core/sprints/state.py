"""A running sprint at a moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.ml.core.findings import percent
from apps.ml.core.forecasts.forecaster import WorkForecast
from apps.ml.core.past.velocity import counts_in_points
from apps.ml.core.sprints.outcome import Outlook
from apps.projects.history.sprint_books import SprintScope


@dataclass(frozen=True, slots=True)
class SprintScopeIssue:
    """An issue of the running sprint."""

    issue_id: str
    #: 'to_do', 'in_progress' or 'done'; what is dropped has left the sprint.
    category: str
    #: When it came into the sprint.
    entered_at: datetime
    #: When its status last changed, or a moment after which it has not; None where nothing is on record.
    moved_at: datetime | None
    story_points: float | None = None
    estimated_hours: float | None = None
    is_assigned: bool = True
    actual_hours: float | None = None
    #: 1 is the most urgent.
    priority: int | None = None
    #: Opaque person key; empty for nobody.
    assignee: str = ""

    @property
    def is_open(self) -> bool:
        """Not done yet."""
        return self.category != "done"


@dataclass(frozen=True, slots=True)
class SprintState:
    """A running sprint at a moment."""

    now: datetime
    issues: tuple[SprintScopeIssue, ...]
    started_at: datetime | None = None
    #: What was committed, came in and left by the history; None where the start is not known, or what was in it then.
    scope: SprintScope | None = None
    #: Share of the planned days that have passed, in [0, 1]; None without dates.
    elapsed_ratio: float | None = None
    #: Whether this team estimates its issues at all.
    team_estimates: bool = True
    #: When the open issues are done by the team's own past; None where that is too short.
    forecast: WorkForecast | None = None
    #: What will have been delivered by its end; None where nothing can be told.
    outlook: Outlook | None = None
    #: Days of the whole team until the sprint's last day, today counted; None without one.
    working_days_left: float | None = None

    @property
    def open_issues(self) -> tuple[SprintScopeIssue, ...]:
        """What is left."""
        return tuple(issue for issue in self.issues if issue.is_open)

    @property
    def unit(self) -> str:
        """'points' if most issues carry points and these add up to something, else 'issues'."""
        pointed = [issue.story_points for issue in self.issues if issue.story_points is not None]
        return "points" if counts_in_points(len(pointed), len(self.issues)) and sum(pointed) > 0 else "issues"

    def amount(self, issues: Sequence[SprintScopeIssue]) -> float:
        """How much work some issues are, in `unit`."""
        if self.unit == "points":
            return sum(issue.story_points or 0.0 for issue in issues)
        return float(len(issues))


def completion_percent(state: SprintState) -> float:
    """How much of the sprint's present scope is done, in percent of its unit."""
    done = [issue for issue in state.issues if not issue.is_open]
    return percent(state.amount(done), state.amount(state.issues))
