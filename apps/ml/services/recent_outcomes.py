"""What came of a project's last predictions, kept in memory for a moment: it corrects the next ranges."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

from apps.ml.core.effort import RecentOutcomes
from apps.ml.models import PredictionHistory
from apps.ml.selectors.outcomes import recent_outcomes

#: Outcomes arrive once a minute at most, so that a read a request would only repeat itself.
TTL_SECONDS = 30.0
#: Projects remembered; 600 outcomes are 20 kB.
MAX_PROJECTS = 1_000


class OutcomeMemory:
    """The last outcomes by project; asked of the database at most every TTL_SECONDS."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[float, RecentOutcomes]] = OrderedDict()

    def of_project(self, project_id: UUID | str) -> RecentOutcomes:
        """Outcomes of effort predictions whose model stated a scale, oldest first."""
        key = str(project_id)
        with self._lock:
            read_at, outcomes = self._known.get(key, (-math.inf, RecentOutcomes()))
            if self._clock() - read_at < TTL_SECONDS:
                return outcomes
        outcomes = _read(project_id)
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


EFFORT_OUTCOMES = OutcomeMemory()


def _read(project_id: UUID | str) -> RecentOutcomes:
    rows = [row for row in recent_outcomes(PredictionHistory.Kind.EFFORT, project_id) if _usable(row)]
    return RecentOutcomes.of(
        log_errors=[math.log(_known(row.actual_value) / _known(row.predicted_value)) for row in rows],
        log_scales=[row.details["log_scale"] for row in rows],
        inside=[_known(row.range_low) <= _known(row.actual_value) <= _known(row.range_high) for row in rows],
        used_estimate=[row.details["used_estimate"] for row in rows],
        predicted_hours=[_known(row.predicted_value) for row in rows],
    )


def _usable(row: PredictionHistory) -> bool:
    """Answers of the fallbacks state no scale of a model, and correct none."""
    return row.method in ("ml_model", "baseline") and (row.details.get("log_scale") or 0) > 0


def _known(value: float | None) -> float:
    """Scored rows of effort predictions have all their numbers."""
    if value is None:
        raise ValueError("A scored effort prediction lacks a number.")
    return value
