"""The books of a sprint: frozen when it is closed, told from the history before that and where nobody froze them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.dispatch import Signal

from apps.projects.history.issue_past import ENDED, FieldChange, IssuePast
from apps.projects.history.reads import (
    began_at,
    ended_at,
    issues_by_sprint,
    known_in,
    planning_ended_at,
    recorded_by_sprint,
    was_entered_afterwards,
)
from apps.projects.history.sprint_books import (
    COMMITMENT_UNKNOWN,
    BookEntry,
    SprintReport,
    report_of,
    standings_at,
)
from apps.projects.models import Issue, Sprint, SprintSnapshot

#: The books whose sums a snapshot keeps in columns, two a book.
BOOKS = ("committed", "added", "removed", "completed", "carried_over", "done_outside")
#: To read sprints with their snapshots, but not the issues in these, of which few are asked for: `defer(*…)`.
WITHOUT_CONTENTS = ("snapshot__standings", "snapshot__pasts")
#: Sent with `sprint_id`, in the transaction that takes books away while their sprint stays: for who judges by them.
books_opened = Signal()
#: What is written as text in JSON, which knows no moments.
_MOMENTS = {"created_at", "started_at", "resolved_at", "dropped_at", "changed_at", "entered_at", "finished_at"}


@dataclass(frozen=True, slots=True)
class SprintBooks:
    """What a sprint set out to do and what became of it."""

    as_of: datetime
    is_frozen: bool
    report: SprintReport
    #: Books of which nobody knows what belongs into them, and why: what they hold is not all.
    unknown: frozenset[str] = frozenset()
    unknown_because: str | None = None


def freeze(sprint: Sprint, *, now: datetime) -> SprintSnapshot:
    """Keep the books of a sprint that was just closed; called before anything is moved, with its issues locked."""
    kept = _to_keep(sprint, now)
    # Of an end that was taken back nothing is kept: it would stand in the way of every other.
    open_books(sprint.pk)
    kept.sprint = sprint
    kept.save(force_insert=True)
    return kept


def open_books(sprint_id: UUID) -> None:
    """Take away what was kept of an end of a sprint that stays, with all that was judged by it; under its lock."""
    # Past the manager, which lets nobody change what is frozen: it was frozen by mistake.
    were_kept, _ = QuerySet(SprintSnapshot).filter(pk=sprint_id).delete()
    if were_kept:
        books_opened.send(SprintSnapshot, sprint_id=sprint_id)


def carried_over(books: SprintSnapshot, issues: Sequence[Issue]) -> list[Issue]:
    """Of the issues of a sprint that was just closed those that go on, unfinished by its books.

    What is told there as not done stays in no sprint that is over, where nobody looks for it. Of what books do not
    count the row tells.
    """
    means = {one["issue_id"]: one["category"] for one in books.standings if one["is_in"]}
    return [issue for issue in issues if means.get(str(issue.pk), issue.status.category) not in ENDED]


def has_late_news(sprint: Sprint, *, now: datetime) -> bool:
    """Whether what is known now of a closed sprint's own time differs from what was kept of it."""
    names = [f"{book}_{unit}" for book in BOOKS for unit in ("issues", "points")]
    known = _to_keep(sprint, now)
    return any(getattr(known, name) != getattr(sprint.snapshot, name) for name in names)


def _to_keep(sprint: Sprint, now: datetime) -> SprintSnapshot:
    pasts = issues_by_sprint(sprint.project_id, [str(sprint.pk)], now=now).get(str(sprint.pk), ())
    standings = _standings(sprint, pasts, now)
    report = report_of(standings, began_at=began_at(sprint), ended_at=ended_at(sprint, now))
    sums = {book: report.amount(book) for book in BOOKS}
    return SprintSnapshot(
        sprint_id=sprint.pk,
        frozen_at=now,
        standings=[_as_json(standing) for standing in standings],
        pasts=[_as_json(past) for past in pasts],
        **{f"{book}_issues": amount.issues for book, amount in sums.items()},
        **{f"{book}_points": amount.points for book, amount in sums.items()},
    )


def books_of(
    sprints: Sequence[Sprint], *, now: datetime, pasts: Mapping[str, Sequence[IssuePast]] | None = None
) -> dict[str, SprintBooks]:
    """The books of each sprint of one project as of `now`, by id: no query for those that are frozen, three for others.

    The snapshots must be there already (`select_related`), or cost a query each; `pasts` may be, see `pasts_of`.
    """
    _fetch_contents(sprints)
    if pasts is None:
        pasts = pasts_of([sprint for sprint in sprints if snapshot_of(sprint, now) is None], now=now)
    return {str(sprint.pk): _books(sprint, pasts, now) for sprint in sprints}


def pasts_of(sprints: Sequence[Sprint], *, now: datetime) -> Mapping[str, Sequence[IssuePast]]:
    """Issues that are or were in each sprint as they were known at `now`; of a closed one as they were frozen."""
    return {sprint_id: known_in(sprint_id, issues, now) for sprint_id, issues in recorded_of(sprints).items()}


def recorded_of(sprints: Sequence[Sprint]) -> Mapping[str, Sequence[IssuePast]]:
    """Issues that are or were in each sprint of a project with all that is on record; of a closed one what was kept."""
    _fetch_contents(sprints)
    frozen = {str(sprint.pk): snapshot.pasts for sprint in sprints if (snapshot := getattr(sprint, "snapshot", None))}
    others = [str(sprint.pk) for sprint in sprints if str(sprint.pk) not in frozen]
    told = recorded_by_sprint(sprints[0].project_id, others) if others else {}
    return {**told, **{sprint_id: [_past(row) for row in rows] for sprint_id, rows in frozen.items()}}


def _fetch_contents(sprints: Sequence[Sprint]) -> None:
    """The issues in those snapshots that were read without (`WITHOUT_CONTENTS`); one query, or none."""
    snapshots = [snapshot for sprint in sprints if (snapshot := getattr(sprint, "snapshot", None)) is not None]
    bare = [snapshot for snapshot in snapshots if "pasts" in snapshot.get_deferred_fields()]
    if not bare:
        return
    rows = SprintSnapshot.objects.filter(pk__in=[snapshot.pk for snapshot in bare])
    contents = {pk: (standings, pasts) for pk, standings, pasts in rows.values_list("pk", "standings", "pasts")}
    for snapshot in bare:
        snapshot.standings, snapshot.pasts = contents[snapshot.pk]


def snapshot_of(sprint: Sprint, now: datetime) -> SprintSnapshot | None:
    """What was kept when the sprint was closed, if that was by `now`."""
    snapshot: SprintSnapshot | None = getattr(sprint, "snapshot", None)
    return snapshot if snapshot is not None and snapshot.frozen_at <= now else None


def _books(sprint: Sprint, pasts: Mapping[str, Sequence[IssuePast]], now: datetime) -> SprintBooks:
    snapshot = snapshot_of(sprint, now)
    if snapshot is not None:
        as_of, standings = snapshot.frozen_at, [BookEntry(**_with_moments(row)) for row in snapshot.standings]
    else:
        as_of, standings = _judged_at(sprint, now), _standings(sprint, pasts[str(sprint.pk)], now)
    report = report_of(standings, began_at=began_at(sprint), ended_at=ended_at(sprint, now))
    unknown = _unknown(sprint)
    because = COMMITMENT_UNKNOWN if unknown else None
    return SprintBooks(as_of, snapshot is not None, report, unknown, because)


def _unknown(sprint: Sprint) -> frozenset[str]:
    """Where issues name only their present sprint, what left a sprint is in none of its books.

    Of one that runs it is known what is left; of one that is over not even that, since it has moved on.
    """
    if sprint.scope_is_recorded:
        return frozenset()
    moved_on = {"carried_over"} if sprint.status == Sprint.Status.COMPLETED else set[str]()
    return frozenset({"committed", "added", "removed"} | moved_on)


def _standings(sprint: Sprint, pasts: Sequence[IssuePast], now: datetime) -> list[BookEntry]:
    at = _judged_at(sprint, now)
    # Of what was entered afterwards nobody knows when it came in: all of it counts as planned.
    planned = None if was_entered_afterwards(sprint) else planning_ended_at(sprint)
    return standings_at(str(sprint.pk), planned or at, pasts, at)


def _judged_at(sprint: Sprint, now: datetime) -> datetime:
    """The end of a sprint that is over, else now."""
    end = sprint.completed_at if was_entered_afterwards(sprint) else ended_at(sprint, now)
    return now if end is None else min(end, now)


def _as_json(row: IssuePast | BookEntry | FieldChange) -> dict[str, Any]:
    return {each.name: _json_value(getattr(row, each.name)) for each in fields(row) if each.init}


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return [_as_json(change) for change in value] if isinstance(value, tuple) else value


def _past(row: Mapping[str, Any]) -> IssuePast:
    changes = tuple(FieldChange(**_with_moments(change)) for change in row["changes"])
    return IssuePast(**{**_with_moments(row), "changes": changes})


def _with_moments(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: datetime.fromisoformat(value) if value and name in _MOMENTS else value for name, value in row.items()}
