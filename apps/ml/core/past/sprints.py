"""A sprint's past as the core sees it; `apps.projects.history.sprint_books` tells how it stood when."""

from dataclasses import dataclass
from datetime import date, datetime

from apps.ml.core.past.velocity import SprintWindow
from apps.projects.history.issue_past import FieldChange, IssuePast
from apps.projects.history.sprint_books import Amount, SprintScope, scope_at, scopes_at

__all__ = ["Amount", "FieldChange", "IssuePast", "SprintScope", "SprintTimeline", "scope_at", "scopes_at"]


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
    #: Issues that are or were in it, by creation.
    issues: tuple[IssuePast, ...] = ()

    def scope_at(self, moment: datetime) -> SprintScope:
        """How it stood at a moment."""
        return scope_at(self.window.sprint_id, self.planning_ended_at or moment, self.issues, moment)
