"""Every answer leaves a row, whatever method gave it."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import IntegrityError, connection

from apps.common.exceptions import Conflict
from apps.common.operations.metrics import PREDICTIONS
from apps.ml.core.results import Interval
from apps.ml.models import PredictionHistory
from apps.ml.services.predictions.switch import require_predictions_of

if TYPE_CHECKING:
    from apps.accounts.models import User


def record_prediction(
    *,
    kind: str,
    method: str,
    project_id: UUID,
    user: "User | None" = None,
    input: dict[str, Any],
    predicted_value: float | None = None,
    expected_value: float | None = None,
    interval: Interval | None = None,
    confidence: float | None = None,
    details: dict[str, Any] | None = None,
    issue_id: UUID | None = None,
    sprint_id: UUID | None = None,
    model_id: UUID | None = None,
    model_version: str = "",
) -> PredictionHistory:
    """Store one answer and count it, see `record_predictions`."""
    row = prediction_row(
        kind=kind,
        method=method,
        project_id=project_id,
        user=user,
        input=input,
        predicted_value=predicted_value,
        expected_value=expected_value,
        interval=interval,
        confidence=confidence,
        details=details,
        issue_id=issue_id,
        sprint_id=sprint_id,
        model_id=model_id,
        model_version=model_version,
    )
    record_predictions(project_id, [row])
    return row


def prediction_row(
    *,
    kind: str,
    method: str,
    project_id: UUID,
    user: "User | None" = None,
    input: dict[str, Any],
    predicted_value: float | None = None,
    expected_value: float | None = None,
    interval: Interval | None = None,
    confidence: float | None = None,
    details: dict[str, Any] | None = None,
    issue_id: UUID | None = None,
    sprint_id: UUID | None = None,
    model_id: UUID | None = None,
    model_version: str = "",
) -> PredictionHistory:
    """One answer as it will be stored."""
    return PredictionHistory(
        prediction_type=kind,
        method=method,
        project_id=project_id,
        requested_by=user,
        input=input,
        predicted_value=predicted_value,
        expected_value=expected_value,
        range_low=interval.low if interval else None,
        range_high=interval.high if interval else None,
        range_level=interval.level if interval else None,
        confidence=confidence,
        details=details or {},
        issue_id=issue_id,
        sprint_id=sprint_id,
        model_id=model_id,
        model_version=model_version,
    )


def record_predictions(project_id: UUID, rows: Sequence[PredictionHistory]) -> None:
    """Store answers about a project and count them; `Conflict` where what one is about was deleted meanwhile.

    Raises `PredictionsOff` whoever asks: nothing is recorded of a project whose predictions are off.
    """
    require_predictions_of(project_id)
    try:
        _insert(rows)
    except IntegrityError as error:
        # Any other constraint is broken by a bug of ours.
        if "foreign key" not in str(error).lower():
            raise
        raise Conflict("What this is about has just been deleted.") from error
    for row in rows:
        row._state.adding = False
        PREDICTIONS.labels(type=row.prediction_type, method=row.method).inc()


def _insert(rows: Sequence[PredictionHistory]) -> None:
    """All rows in one statement, on every database: all are kept or none.

    By hand, since Django composes the statement anew for each answer, which takes as long as running it, and makes
    one of every 45 rows on SQLite.
    """
    if not rows:
        return
    fields = PredictionHistory._meta.concrete_fields
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for row in rows for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(_statement(len(rows)), values)


@lru_cache(maxsize=8)
def _statement(n_rows: int) -> str:
    fields, quoted = PredictionHistory._meta.concrete_fields, connection.ops.quote_name
    columns = ", ".join(quoted(field.column) for field in fields if field.column)
    row = f"({', '.join(['%s'] * len(fields))})"
    # Names of columns are ours, values are parameters.
    return f"INSERT INTO {quoted(PredictionHistory._meta.db_table)} ({columns}) VALUES {', '.join([row] * n_rows)}"  # noqa: S608
