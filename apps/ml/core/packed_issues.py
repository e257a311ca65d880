"""Finished issues in columns: a fourth of the memory of as many records, each of which is made when asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.ml.core.arrays import Booleans, Floats, Integers
from apps.ml.core.packed import PackedTexts
from apps.ml.core.records import CompletedIssue, IssueFacts
from apps.ml.core.size import bytes_of

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_TEXTS = ("title", "description")
#: What many issues have in common.
_SHARED = tuple(each.name for each in fields(IssueFacts) if each.name not in _TEXTS)


def microseconds(moment: datetime) -> int:
    """Since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


@dataclass(frozen=True, slots=True)
class SharedValues:
    """A column whose values repeat: each distinct one once, and which of them each row has."""

    values: tuple[Any, ...]
    rows: NDArray[np.unsignedinteger[Any]]

    @classmethod
    def of(cls, column: Sequence[Any]) -> "SharedValues":
        """1 and 1.0 are two values: what comes out is what went in."""
        places: dict[tuple[type, Any], int] = {}
        rows = [places.setdefault((type(value), value), len(places)) for value in column]
        return cls(tuple(value for _, value in places), np.array(rows, dtype=np.min_scalar_type(len(places))))

    def __getitem__(self, row: int) -> Any:
        return self.values[self.rows[row]]


@dataclass(frozen=True, slots=True, eq=False)
class PackedIssues:
    """Issues by row, in the order given.

    Attributes
    ----------
    texts : PackedTexts
        Id, title and description of each issue, one after the other.
    facts : tuple of SharedValues
        The other fields of `IssueFacts`.
    known_at, completed_at : ndarray of shape (n_issues,)
        Microseconds since 1970.
    hours, points : ndarray of shape (n_issues,)
        Outcomes; NaN where unknown.
    by_agent : ndarray of bool, shape (n_issues,)
    """

    texts: PackedTexts
    facts: tuple[SharedValues, ...]
    known_at: Integers
    completed_at: Integers
    hours: Floats
    points: Floats
    by_agent: Booleans

    @classmethod
    def of(cls, issues: Sequence[CompletedIssue]) -> "PackedIssues":
        """Pack issues."""
        return cls(
            texts=PackedTexts.of(
                chain.from_iterable((each.issue_id, each.facts.title, each.facts.description) for each in issues)
            ),
            facts=tuple(SharedValues.of([getattr(each.facts, name) for each in issues]) for name in _SHARED),
            known_at=np.array([microseconds(each.known_at) for each in issues], dtype=np.int64),
            completed_at=np.array([microseconds(each.completed_at) for each in issues], dtype=np.int64),
            hours=_numbers([each.actual_hours for each in issues]),
            points=_numbers([each.story_points for each in issues]),
            by_agent=np.array([each.by_agent for each in issues], dtype=np.bool_),
        )

    def __len__(self) -> int:
        return len(self.hours)

    def __iter__(self) -> Iterator[CompletedIssue]:
        return map(self.record, range(len(self)))

    def since_row(self, first: int) -> list[CompletedIssue]:
        """The records from a row on."""
        return [self.record(row) for row in range(first, len(self))]

    def record(self, row: int) -> CompletedIssue:
        """The issue in a row as it was packed; moments come out in UTC."""
        told = {name: column[row] for name, column in zip(_SHARED, self.facts, strict=True)}
        return CompletedIssue(
            issue_id=self.texts[3 * row],
            facts=IssueFacts(title=self.texts[3 * row + 1], description=self.texts[3 * row + 2], **told),
            known_at=_EPOCH + timedelta(microseconds=int(self.known_at[row])),
            completed_at=_EPOCH + timedelta(microseconds=int(self.completed_at[row])),
            actual_hours=_known(self.hours[row]),
            story_points=_known(self.points[row]),
            by_agent=bool(self.by_agent[row]),
        )

    @property
    def nbytes(self) -> int:
        """Memory, in bytes."""
        numbers = (self.known_at, self.completed_at, self.hours, self.points, self.by_agent)
        shared = sum(column.rows.nbytes + bytes_of(column.values) for column in self.facts)
        return self.texts.nbytes + sum(column.nbytes for column in numbers) + shared


def _numbers(column: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in column], dtype=np.float64)


def _known(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)
