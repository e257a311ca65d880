"""Every answer leaves a row, whatever method gave it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any, Required, TypedDict, Unpack
from uuid import UUID, uuid4

from django.db import DEFAULT_DB_ALIAS, IntegrityError, connection, connections, transaction
from django.db.models import CharField, DateTimeField, Field, FloatField, ForeignKey, JSONField, UUIDField
from django.utils import timezone

from apps.common.api.idempotency import with_the_answer
from apps.common.exceptions import Conflict
from apps.common.operations.metrics import PREDICTIONS
from apps.ml.core.results import Interval
from apps.ml.models import PredictionHistory, TextSnapshot
from apps.ml.services.predictions.switch import require_predictions_of
from apps.ml.services.predictions.whose_record import whose_word
from apps.projects.rows import enter

if TYPE_CHECKING:
    from apps.accounts.models import User


#: An answer by the attributes of `PredictionHistory`: to make one of these for each takes longer than to store it.
Row = dict[str, Any]
#: What becomes known later, or is not of every answer.
_BLANK: Row = {
    **dict.fromkeys(("model_id", "issue_id", "sprint_id", "predicted_value", "expected_value", "confidence")),
    **dict.fromkeys(("actual_value", "scored_at")),
    "model_version": "",
}


class PredictionFields(TypedDict, total=False):
    """What is kept of an answer, see `prediction_row`."""

    kind: Required[str]
    method: Required[str]
    project_id: Required[UUID]
    user: "User | None"
    input: Required[dict[str, Any]]
    predicted_value: float | None
    expected_value: float | None
    interval: Interval | None
    confidence: float | None
    details: dict[str, Any] | None
    issue_id: UUID | None
    sprint_id: UUID | None
    model_id: UUID | None
    model_version: str


def record_prediction(**fields: Unpack[PredictionFields]) -> PredictionHistory:
    """Store one answer and count it, see `record_predictions`; whether it will be scored is decided now."""
    whose = whose_word(fields["kind"], fields["project_id"], fields.get("user"))
    row = prediction_row(**fields | {"details": {**(fields.get("details") or {}), **whose}})
    record_predictions(fields["project_id"], [row])
    stored = PredictionHistory(**row)
    stored._state.adding = False
    return stored


def prediction_row(**fields: Unpack[PredictionFields]) -> Row:
    """One answer as it will be stored, its id known already."""
    stored: dict[str, Any] = dict(fields)
    interval, user = stored.pop("interval", None), stored.pop("user", None)
    return {
        **_BLANK,
        "id": uuid4(),
        "created_at": timezone.now(),
        "prediction_type": stored.pop("kind"),
        "requested_by_id": user.pk if user else None,
        "details": stored.pop("details", None) or {},
        "range_low": interval.low if interval else None,
        "range_high": interval.high if interval else None,
        "range_level": interval.level if interval else None,
        **stored,
    }


def record_predictions(project_id: UUID, rows: Sequence[Row], *, erased_at: datetime | None = None) -> None:
    """Store answers about a project and count them; `Conflict` where what one is about was deleted meanwhile.

    Raises `PredictionsOff` whoever asks: nothing is recorded of a project whose predictions are off.

    Parameters
    ----------
    erased_at : datetime, optional
        When texts of the project had last been erased before any was read for these answers, see `texts_erased_at`:
        if somebody was erased since, they are stored without the texts. Without it they hold none.
    """
    with_the_answer(partial(_store, project_id, rows, erased_at))


def _store(project_id: UUID, rows: Sequence[Row], erased_at: datetime | None) -> None:
    require_predictions_of(project_id)
    try:
        with _in_the_project(project_id):
            _insert_known(project_id, rows, erased_at)
    except IntegrityError as error:
        # Any other constraint is broken by a bug of ours.
        if "foreign key" not in str(error).lower():
            raise
        raise Conflict("What this is about has just been deleted.") from error
    for (kind, method), n_rows in Counter((row["prediction_type"], row["method"]) for row in rows).items():
        PREDICTIONS.labels(type=kind, method=method).inc(n_rows)


@contextmanager
def _in_the_project(project_id: UUID) -> Iterator[None]:
    """Before the rows that these are about, as all go in; an erasure waits for whoever is in (`apps.upkeep.alone`)."""
    if connection.vendor != "postgresql":
        # It has one writer.
        yield
        return
    with nullcontext() if connection.in_atomic_block else transaction.atomic():
        enter(project_id)
        yield


def _insert_known(project_id: UUID, rows: Sequence[Row], erased_at: datetime | None) -> None:
    if not _insert(rows, _Unless(project_id, erased_at) if erased_at else None):
        _insert([row | {"input": _without_texts(row["input"])} for row in rows])


def _without_texts(input: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in input.items() if isinstance(value, int | float)}


@dataclass(frozen=True, slots=True)
class _Unless:
    """Texts of the project were erased at another moment than this was the last."""

    project_id: UUID
    erased_at: datetime


def _insert(rows: Sequence[Row], unless: _Unless | None = None) -> bool:
    """All rows in one statement, on every database: all are kept or none; whether they are.

    By hand, since Django composes the statement anew for each answer, which takes as long as running it, and makes
    one of every 45 rows on SQLite.
    """
    if not rows:
        return True
    # The connection itself: what stands for it looks it up at each of thousands of questions.
    database = connections[DEFAULT_DB_ALIAS]
    columns = _columns(database.features.has_native_uuid_field)
    values = [
        value if (value := row[name]) is None or prepared is None else prepared(value, database)
        for row in rows
        for name, prepared in columns
    ]
    if unless is not None:
        project_id = unless.project_id if database.features.has_native_uuid_field else unless.project_id.hex
        values += [project_id, database.ops.adapt_datetimefield_value(unless.erased_at)]
    with database.cursor() as cursor:
        cursor.execute(_statement(len(rows), is_conditional=unless is not None), values)
        return bool(cursor.rowcount)


@cache
def _columns(has_uuids: bool) -> list[tuple[str, Callable[[Any, Any], Any] | None]]:
    """Attributes of a row, in the order of the columns, each with what makes the database's value of it.

    Texts are that already, and numbers and ids nearly: to ask Django for each of them takes as long as to run the
    statement.
    """
    return [(field.attname, _preparing(field, has_uuids)) for field in PredictionHistory._meta.concrete_fields]


def _preparing(field: "Field[Any, Any]", has_uuids: bool) -> Callable[[Any, Any], Any] | None:
    held = field.target_field if isinstance(field, ForeignKey) else field
    if isinstance(held, UUIDField):
        return None if has_uuids else lambda value, _: value.hex
    if isinstance(held, FloatField):
        # Of NumPy's, too, which SQLite does not take.
        return lambda value, _: float(value)
    if isinstance(held, DateTimeField):
        # All of them are of a zone.
        return lambda value, database: database.ops.adapt_datetimefield_value(value)
    if isinstance(held, JSONField):
        return lambda value, database: database.ops.adapt_json_value(value, held.encoder)
    return None if isinstance(held, CharField) else field.get_db_prep_save


@lru_cache(maxsize=8)
def _statement(n_rows: int, *, is_conditional: bool) -> str:
    fields, quoted = PredictionHistory._meta.concrete_fields, connection.ops.quote_name
    columns = ", ".join(quoted(field.column) for field in fields if field.column)
    row = f"({', '.join(['%s'] * len(fields))})"
    # Names of columns are ours, values are parameters.
    into = f"INSERT INTO {quoted(PredictionHistory._meta.db_table)} ({columns})"
    if not is_conditional:
        return f"{into} VALUES {', '.join([row] * n_rows)}"
    # PostgreSQL takes the types of the first row for those of all; SQLite keeps what it is given.
    first = f"({', '.join(f'CAST(%s AS {field.db_type(connection)})' for field in fields)})"
    asked = ", ".join([first if connection.vendor == "postgresql" else row, *[row] * (n_rows - 1)])
    erased = f"SELECT 1 FROM {quoted(TextSnapshot._meta.db_table)} WHERE project_id = %s AND forgotten_at <> %s"  # noqa: S608
    # Looked at in the project, which an erasure waits for before its last search (`apps.upkeep.alone`).
    return f"{into} SELECT * FROM (VALUES {asked}) AS answers WHERE NOT EXISTS ({erased})"  # noqa: S608
