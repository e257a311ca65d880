"""Issues on their way over the board: which state each was in when, as far as the history tells."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import cached_property

from apps.projects.history.days import day_of
from apps.projects.history.issue_past import IssuePast, Timeline

SECONDS_PER_DAY = 86_400.0
#: Kinds of statuses, in the order in which a board has them.
CATEGORIES = ("to_do", "in_progress", "done", "dropped")


@dataclass(frozen=True, slots=True)
class Spell:
    """Some time in which a field held one value; without an end it still does."""

    value: str
    since: datetime
    until: datetime | None

    def days_until(self, moment: datetime) -> float:
        """Its length, in days of 24 hours, as far as it lies before a moment."""
        until = moment if self.until is None else min(self.until, moment)
        return max((until - self.since).total_seconds(), 0.0) / SECONDS_PER_DAY


@dataclass(frozen=True)
class FlowIssue:
    """An issue as it was known at a moment, with the names of its states and its labels over time.

    Nothing of it lies after that moment.
    """

    past: IssuePast
    #: The names of its statuses; a single one where no change was recorded.
    states: Timeline
    #: Labels over time, each value a list as the history writes it; None where the labels do not matter.
    labels: Timeline | None = None
    #: Whether an agent does it, as the project tells agents from people.
    by_agent: bool = False

    @property
    def issue_id(self) -> str:
        """Its id."""
        return self.past.issue_id

    @property
    def is_recorded(self) -> bool:
        """Whether any change of its status was recorded; else it is not known since when it is where it is."""
        return bool(self.states.changed_at)

    @property
    def finished_at(self) -> datetime | None:
        """When it was finished; None where it is not done, or nobody knows when."""
        return self.past.resolved_at if self.past.category == "done" else None

    @property
    def ended_at(self) -> datetime | None:
        """When it was finished or dropped; None while it is open, or where nobody knows when."""
        return self.past.dropped_at if self.past.category == "dropped" else self.finished_at

    @cached_property
    def started_at(self) -> datetime | None:
        """When work on it first began: as recorded, else its first move into work; None where neither is known."""
        moves = self.past.timeline("status")
        moments = zip(moves.changed_at, moves.values[1:], strict=True)
        first = next((moment for moment, category in moments if category == "in_progress"), None)
        known = [moment for moment in (self.past.started_at, first) if moment is not None]
        return min(known, default=None)


@dataclass(frozen=True, slots=True)
class BoardRules:
    """What a team says of its states."""

    #: What each status means, by name, in the order of the board.
    categories: Mapping[str, str] = field(default_factory=dict)
    #: Statuses in which an issue waits although work on it has begun: queues, reviews that nobody does.
    waiting: frozenset[str] = frozenset()
    #: Statuses and labels that say that an issue is blocked.
    blocked_statuses: frozenset[str] = frozenset()
    blocked_labels: frozenset[str] = frozenset()

    @property
    def tells_blocked(self) -> bool:
        """Whether a rule says what is blocked."""
        return bool(self.blocked_statuses or self.blocked_labels)


def spells(timeline: Timeline, since: datetime) -> Iterator[Spell]:
    """The values of a field one after another, from a moment on; one that was set and left at once is no spell."""
    starts = (since, *(max(moment, since) for moment in timeline.changed_at))
    ends = (*starts[1:], None)
    for value, start, end in zip(timeline.values, starts, ends, strict=True):
        if end is None or end > start:
            yield Spell(value, start, end)


def days_between(first: datetime, last: datetime, zone: tzinfo) -> int:
    """Days of the project from one moment to another, both counted: begun and finished today is one day."""
    return (day_of(last, zone) - day_of(first, zone)).days + 1
