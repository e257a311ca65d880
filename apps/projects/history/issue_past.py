"""What a row held at a moment, told from its recorded changes: plain Python, so that the core may use it."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from apps.common.hours import LEAST_HOURS, MOST_HOURS

#: What an issue's status means once nothing is left to do: delivered, or dropped.
ENDED = ("done", "dropped")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One entry of an issue's history."""

    field: str
    old_value: str
    new_value: str
    changed_at: datetime


def value_as_of(current: str, field: str, changes: Sequence[FieldChange], moment: datetime) -> str:
    """What a field held at a moment: the old value of the first change after it, else the present value."""
    for change in changes:
        if change.field == field and change.changed_at > moment:
            return change.old_value
    return current


def number_or_none(text: str) -> float | None:
    """A number as the history writes it; empty for none, as is what an earlier version let in and nobody means."""
    number = float(text) if text else None
    return number if number is not None and (number == 0 or LEAST_HOURS <= number <= MOST_HOURS) else None


@dataclass(frozen=True, slots=True)
class Timeline:
    """One field over time, to be asked about many moments: the same answers as `value_as_of`."""

    #: When it changed, in order.
    changed_at: tuple[datetime, ...]
    #: What it held before each change, and what it holds since the last: one more than changes.
    values: tuple[str, ...]

    @classmethod
    def of(cls, current: str, field: str, changes: Sequence[FieldChange]) -> "Timeline":
        """The timeline of one field among changes of many, oldest first."""
        own = [change for change in changes if change.field == field]
        return cls(tuple(change.changed_at for change in own), (*(change.old_value for change in own), current))

    def at(self, moment: datetime) -> str:
        """The value at a moment; a change at the moment itself has happened."""
        return self.values[bisect_right(self.changed_at, moment)]


@dataclass(frozen=True, slots=True)
class IssuePast:
    """An issue that is, or ever was, in some sprint, with all that tells how it stood when."""

    issue_id: str
    created_at: datetime
    #: The sprint it is in now; empty for none.
    sprint_id: str = ""
    #: What its status means now: 'to_do', 'in_progress', 'done' or 'dropped' (ended without being delivered).
    category: str = "to_do"
    story_points: float | None = None
    started_at: datetime | None = None
    resolved_at: datetime | None = None
    #: When it was dropped; None where it was not, or nobody knows when.
    dropped_at: datetime | None = None
    #: Who has it now, an opaque person key; empty for nobody.
    assignee: str = ""
    actual_hours: float | None = None
    #: Changes of the fields above and of status, oldest first; statuses are written as their categories.
    changes: tuple[FieldChange, ...] = ()
    _timelines: dict[str, Timeline] = field(default_factory=dict, init=False, repr=False, compare=False)

    def place_at(self, moment: datetime) -> str:
        """The sprint it was in; empty for none, and before it was created."""
        return self.timeline("sprint").at(moment) if moment >= self.created_at else ""

    @property
    def places(self) -> Timeline:
        """The sprint it was in over time; what is dropped is in none, from then until it is taken up again."""
        if "places" not in self._timelines:
            self._timelines["places"] = self._places()
        return self._timelines["places"]

    def _places(self) -> Timeline:
        sprints = self.timeline("sprint")
        moments = {*sprints.changed_at, *self.timeline("status").changed_at}
        if self.dropped_at is not None:
            moments.add(self.dropped_at)
        changed_at = tuple(sorted(moments))
        first = sprints.values[0] if self._before(changed_at) != "dropped" else ""
        after = (("" if self.category_at(moment) == "dropped" else sprints.at(moment)) for moment in changed_at)
        return Timeline(changed_at, (first, *after))

    def _before(self, changed_at: Sequence[datetime]) -> str:
        """What its status meant before the first of some moments."""
        return self.category_at(changed_at[0] - timedelta.resolution) if changed_at else self.category

    def category_at(self, moment: datetime) -> str:
        """What its status meant: by the recorded changes and, before the first of them, by its times."""
        statuses = self.timeline("status")
        category = statuses.at(moment)
        if category == "to_do" or (statuses.changed_at and statuses.changed_at[0] <= moment):
            return category
        ended = self.dropped_at if category == "dropped" else self._recorded_end(moment)
        if category in ENDED and (ended is None or ended <= moment):
            return category
        begun = category == "in_progress" if self.started_at is None else self.started_at <= moment
        return "in_progress" if begun else "to_do"

    def points_at(self, moment: datetime) -> float | None:
        """Its size; None for none."""
        return number_or_none(self.timeline("story_points").at(moment))

    def assignee_at(self, moment: datetime) -> str:
        """Who had it; empty for nobody."""
        return self.timeline("assignee").at(moment)

    def hours_at(self, moment: datetime) -> float | None:
        """The hours recorded for it; None for none."""
        return number_or_none(self.timeline("actual_hours").at(moment))

    def finished_at(self, moment: datetime) -> datetime | None:
        """When it was finished, as far as was known at a moment; None where it was not done, or nobody knows when."""
        if self.category_at(moment) != "done":
            return None
        recorded = self._recorded_end(moment)
        if recorded is not None and recorded <= moment:
            return recorded
        # What it bears now is a later end: it was opened and finished again. The earlier one is in the statuses.
        return self._last_done_by(moment)

    def as_of(self, moment: datetime) -> "IssuePast":
        """The same issue as it was known at a moment, without anything later."""
        if self._is_known_by(moment):
            return self
        return replace(
            self,
            sprint_id=self.timeline("sprint").at(moment),
            category=self.category_at(moment),
            story_points=self.points_at(moment),
            started_at=self.started_at if self.started_at and self.started_at <= moment else None,
            resolved_at=self.finished_at(moment),
            dropped_at=self.dropped_at if self.dropped_at and self.dropped_at <= moment else None,
            assignee=self.assignee_at(moment),
            actual_hours=self.hours_at(moment),
            changes=tuple(change for change in self.changes if change.changed_at <= moment),
        )

    def is_settled_by(self, moment: datetime) -> bool:
        """Whether nothing of it is later than a moment: asked as of a later one, it is the same."""
        last = self.changes[-1].changed_at if self.changes else None
        moments = (self.created_at, last, self.started_at, self.resolved_at, self.dropped_at)
        return all(known is None or known <= moment for known in moments)

    def _is_known_by(self, moment: datetime) -> bool:
        """Whether all of it was known at a moment already: the usual case, asked about the present."""
        is_whole = (self.resolved_at is None) == (self.category != "done")
        return is_whole and self.is_settled_by(moment)

    def _recorded_end(self, moment: datetime) -> datetime | None:
        recorded = self.timeline("resolved_at").at(moment)
        return datetime.fromisoformat(recorded) if recorded else None

    def _last_done_by(self, moment: datetime) -> datetime | None:
        moves = (change for change in self.changes if change.field == "status" and change.changed_at <= moment)
        ends = [move.changed_at for move in moves if move.new_value == "done" != move.old_value]
        return ends[-1] if ends else None

    def timeline(self, name: str) -> Timeline:
        """One of the recorded fields over time."""
        if name not in self._timelines:
            self._timelines[name] = Timeline.of(self._now(name), name, self.changes)
        return self._timelines[name]

    def _now(self, name: str) -> str:
        now = {
            "sprint": self.sprint_id,
            "status": self.category,
            "story_points": self.story_points,
            "assignee": self.assignee,
            "actual_hours": self.actual_hours,
            "resolved_at": self.resolved_at,
        }[name]
        return "" if now is None else str(now)
