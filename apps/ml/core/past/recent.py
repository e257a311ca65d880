"""What a team finished and what came in lately, issue by issue as numbers: all its weeks are told from this."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.ml.core import artifact
from apps.ml.core.arrays import Floats, Integers

KIND = "recent_work"
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
#: An id in hexadecimal digits.
_ID = "S32"


@dataclass(frozen=True, slots=True)
class FinishedIssue:
    """An end that throughput counts."""

    issue_id: str
    resolved_at: datetime
    #: As at that moment.
    points: float | None
    hours: float | None


@dataclass(frozen=True, slots=True, eq=False)
class RecentWork:
    """Issues finished or created since a moment.

    Attributes
    ----------
    since : int
        Microseconds since 1970, as all moments here.
    finished, created : ndarray of bytes, shapes (n_finished,) and (n_created,)
        Ids, in the order of the moments.
    ends, begins : ndarray of int64, shapes (n_finished,) and (n_created,)
        When.
    points, hours : ndarray of float64, shape (n_finished,)
        Sizes as at the end; not a number where there is none.
    """

    since: int
    finished: NDArray[np.bytes_]
    ends: Integers
    points: Floats
    hours: Floats
    created: NDArray[np.bytes_]
    begins: Integers

    @classmethod
    def of(
        cls,
        since: datetime,
        finished: Sequence[FinishedIssue],
        created: Sequence[tuple[str, datetime]] = (),
    ) -> "RecentWork":
        """Whatever the database's order: sums are to come out the same to the last digit."""
        return cls(
            microseconds(since),
            _ids(end.issue_id for end in finished),
            np.array([microseconds(end.resolved_at) for end in finished], np.int64),
            np.array([end.points for end in finished], np.float64),
            np.array([end.hours for end in finished], np.float64),
            _ids(issue_id for issue_id, _ in created),
            np.array([microseconds(moment) for _, moment in created], np.int64),
        )._in_order()

    def changed(self, fresh: "RecentWork", touched: Collection[str]) -> "RecentWork":
        """With some issues told anew, and those before the fresh one's moment left out."""
        gone = _ids(touched)
        ended = (self.ends >= fresh.since) & ~np.isin(self.finished, gone)
        begun = (self.begins >= fresh.since) & ~np.isin(self.created, gone)
        return RecentWork(
            fresh.since,
            *(np.concatenate([getattr(self, name)[ended], getattr(fresh, name)]) for name in _OF_FINISHED),
            *(np.concatenate([getattr(self, name)[begun], getattr(fresh, name)]) for name in _OF_CREATED),
        )._in_order()

    def __len__(self) -> int:
        return len(self.ends) + len(self.begins)

    @property
    def nbytes(self) -> int:
        """Memory, in bytes."""
        return sum(getattr(self, name).nbytes for name in (*_OF_FINISHED, *_OF_CREATED))

    def ends_between(self, borders: Sequence[datetime]) -> list[int]:
        """Places among the finished ones of the first at or after each border."""
        return [int(place) for place in np.searchsorted(self.ends, [microseconds(each) for each in borders])]

    def finished_until(self, borders: Sequence[datetime]) -> list[int]:
        """How many were finished after each border until the next, that one included."""
        places = np.searchsorted(self.ends, [microseconds(each) for each in borders], side="right")
        return [int(count) for count in np.diff(places)]

    def created_between(self, borders: Sequence[datetime]) -> list[int]:
        """How many were created from each border until before the next."""
        places = np.searchsorted(self.begins, [microseconds(each) for each in borders])
        return [int(count) for count in np.diff(places)]

    def to_bytes(self) -> bytes:
        """As an artefact."""
        arrays = {name: getattr(self, name) for name in (*_OF_FINISHED, *_OF_CREATED)}
        return artifact.dumps(KIND, arrays, {"since": self.since}, compressed=False)

    @classmethod
    def from_bytes(cls, data: bytes) -> "RecentWork":
        """Read what `to_bytes` wrote; raises `ArtifactCorrupted`."""
        read = artifact.loads(data, kind=KIND)
        arrays: dict[str, Any] = read.arrays
        return cls(read.meta["since"], **arrays)

    def _in_order(self) -> "RecentWork":
        ended = np.lexsort((np.nan_to_num(self.hours), np.nan_to_num(self.points), self.ends))
        begun = np.argsort(self.begins, kind="stable")
        return RecentWork(
            self.since,
            *(getattr(self, name)[ended] for name in _OF_FINISHED),
            *(getattr(self, name)[begun] for name in _OF_CREATED),
        )


_OF_FINISHED, _OF_CREATED = ("finished", "ends", "points", "hours"), ("created", "begins")


def in_order(sizes: Floats) -> float:
    """Their sum, added one after the other: `sum` rounds in another way from one Python to the next."""
    return float(np.add.accumulate(np.nan_to_num(sizes))[-1]) if len(sizes) else 0.0


def microseconds(moment: datetime) -> int:
    """Since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def _ids(ids: Iterable[str]) -> NDArray[np.bytes_]:
    return np.array([issue_id.replace("-", "") for issue_id in ids], _ID)
