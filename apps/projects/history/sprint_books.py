"""What was in a sprint at a moment, what came in and what left, by the history alone: plain Python, see `history`.

A change at the very moment counts for what enters a sprint and not yet for what leaves it: the moves that close a
sprint bear the moment of its end, and the end is to show what they found.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from apps.projects.history.issue_past import IssuePast

#: Why there is no commitment of a sprint.
COMMITMENT_UNKNOWN = (
    "The commitment is unknown: the source names only the sprint that an issue is in now, not those that it was in."
)
#: After everything: an issue that is still in a sprint has not left it.
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Amount:
    """Some issues, in both units; those without points add none."""

    issues: int = 0
    points: float = 0.0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.issues + other.issues, self.points + other.points)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.issues - other.issues, self.points - other.points)


@dataclass(frozen=True, slots=True)
class SprintScope:
    """A sprint as the history stood at a moment.

    In issues `committed + added - removed == total`; in points the difference is what was re-estimated.
    """

    at: datetime
    #: In the sprint when planning ended, sized as it was then.
    committed: Amount
    #: Came in after that, sized as at the moment (or when it left): also what was created in the running sprint, and
    #: what has left again.
    added: Amount
    #: Was committed or added and is not in at the moment, sized as when it left.
    removed: Amount
    #: In at the moment, by what the status meant, sized as at the moment.
    to_do: Amount
    in_progress: Amount
    done: Amount

    @property
    def remaining(self) -> Amount:
        """In and not done."""
        return self.to_do + self.in_progress

    @property
    def total(self) -> Amount:
        """In at the moment."""
        return self.remaining + self.done


@dataclass(frozen=True, slots=True)
class BookEntry:
    """One issue in a sprint's books at a moment; of one that left, as it was when it left."""

    issue_id: str
    #: In the sprint when planning ended; else it came in later.
    is_committed: bool
    is_in: bool
    #: When it first came in.
    entered_at: datetime
    category: str
    points: float | None
    #: As at the end of planning; None for what was not committed, or without points.
    committed_points: float | None
    #: When it was finished; None where it is not done, or nobody knows.
    finished_at: datetime | None
    actual_hours: float | None
    assignee: str

    @property
    def stays(self) -> bool:
        """In the sprint and not dropped: an issue that is dropped at the very end is still in, and leaves."""
        return self.is_in and self.category != "dropped"

    @property
    def amount(self) -> Amount:
        """One issue of its size."""
        return Amount(1, self.points or 0.0)

    @property
    def commitment(self) -> Amount:
        """What it was worth when planning ended."""
        return Amount(1, self.committed_points or 0.0) if self.is_committed else Amount()


@dataclass(frozen=True, slots=True)
class SprintReport:
    """What a sprint set out to do and what became of it, issue by issue.

    In issues `committed + added - removed == completed + carried_over + done_outside`.
    """

    committed: tuple[BookEntry, ...]
    added: tuple[BookEntry, ...]
    removed: tuple[BookEntry, ...]
    #: Finished in the sprint.
    completed: tuple[BookEntry, ...]
    #: Not done: what goes on to the next sprint, or back.
    carried_over: tuple[BookEntry, ...]
    #: Done, yet not within the sprint's time: finished before it began, as a rule.
    done_outside: tuple[BookEntry, ...]

    def amount(self, book: str) -> Amount:
        """One of the above by its name, in both units; 'committed' is sized as planning left it."""
        lines: tuple[BookEntry, ...] = getattr(self, book)
        return sum((line.commitment if book == "committed" else line.amount for line in lines), Amount())


def scope_at(sprint_id: str, started_at: datetime, issues: Sequence[IssuePast], at: datetime) -> SprintScope:
    """How a sprint stood at a moment.

    Parameters
    ----------
    sprint_id : str
        The sprint.
    started_at : datetime
        When planning ended: what enters later was added. A moment before it is judged as if planning ended there.
    issues : sequence of IssuePast
        At least all issues that are or were in the sprint; others are ignored.
    at : datetime
        The moment; nothing that was recorded later changes the answer.

    Returns
    -------
    SprintScope
        Each issue counts once, however often it came and went.
    """
    return scopes_at(sprint_id, started_at, issues, [at])[0]


def scopes_at(
    sprint_id: str, started_at: datetime, issues: Sequence[IssuePast], moments: Sequence[datetime]
) -> list[SprintScope]:
    """`scope_at` for many moments; each issue's history is read once."""
    books: list[list[BookEntry]] = [[] for _ in moments]
    for issue in issues:
        spells = spells_in(issue, sprint_id)
        for book, at in zip(books, moments, strict=True):
            book.extend(standing_at(issue, spells, min(started_at, at), at))
    return [scope_of(at, book) for at, book in zip(moments, books, strict=True)]


def standings_at(sprint_id: str, started_at: datetime, issues: Sequence[IssuePast], at: datetime) -> list[BookEntry]:
    """The issues behind `scope_at`, in the order given."""
    start = min(started_at, at)
    return [found for issue in issues for found in standing_at(issue, spells_in(issue, sprint_id), start, at)]


def scope_of(at: datetime, standings: Sequence[BookEntry]) -> SprintScope:
    """Sum up the books of one sprint."""
    inside: dict[str, Amount] = {}
    for one in standings:
        if one.stays:
            inside[one.category] = inside.get(one.category, Amount()) + one.amount
    return SprintScope(
        at=at,
        committed=sum((one.commitment for one in standings), Amount()),
        added=sum((one.amount for one in standings if not one.is_committed), Amount()),
        removed=sum((one.amount for one in standings if not one.stays), Amount()),
        to_do=inside.get("to_do", Amount()),
        in_progress=inside.get("in_progress", Amount()),
        done=inside.get("done", Amount()),
    )


def report_of(standings: Sequence[BookEntry], *, began_at: datetime | None, ended_at: datetime | None) -> SprintReport:
    """The books of a sprint that ran from one moment to another; None for an end that is not known."""
    done = [one for one in standings if one.is_in and one.category == "done"]
    within = {one.issue_id for one in done if _is_within(one.finished_at, began_at, ended_at)}
    return SprintReport(
        committed=tuple(one for one in standings if one.is_committed),
        added=tuple(one for one in standings if not one.is_committed),
        removed=tuple(one for one in standings if not one.stays),
        completed=tuple(one for one in done if one.issue_id in within),
        carried_over=tuple(one for one in standings if one.stays and one.category != "done"),
        done_outside=tuple(one for one in done if one.issue_id not in within),
    )


def _is_within(moment: datetime | None, began_at: datetime | None, ended_at: datetime | None) -> bool:
    # Without times the place of a finished issue is all there is.
    if moment is None:
        return True
    return (began_at is None or began_at <= moment) and (ended_at is None or moment <= ended_at)


def elapsed_ratio(first_day: date, last_day: date, today: date) -> float:
    """Time gone: share of the planned days, both ends counted, that have passed by the end of `today`, in [0, 1]."""
    return min(max((today - first_day).days + 1, 0) / ((last_day - first_day).days + 1), 1.0)


def spells_in(issue: IssuePast, sprint_id: str) -> list[tuple[datetime, datetime]]:
    """When an issue was in a sprint: (entered, left) in order, the last of them open where it is still in."""
    places = issue.places
    begins = (issue.created_at, *places.changed_at)
    ends = (*places.changed_at, _NEVER)
    spells: list[tuple[datetime, datetime]] = []
    for place, begin, end in zip(places.values, begins, ends, strict=True):
        if place != sprint_id or end < issue.created_at:
            continue
        entered = max(begin, issue.created_at)
        if spells and spells[-1][1] == entered:
            entered = spells.pop()[0]
        spells.append((entered, end))
    return spells


def standing_at(
    issue: IssuePast, spells: Sequence[tuple[datetime, datetime]], start: datetime, at: datetime
) -> Iterator[BookEntry]:
    """An issue's line in the books, see `spells_in`; none where it was never in from the end of planning on."""
    # What left by the very end of planning was not promised.
    counted = [(entered, left) for entered, left in spells if entered <= at and (left > start or left >= at)]
    if not counted:
        return
    left = counted[-1][1]
    is_committed = counted[0][0] <= start
    known = min(at, left)
    yield BookEntry(
        issue_id=issue.issue_id,
        is_committed=is_committed,
        is_in=at <= left,
        entered_at=counted[0][0],
        category=issue.category_at(known),
        points=issue.points_at(known),
        committed_points=issue.points_at(start) if is_committed else None,
        finished_at=issue.finished_at(known),
        actual_hours=issue.hours_at(known),
        assignee=issue.assignee_at(known),
    )
