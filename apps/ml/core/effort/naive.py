"""The naive experts: medians a person could compute. Nothing is served that does not beat them out of sample."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from apps.ml.core.arrays import median
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


class RunningLevels:
    """Levels as they were known at each moment: outcomes are added in the order in which they became known."""

    def __init__(self) -> None:
        self._log_hours: list[float] = []
        self._by_type: dict[int, list[float]] = {}
        #: Medians of the types that had no new outcome since they were worked out.
        self._medians: dict[int, float] = {}
        self._levels: NaiveLevels | None = None

    def add(self, issue_type: str, log_hours: float) -> None:
        kind = hashed(issue_type)
        self._log_hours.append(log_hours)
        self._by_type.setdefault(kind, []).append(log_hours)
        self._medians.pop(kind, None)
        self._levels = None

    def levels(self) -> NaiveLevels:
        """What is known so far; one hour where nothing is (log 0), which no served answer ever rests on."""
        if self._levels is None:
            self._levels = self._computed()
        return self._levels

    def _computed(self) -> NaiveLevels:
        if not self._log_hours:
            return NaiveLevels(0.0, 0.0, {})
        overall = median(np.array(self._log_hours[-10 * TYPE_WINDOW :]))
        recent = median(np.array(self._log_hours[-RECENT_OUTCOMES:]))
        by_type = {kind: self._of_type(kind, seen, overall) for kind, seen in self._by_type.items()}
        return NaiveLevels(overall, recent, by_type)

    def _of_type(self, kind: int, seen: list[float], overall: float) -> float:
        if kind not in self._medians:
            self._medians[kind] = median(np.array(seen[-TYPE_WINDOW:]))
        n = min(len(seen), TYPE_WINDOW)
        return (n * self._medians[kind] + TYPE_SHRINKAGE * overall) / (n + TYPE_SHRINKAGE)
