"""The history of imported issues: what a tracker recorded, with its own times, each change once.

A change is known by its issue, field and moment: a second import finds it there and writes nothing, in whatever order
and however often the changes come. A status that was renamed since keeps the name it was first imported by; the board
knows what that means.

Statuses are told by several lists together, of which one may not be had for a while. What is told without it begins
where what is known ends.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.importers.tracked import Change, Stage, TrackedIssue
from apps.importers.writing.board import TrackedBoard
from apps.importers.writing.people import Team
from apps.projects.history.writing import as_history_text, new_change
from apps.projects.models import Issue, IssueChange
from apps.projects.rows import in_parts

KEPT_FIELDS = frozenset(IssueChange.Field.values)
Known = set[tuple[UUID, str, datetime]]
#: Issue → when its status changed, and what it became; oldest first.
Moves = dict[UUID, list[tuple[datetime, str]]]


def missing_changes(told: Sequence[tuple[TrackedIssue, Issue]], board: TrackedBoard, team: Team) -> list[IssueChange]:
    """The recorded changes that are not there yet, oldest first; one query for some hundred issues."""
    known = _known([issue.pk for record, issue in told if record.changes])
    moves = _moves([issue.pk for record, issue in told if record.changes and "status" in record.untold])
    found = [change for record, issue in told for change in _of(record, issue, board, team, known=known, moves=moves)]
    return sorted(found, key=lambda change: change.changed_at)


def _moves(ids: Sequence[UUID]) -> Moves:
    moves: Moves = defaultdict(list)
    for part in in_parts(ids):
        rows = IssueChange.objects.filter(issue_id__in=part, field=IssueChange.Field.STATUS)
        for issue_id, at, new in rows.values_list("issue_id", "changed_at", "new_value"):
            moves[issue_id].append((at, new))
    return moves


def _known(ids: Sequence[UUID]) -> Known:
    known: Known = set()
    for part in in_parts(ids):
        rows = IssueChange.objects.filter(issue_id__in=part).order_by()
        known.update(rows.values_list("issue_id", "field", "changed_at"))
    return known


def _of(
    record: TrackedIssue, issue: Issue, board: TrackedBoard, team: Team, *, known: Known, moves: Moves
) -> Iterator[IssueChange]:
    for change in record.changes:
        if (issue.pk, change.field, change.at) in known or change.field not in KEPT_FIELDS:
            continue
        old, new = (_shown(change, value, board, team) for value in (change.old, change.new))
        if change.field == "status" and "status" in record.untold:
            old, new = as_history_text(old), as_history_text(new)
            old = _linked(moves[issue.pk], change.at, old, new)
        if old != new:
            by = team.find(change.by) if change.by else None
            yield new_change(issue, change.field, old, new, by=by, at=change.at)


def _linked(moves: list[tuple[datetime, str]], at: datetime, old: str, new: str) -> str:
    """What it was before a move, by the moves that are known, to which this one comes."""
    place = bisect_left(moves, at, key=lambda move: move[0])
    old = moves[place - 1][1] if place else old
    moves.insert(place, (at, new))
    return old


def _shown(change: Change, value: Any, board: TrackedBoard, team: Team) -> Any:
    """A value as the history writes it: statuses by their names here, sprints and people by their ids."""
    if change.field == "status":
        return board.status(value) if isinstance(value, Stage) else None
    if change.field == "sprint":
        return board.sprint(value or "")
    if change.field == "assignee":
        return team.find(value) if value else None
    return list(value) if isinstance(value, tuple) else value
