"""What came of a project's last predictions, kept in memory for a moment: it corrects the next ranges."""

import math
from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

import numpy as np

from apps.ml.core.arrays import Booleans
from apps.ml.core.effort import RecentOutcomes
from apps.ml.core.intervals import MAX_RECENT_OUTCOMES
from apps.ml.models import ModelType, PredictionHistory
from apps.ml.selectors.scorecard import RECENT_OUTCOMES, recent_outcomes
from apps.ml.services.models.memory import ProjectMemory, Remembered

#: Outcomes arrive once a minute at most, so that a read a request would only repeat itself.
TTL_SECONDS = 30.0
#: Answers of the fallbacks come from no model's record, and correct none.
_CORRECTING_METHODS = ("ml_model", "baseline")
Outcomes = TypeVar("Outcomes")


def _effort(project_id: str) -> RecentOutcomes:
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


def _points(project_id: str) -> Booleans:
    """Whether the ranges of the last points recommendations held the points that the issues had in the end."""
    return _inside(_answers(ModelType.STORY_POINTS, project_id, newest=MAX_RECENT_OUTCOMES))


def _memory(read: Callable[[str], Outcomes]) -> ProjectMemory[Outcomes]:
    return ProjectMemory(lambda project_id, _: Remembered(read(project_id)), trusted_seconds=TTL_SECONDS)


EFFORT_OUTCOMES = _memory(_effort)
POINTS_OUTCOMES = _memory(_points)


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
