"""The naive experts: medians a person could compute. Nothing is served that does not beat them out of sample."""

from bisect import bisect_left, insort
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Any

from apps.ml.core.hashing import hashed

#: Outcomes in the short-memory median; the last 20 are too few (2.48 against 2.40 in story points), 200 too slow.
RECENT_OUTCOMES = 50
#: A type's own median is of its last 100 outcomes ...
TYPE_WINDOW = 100
#: ... and moves towards the overall one as if 10 outcomes of that size were known already.
TYPE_SHRINKAGE = 10.0


@dataclass(frozen=True, slots=True)
class NaiveLevels:
    """Typical log hours: of all outcomes, of the last ones, and of each issue type (by hash)."""

    overall: float
    recent: float
    by_type: dict[int, float]

    def of_type(self, issue_type: str) -> float:
        """The level of a type; the recent one where the type was never seen."""
        return self.by_type.get(hashed(issue_type), self.recent)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON for the serving artefact; types as hashes."""
        by_type = {str(kind): level for kind, level in self.by_type.items()}
        return {"overall": self.overall, "recent": self.recent, "by_type": by_type}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "NaiveLevels":
        """Read what `to_json` wrote."""
        by_type = {int(kind): float(level) for kind, level in found["by_type"].items()}
        return cls(float(found["overall"]), float(found["recent"]), by_type)


class RunningMedian:
    """The median of the last numbers, kept in order as they come."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._last: deque[float] = deque()
        self._ordered: list[float] = []

    def __len__(self) -> int:
        return len(self._last)

    def add(self, value: float) -> None:
        if len(self._last) == self._window:
            del self._ordered[bisect_left(self._ordered, self._last.popleft())]
        self._last.append(value)
        insort(self._ordered, value)

    @property
    def value(self) -> float:
        """Of at least one number."""
        half = len(self._ordered) // 2
        return self._ordered[half] if len(self) % 2 else (self._ordered[half - 1] + self._ordered[half]) / 2


class RunningLevels:
    """Levels as they were known at each moment: outcomes are added in the order in which they became known."""

    def __init__(self) -> None:
        self._overall, self._recent = RunningMedian(10 * TYPE_WINDOW), RunningMedian(RECENT_OUTCOMES)
        self._by_type: dict[int, RunningMedian] = defaultdict(lambda: RunningMedian(TYPE_WINDOW))
        self._levels: NaiveLevels | None = None

    def add(self, issue_type: str, log_hours: float) -> None:
        for each in (self._overall, self._recent, self._by_type[hashed(issue_type)]):
            each.add(log_hours)
        self._levels = None

    def levels(self) -> NaiveLevels:
        """What is known so far; one hour where nothing is (log 0), which no served answer ever rests on."""
        if self._levels is None:
            self._levels = self._computed()
        return self._levels

    def _computed(self) -> NaiveLevels:
        if not len(self._overall):
            return NaiveLevels(0.0, 0.0, {})
        overall = self._overall.value
        by_type = {kind: _shrunk(seen, overall) for kind, seen in self._by_type.items()}
        return NaiveLevels(overall, self._recent.value, by_type)


def _shrunk(seen: RunningMedian, overall: float) -> float:
    return (len(seen) * seen.value + TYPE_SHRINKAGE * overall) / (len(seen) + TYPE_SHRINKAGE)
