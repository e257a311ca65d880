"""What a tracker tells beyond a row: every change with its own time, sprints that are identities, and what it lacks.

A connector yields a stream of `Told`: sprints before the issues that are in them, issues in any order, and a `Gap` for
whatever it could not have. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, ClassVar

from apps.importers.records import ImportedIssue, Person, RowError
from apps.importers.sources.labels import figure_in

#: What an issue's status means once nothing is left to do.
ENDED = ("done", "dropped")
#: When it came, began and ended: none of these is a plan.
_MOMENTS = ("created_at", "started_at", "resolved_at", "dropped_at")
#: The figures that a list which is not complete touches: all of them.
EVERYTHING = ("all figures",)
#: Kept of one issue, the newest. Azure DevOps takes no more revisions of a work item; people make some dozens. Each is
#: a row of our history, which whoever sets up a loop in a tracker would have us write without end.
MOST_CHANGES = 10_000
#: What ends so shortly after it was made was made so.
AT_ONCE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Stage:
    """A status with what it means: 'to_do', 'in_progress', 'done', or 'dropped' for ended without being delivered."""

    name: str
    category: str


#: A sprint is told by its external id, a person as `Person`, a status as `Stage`.
Value = Stage | Person | str | float | int | tuple[str, ...] | datetime | None


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one field of an issue, when it happened; the field bears its name in `ImportedIssue`."""

    field: str
    old: Value
    new: Value
    at: datetime
    by: Person | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedIssue(ImportedIssue):
    """An issue with its history."""

    #: 1 for an epic, 0 for a piece of work, -1 for a sub-task; None where the tracker knows no levels.
    level: int | None = None
    #: Oldest first, at most one of a field at a moment.
    changes: tuple[Change, ...] = ()
    #: Fields whose changes are all told: what they held before is known, and what is not told did not happen.
    recorded: frozenset[str] = frozenset()
    #: Fields whose oldest changes are left out, since there are too many; none of them is `recorded`.
    cut: frozenset[str] = frozenset()
    #: Fields that this site does not have, or did not let us read whole this time: what they hold here stays, unless
    #: something else is told. Of a status some moves may be missing.
    untold: frozenset[str] = frozenset()
    #: How the ids of sprints begin that its site tells in any case, also where `sprint` is untold; empty for none.
    told_sprints: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedSprint:
    """A sprint as an identity with its own life. Moments where the tracker keeps them, else days.

    Of what is empty or None nothing is said: it stays as it is known.
    """

    #: A state: its tracker has not closed it, and only its dates tell whether it has begun.
    OPEN: ClassVar[str] = "open"
    STATES: ClassVar[tuple[str, ...]] = ("planned", "active", "completed", OPEN)

    external_id: str
    #: Empty where none is told.
    name: str
    #: Only a history names it, as it was called then: of one that is known this is no news.
    is_only_named: bool = False
    #: None where the tracker says nothing of goals, empty where there is none.
    goal: str | None = None
    #: One of `STATES`; empty where only the dates tell.
    state: str = ""
    #: When it really began and was closed.
    started_at: datetime | None = None
    completed_at: datetime | None = None
    #: The plan, as moments or as days.
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    starts_on: date | None = None
    #: The last day, which belongs to it.
    ends_on: date | None = None

    @property
    def tells_end(self) -> bool:
        """Whether anything is said of when it ends, or that it has not."""
        return bool(self.state or self.completed_at or self.ends_at or self.ends_on)

    @property
    def is_bare(self) -> bool:
        """Whether nothing is said of when it ran. This does not say that it never did."""
        return not (self.tells_end or self.started_at or self.starts_at or self.starts_on)

    def tells_more_than(self, known: "TrackedSprint | None") -> bool:
        """Whether it is news after what was told of it so far: whole ones take the place of bare ones."""
        return known is None or (known.is_bare and not self.is_bare)


@dataclass(frozen=True, slots=True)
class Gap:
    """Something of the past that could not be had, and which figures it touches: a line of the ledger."""

    what: str
    #: Figures, in the words of the product.
    touches: tuple[str, ...] = ()
    #: External ids or keys it was seen at; none where it holds for the whole source.
    seen_at: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unread(Gap):
    """What its tracker did not let us read this time: it may the next time."""


Told = TrackedIssue | TrackedSprint | RowError | Gap


def without_labels(told: Iterable[Told], beginnings: tuple[str, ...]) -> Iterator[Told]:
    """The same without figures in labels that begin so, now and before: what we wrote there is nothing to learn."""
    if not beginnings:
        yield from told
        return

    def foreign(labels: Value) -> tuple[str, ...]:
        held = labels if isinstance(labels, tuple) else ()
        return tuple(label for label in held if not any(figure_in(label, each) for each in beginnings))

    for each in told:
        if not isinstance(each, TrackedIssue):
            yield each
            continue
        changes = (
            replace(change, old=foreign(change.old), new=foreign(change.new)) if change.field == "labels" else change
            for change in each.changes
        )
        yield replace(each, labels=foreign(each.labels), changes=in_order(changes))


def in_order(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Oldest first; several of a field at one moment become one, and what changes nothing is left out.

    Of several at one moment the first is the one that the others follow from, whatever their order in the answer.
    """
    by_moment: dict[tuple[datetime, str], list[Change]] = {}
    for change in changes:
        by_moment.setdefault((change.at, change.field), []).append(change)
    merged = [_merged(group) for _, group in sorted(by_moment.items(), key=lambda item: item[0])]
    return tuple(change for change in merged if change.old != change.new)


def _merged(group: Sequence[Change]) -> Change:
    chain = list(dict.fromkeys(group))
    if len(chain) == 1:
        return chain[0]
    olds, news = [change.old for change in chain], [change.new for change in chain]
    # The one whose old value no other brought about comes first, the one whose new value no other replaced last.
    surplus = Counter(olds)
    surplus.subtract(news)
    first = next((old for old in olds if surplus[old] > 0), olds[0])
    last = next((new for new in news if surplus[new] < 0), news[-1])
    return replace(chain[0], old=first, new=last)


def first_value(changes: Iterable[Change], field: str, present: Any) -> Any:
    """What a field held at the beginning: the old value of its first change, else what it holds now."""
    return next((change.old for change in changes if change.field == field), present)


def value_at(changes: Sequence[Change], field: str, present: Any, moment: datetime) -> Any:
    """What a field held at a moment, a change at that very moment included."""
    later = (change for change in changes if change.field == field and change.at > moment)
    return next((change.old for change in later), present)


def broken_at(changes: Sequence[Change], field: str, present: Any) -> datetime | None:
    """When a field's history stops making sense: an entry that does not begin where the last one ended; else None."""
    own = [change for change in changes if change.field == field]
    for before, after in pairwise(own):
        if before.new != after.old:
            return after.at
    return own[-1].at if own and own[-1].new != present else None


@dataclass(frozen=True, slots=True)
class Life:
    """When work began and ended, by the statuses alone."""

    started_at: datetime | None
    resolved_at: datetime | None
    dropped_at: datetime | None
    #: Ends that were taken back by reopening, as changes of `resolved_at` and `dropped_at`.
    taken_back: tuple[Change, ...]


def life_of(created_at: datetime, first: Stage, changes: Iterable[Change]) -> Life:
    """The life of an issue that began with a status; `changes` are those of all fields, oldest first.

    A move between two statuses of the same meaning is no new end: a workflow that is migrated years later writes such.
    """
    # What is created in a status that is not the first of its workflow began, or ended, with its creation.
    started_at = created_at if first.category == "in_progress" else None
    ended_at = created_at if first.category in ENDED else None
    category, taken_back = first.category, []
    for change in changes:
        if change.field != "status" or not isinstance(change.new, Stage):
            continue
        before, category = category, change.new.category
        if category == before:
            continue
        if before in ENDED and ended_at is not None:
            taken_back.append(Change(_END[before], ended_at, None, change.at, change.by))
        ended_at = change.at if category in ENDED else None
        if category == "in_progress" and started_at is None:
            started_at = change.at
    return Life(
        started_at=started_at,
        resolved_at=ended_at if category == "done" else None,
        dropped_at=ended_at if category == "dropped" else None,
        taken_back=tuple(taken_back),
    )


_END = {"done": "resolved_at", "dropped": "dropped_at"}


def with_life(issue: TrackedIssue) -> TrackedIssue:
    """The issue with the times that its statuses tell, where all of these are told; and with its newest changes."""
    return _bounded(_with_times(issue))


def _bounded(issue: TrackedIssue) -> TrackedIssue:
    left_out = issue.changes[:-MOST_CHANGES]
    cut = issue.cut | {change.field for change in left_out}
    if not cut:
        return issue
    return replace(issue, changes=issue.changes[-MOST_CHANGES:], recorded=issue.recorded - cut, cut=cut)


def _with_times(issue: TrackedIssue) -> TrackedIssue:
    if "status" not in issue.recorded or issue.created_at is None:
        return issue
    present = Stage(issue.status, issue.status_category)
    if _lacks_moves(issue, issue.created_at):
        return _ended(replace(issue, recorded=issue.recorded - {"status"}), _own_end(issue))
    life = life_of(issue.created_at, first_value(issue.changes, "status", present), issue.changes)
    # Where the history does not reach the present, the end that the tracker itself gives is all there is.
    said = _own_end(issue) if broken_at(issue.changes, "status", present) else None
    return replace(
        _ended(issue, said or life.resolved_at or life.dropped_at),
        started_at=life.started_at,
        changes=in_order((*issue.changes, *life.taken_back)),
    )


def _ended(issue: TrackedIssue, at: datetime | None) -> TrackedIssue:
    return replace(
        issue,
        resolved_at=at if issue.status_category == "done" else None,
        dropped_at=at if issue.status_category == "dropped" else None,
    )


def _own_end(issue: TrackedIssue) -> datetime | None:
    """When the tracker itself says that it ended, or else that its status last came to mean something else.

    Moments of an end that it has not are of another time.
    """
    end = (issue.resolved_at or issue.dropped_at) if issue.status_category in ENDED else None
    return end or issue.last_moved_at


def _lacks_moves(issue: TrackedIssue, created_at: datetime) -> bool:
    """Whether no move is told of what was created otherwise: it came from elsewhere, or from before there were any."""
    said = _own_end(issue)
    is_told = any(change.field == "status" for change in issue.changes)
    return not is_told and issue.status_category != "to_do" and said is not None and said > created_at + AT_ONCE


def gaps_in(issue: TrackedIssue, *, with_life: bool = True) -> Iterator[Gap]:
    """Fields of an issue whose history does not lead to what they hold, or is too long; `with_life`: its moves, too."""
    for field in sorted(issue.recorded):
        if broken_at(issue.changes, field, present_value(issue, field)) is not None:
            yield Gap(f"the history of {field.replace('_', ' ')} has holes", TOUCHED[field], (issue.external_id,))
    if with_life and "status" not in issue.recorded | issue.cut and issue.started_at is None:
        yield Gap("when work began, or ended, is not told", ("cycle times", "burndown"), (issue.external_id,))
    yield from cuts_in(issue)


def cuts_in(issue: TrackedIssue) -> Iterator[Gap]:
    """Fields of an issue of which only the newest changes are kept."""
    for field in sorted(issue.cut & TOUCHED.keys()):
        what = f"the history of {field.replace('_', ' ')} is too long: only the newest of it is kept"
        yield Gap(what, TOUCHED[field], (issue.external_id,))


def without_ahead(issue: TrackedIssue, latest: datetime) -> tuple[TrackedIssue, list[Gap]]:
    """The issue without what is later than a moment, which no tracker can have recorded yet; and what that leaves out.

    What it holds now stays: so it was when somebody looked.
    """
    moments = [name for name in _MOMENTS if (moment := getattr(issue, name)) is not None and moment > latest]
    ahead = {change.field for change in issue.changes if change.at > latest}
    if not moments and not ahead:
        return issue, []
    changes = tuple(change for change in issue.changes if change.at <= latest)
    emptied: dict[str, Any] = dict.fromkeys(moments)
    left_out = {f"some of the history of {field}": TOUCHED[field] for field in sorted(ahead & TOUCHED.keys())}
    left_out |= {"a moment of the issue": TOUCHED["status"]} if moments else {}
    gaps = [
        Gap(f"{what.replace('_', ' ')} lies ahead, and is left out until then", touches, (issue.external_id,))
        for what, touches in left_out.items()
    ]
    return replace(issue, changes=changes, recorded=issue.recorded - ahead, **emptied), gaps


def present_value(issue: TrackedIssue, field: str) -> Any:
    """What a recorded field holds now, as its changes tell it."""
    if field == "status":
        return Stage(issue.status, issue.status_category)
    return getattr(issue, "sprint_id" if field == "sprint" else field)


_SPRINTS = ("what a sprint had committed", "sprint outcomes")
#: Recorded field → the figures that lean on its past.
TOUCHED: dict[str, tuple[str, ...]] = {
    "status": ("throughput", "forecasts", "training", "burndown"),
    "sprint": _SPRINTS,
    "story_points": ("velocity", *_SPRINTS, "training of points"),
    "assignee": ("who does what",),
    "estimated_hours": ("the worth of the team's own estimates",),
    "actual_hours": ("training of hours",),
    "title": ("training",),
    "description": ("training",),
    "issue_type": ("training",),
    "priority": ("training",),
    "component": ("training",),
    "labels": ("training",),
}
