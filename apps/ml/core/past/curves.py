"""The scope of a completed sprint at any of its moments, as numbers: no issue, no person and no text is left in it."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.ml.core.arrays import Booleans, Floats, Integers
from apps.projects.history.issue_past import IssuePast
from apps.projects.history.sprint_books import Amount, BookEntry, SprintScope, spells_in, standing_at

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_FOREVER = np.iinfo(np.int64).max
_CATEGORIES = ("to_do", "in_progress", "done", "dropped")


@dataclass(frozen=True, slots=True)
class _Line:
    """What the books hold of an issue for a while."""

    is_committed: bool
    is_in: bool
    category: int
    points: float
    commitment: float

    @classmethod
    def of(cls, entry: BookEntry) -> "_Line":
        return cls(
            is_committed=entry.is_committed,
            is_in=entry.stays,
            category=_CATEGORIES.index(entry.category),
            points=entry.amount.points,
            commitment=entry.commitment.points,
        )


@dataclass(frozen=True, slots=True, eq=False)
class ScopeCurve:
    """How a sprint stood from the end of its planning on: the same answers as `scope_at` of its issues.

    Attributes
    ----------
    has_changes : bool
        Whether any of its issues has a history.
    first, last : int
        Between which moments it may be asked, in microseconds since 1970; at none where they are in the wrong order.
    begins, ends : ndarray of int64, shape (n_lines,)
        From when and until when, exclusively, a line holds; microseconds since 1970. Lines are in the order of the
        issues, so that sums are added up in the order of a recount.
    is_committed, is_in : ndarray of bool, shape (n_lines,)
        Whether it was in when planning ended, and whether it is in and not dropped.
    category : ndarray of uint8, shape (n_lines,)
        What its status means.
    points, commitment : ndarray of float64, shape (n_lines,)
        Its size, and what it was worth when planning ended; 0 without points.
    """

    has_changes: bool
    first: int
    last: int
    begins: Integers
    ends: Integers
    is_committed: Booleans
    is_in: Booleans
    category: NDArray[np.uint8]
    points: Floats
    commitment: Floats

    @classmethod
    def of(
        cls, sprint_id: str, issues: Sequence[IssuePast], planned: datetime | None, ended: datetime | None
    ) -> "ScopeCurve":
        """From the end of its planning until its own; where either is not known, it may be asked at no moment."""
        has_changes = any(issue.changes for issue in issues)
        if planned is None or ended is None:
            return cls(has_changes, _FOREVER, 0, **_columns(()))
        # Over before planning was: it is judged as if planning ended there.
        start = min(planned, ended)
        lines = [line for issue in issues for line in _lines(issue, sprint_id, start, ended)]
        return cls(has_changes, _microseconds(start), _microseconds(ended), **_columns(lines))

    @property
    def nbytes(self) -> int:
        """Memory, in bytes."""
        return sum(getattr(self, name).nbytes for name in COLUMNS)

    def scope_at(self, moment: datetime) -> SprintScope:
        """How the sprint stood at a moment."""
        at = _microseconds(moment)
        if not self.first <= at <= self.last:
            raise ValueError("Of a completed sprint nothing is kept beyond its planning and its end.")
        now = (self.begins <= at) & (at < self.ends)
        points, commitment, category = self.points[now], self.commitment[now], self.category[now]
        committed, stays = self.is_committed[now], self.is_in[now]
        inside = {name: _amount(points, stays & (category == number)) for number, name in enumerate(_CATEGORIES[:-1])}
        return SprintScope(
            at=moment,
            committed=_amount(commitment, committed),
            added=_amount(points, ~committed),
            removed=_amount(points, ~stays),
            **inside,
        )


_DTYPES: dict[str, type] = {
    "begins": np.int64, "ends": np.int64, "is_committed": np.bool_, "is_in": np.bool_, "category": np.uint8,
    "points": np.float64, "commitment": np.float64,
}  # fmt: skip
COLUMNS = tuple(_DTYPES)


def _columns(lines: Sequence[tuple[Any, ...]]) -> dict[str, NDArray[Any]]:
    columns = zip(*lines, strict=True) if lines else [()] * len(_DTYPES)
    return {name: np.array(column, dtype) for (name, dtype), column in zip(_DTYPES.items(), columns, strict=True)}


def _amount(points: Floats, which: Booleans) -> Amount:
    """Added one after the other: `np.sum` rounds in another way than a recount."""
    chosen = points[which]
    return Amount(len(chosen), float(np.add.accumulate(chosen)[-1])) if len(chosen) else Amount()


def _lines(issue: IssuePast, sprint_id: str, start: datetime, end: datetime) -> Iterator[tuple[Any, ...]]:
    """What the books hold of an issue, and from when until when."""
    spells = spells_in(issue, sprint_id)
    before: _Line | None = None
    since = 0
    for moment in _turns(issue, [left for _, left in spells], start, end):
        entry = next(standing_at(issue, spells, start, moment), None)
        line = None if entry is None else _Line.of(entry)
        if line != before:
            if before is not None:
                yield (since, _microseconds(moment), *astuple(before))
            before, since = line, _microseconds(moment)
    if before is not None:
        yield (since, _FOREVER, *astuple(before))


def _turns(issue: IssuePast, exits: Sequence[datetime], start: datetime, end: datetime) -> list[datetime]:
    """The moments at which an issue's line in the books may change, from the first one on."""
    recorded = [datetime.fromisoformat(text) for text in issue.timeline("resolved_at").values if text]
    known = [issue.created_at, issue.started_at, issue.dropped_at, *recorded]
    moments = {start, *known, *(change.changed_at for change in issue.changes)}
    # At the very moment at which it leaves it is still in.
    moments |= {left + _MICROSECOND for left in exits if left < end}
    return sorted(moment for moment in moments if moment is not None and start <= moment <= end)


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
