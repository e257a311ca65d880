"""Removing what is too old, in batches that never hold a table for long; sums of scored predictions are kept."""

import logging
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from apps.ml.models import PredictionAggregate, PredictionHistory, TrainingRun
from apps.projects.rows import entered

logger = logging.getLogger(__name__)

#: Rows removed in one transaction: some 50 ms.
BATCH_ROWS = 1000
#: Batches of one run of the task; the next night goes on where this one ended.
MAX_BATCHES = 500


@dataclass(slots=True)
class _Sums:
    """Columns of an aggregate, as far as they were added up."""

    n: int = 0
    sum_absolute_error: float = 0.0
    sum_absolute_log_error: float = 0.0
    n_log: int = 0
    n_ranged: int = 0
    n_covered: int = 0

    def add(self, row: PredictionHistory, predicted: float, actual: float) -> None:
        self.n += 1
        self.sum_absolute_error += abs(predicted - actual)
        if predicted > 0 and actual > 0:
            self.n_log += 1
            self.sum_absolute_log_error += abs(math.log(predicted) - math.log(actual))
        if row.range_low is not None and row.range_high is not None:
            self.n_ranged += 1
            self.n_covered += row.range_low <= actual <= row.range_high


def remove_old_history(*, now: datetime) -> int:
    """Remove predictions and finished trainings older than ML_HISTORY_DAYS; returns how many predictions.

    A prediction's age counts from when it was made. Sums and removal of a batch are one transaction, so that a crash
    neither loses nor counts twice.
    """
    before = now - timedelta(days=settings.ML_HISTORY_DAYS)
    removed = 0
    for _ in range(MAX_BATCHES):
        batch = _remove_batch(before)
        removed += batch
        if batch < BATCH_ROWS:
            break
    runs, _ = TrainingRun.objects.filter(finished_at__lt=before).delete()
    if removed or runs:
        logger.info("Old history removed predictions=%d training_runs=%d before=%s", removed, runs, before.date())
    return removed


@transaction.atomic
def _remove_batch(before: datetime) -> int:
    # Two clean-ups at once share the work: each skips the rows that the other holds.
    oldest = PredictionHistory.objects.filter(created_at__lt=before).order_by("created_at")
    # Sums are added to the projects, which come before any of their rows.
    entered(oldest.values_list("project_id", flat=True)[:BATCH_ROWS])
    rows = list(oldest.defer("input", "details").select_for_update(skip_locked=True)[:BATCH_ROWS])
    for key, sums in _summed(rows).items():
        _keep(*key, sums)
    PredictionHistory.objects.filter(id__in=[row.id for row in rows]).delete()
    return len(rows)


_Key = tuple[UUID, str, str, date]


def _summed(rows: Iterable[PredictionHistory]) -> dict[_Key, _Sums]:
    by_month: dict[_Key, _Sums] = defaultdict(_Sums)
    for row in rows:
        if row.scored_at is None or row.predicted_value is None or row.actual_value is None:
            continue
        month = row.scored_at.astimezone(UTC).date().replace(day=1)
        by_month[row.project_id, row.prediction_type, row.method, month].add(row, row.predicted_value, row.actual_value)
    return by_month


def _keep(project_id: UUID, prediction_type: str, method: str, month: date, sums: _Sums) -> None:
    kept, _ = PredictionAggregate.objects.get_or_create(
        project_id=project_id, prediction_type=prediction_type, method=method, month=month
    )
    added: dict[str, Any] = {each.name: F(each.name) + getattr(sums, each.name) for each in fields(sums)}
    PredictionAggregate.objects.filter(pk=kept.pk).update(**added)
