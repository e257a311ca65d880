"""A sprint's past as the core sees it; `apps.projects.history.sprint_books` tells how it stood when."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime

from apps.ml.core.past.curves import ScopeCurve
from apps.ml.core.past.velocity import SprintWindow
from apps.projects.history.days import day_of
from apps.projects.history.issue_past import FieldChange, IssuePast
from apps.projects.history.sprint_books import Amount, SprintScope, elapsed_ratio, scope_at, scopes_at

__all__ = ["Amount", "FieldChange", "IssuePast", "SprintScope", "SprintTimeline", "scope_at", "scopes_at"]

#: Moments of a sprint whose scope is remembered: a few for each share of the time that is asked about in one day.
MOST_SCOPES = 32


@dataclass(frozen=True, slots=True)
class SprintTimeline:
    """A sprint with everything that tells how it stood at any of its moments."""

    #: When it ran; `ended_at` is None for one that runs.
    window: SprintWindow
    #: From when on an issue that enters was added: the moment of the start or, if only the day is known, its end. None
    #: for a sprint without a start.
    planning_ended_at: datetime | None = None
    #: As planned.
    first_day: date | None = None
    last_day: date | None = None
    #: People who had work of the sprint when planning ended; None where nobody had any.
    team_size: int | None = None
    #: Whether this was kept when the sprint was closed; else it is told from the present rows and their history.
    is_frozen: bool = False
    #: Whether it is known what was in it when planning ended; without that nobody knows what it delivered of it.
    scope_is_recorded: bool = True
    #: Issues that are or were in it, by creation.
    issues: tuple[IssuePast, ...] = ()
    #: In place of the issues, of a completed one.
    curve: ScopeCurve | None = None
    _scopes: dict[datetime, SprintScope] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def has_changes(self) -> bool:
        """Whether any of its issues has a history."""
        return any(issue.changes for issue in self.issues) if self.curve is None else self.curve.has_changes

    def without_issues(self) -> "SprintTimeline":
        """The same of a completed sprint, told by numbers: of a team's whole past they are what fits into memory."""
        curve = ScopeCurve.of(self.window.sprint_id, self.issues, self.planning_ended_at, self.window.ended_at)
        return replace(self, issues=(), curve=curve)

    @property
    def planned_days(self) -> tuple[date, date] | None:
        """Its first and its last day; None where they are not said, or in the wrong order.

        Without a planned first day the day on which it was started.
        """
        began = self.window.started_at
        first = self.first_day or (self.day_of(began) if began else None)
        return None if first is None or self.last_day is None or self.last_day < first else (first, self.last_day)

    def elapsed_ratio_at(self, moment: datetime) -> float | None:
        """Time gone, the day of the moment included, in [0, 1]; None without planned days."""
        return None if self.planned_days is None else elapsed_ratio(*self.planned_days, self.day_of(moment))

    def day_of(self, moment: datetime) -> date:
        """The day that a moment is on, where the team is."""
        return day_of(moment, self.window.zone)

    def scope_at(self, moment: datetime) -> SprintScope:
        """How it stood at a moment; told once, as a day long the same moments are asked about."""
        scope = self._scopes.get(moment)
        if scope is None:
            if len(self._scopes) >= MOST_SCOPES:
                self._scopes.clear()
            self._scopes[moment] = scope = self._scope_at(moment)
        return scope

    def _scope_at(self, moment: datetime) -> SprintScope:
        if self.curve is not None:
            return self.curve.scope_at(moment)
        return scope_at(self.window.sprint_id, self.planning_ended_at or moment, self.issues, moment)
