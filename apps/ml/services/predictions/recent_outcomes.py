"""What came of a project's last predictions, kept in memory for a moment: it corrects the next ranges."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar
from uuid import UUID

import numpy as np

from apps.ml.core.arrays import Booleans
from apps.ml.core.effort import RecentOutcomes
from apps.ml.core.intervals import MAX_RECENT_OUTCOMES
from apps.ml.models import ModelType, PredictionHistory
from apps.ml.selectors.scorecard import RECENT_OUTCOMES, recent_outcomes

#: Outcomes arrive once a minute at most, so that a read a request would only repeat itself.
TTL_SECONDS = 30.0
#: Projects remembered; 600 outcomes are 20 kB.
MAX_PROJECTS = 1_000
#: Answers of the fallbacks come from no model's record, and correct none.
_CORRECTING_METHODS = ("ml_model", "baseline")
Outcomes = TypeVar("Outcomes")


class OutcomeMemory(Generic[Outcomes]):
    """The last outcomes by project; asked of the database at most every TTL_SECONDS."""

    def __init__(self, read: Callable[[UUID | str], Outcomes], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._read, self._clock = read, clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[float, Outcomes]] = OrderedDict()

    def of_project(self, project_id: UUID | str) -> Outcomes:
        """What came of the project's last answers, oldest first."""
        key = str(project_id)
        with self._lock:
            known = self._known.get(key)
            if known is not None and self._clock() - known[0] < TTL_SECONDS:
                return known[1]
        outcomes = self._read(project_id)
        with self._lock:
            self._known[key] = (self._clock(), outcomes)
            self._known.move_to_end(key)
            while len(self._known) > MAX_PROJECTS:
                self._known.popitem(last=False)
        return outcomes

    def clear(self) -> None:
        """Forget all projects."""
        with self._lock:
            self._known.clear()


def _effort(project_id: UUID | str) -> RecentOutcomes:
    """Outcomes of effort predictions whose model stated a scale."""
    rows = [row for row in _answers(ModelType.EFFORT_PREDICTION, project_id) if (row.details.get("log_scale") or 0) > 0]
    return RecentOutcomes.of(
        # Not of the ratio, which is 0 or infinite where a number is tiny.
        log_errors=[math.log(_known(row.actual_value)) - math.log(_known(row.predicted_value)) for row in rows],
        log_scales=[row.details["log_scale"] for row in rows],
        inside=_inside(rows),
        used_estimate=[row.details["used_estimate"] for row in rows],
        predicted_hours=[_known(row.predicted_value) for row in rows],
    )


def _points(project_id: UUID | str) -> Booleans:
    """Whether the ranges of the last points recommendations held the points that the issues had in the end."""
    return _inside(_answers(ModelType.STORY_POINTS, project_id, newest=MAX_RECENT_OUTCOMES))


EFFORT_OUTCOMES = OutcomeMemory(_effort)
POINTS_OUTCOMES = OutcomeMemory(_points)


def _answers(kind: str, project_id: UUID | str, *, newest: int = RECENT_OUTCOMES) -> list[PredictionHistory]:
    return [row for row in recent_outcomes(kind, project_id, newest=newest) if row.method in _CORRECTING_METHODS]


def _inside(rows: Sequence[PredictionHistory]) -> Booleans:
    held = [_known(row.range_low) <= _known(row.actual_value) <= _known(row.range_high) for row in rows]
    return np.array(held, dtype=bool)


def _known(value: float | None) -> float:
    """Scored rows of a model's predictions have all their numbers."""
    if value is None:
        raise ValueError("A scored prediction lacks a number.")
    return value
