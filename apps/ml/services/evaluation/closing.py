"""Predictions meet their truth, once; only with the books of its sprint it goes again, see `opening`."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, FloatField, OuterRef, Q, QuerySet, Subquery

from apps.common.operations.database_faults import by_itself
from apps.ml.models import PredictionHistory
from apps.ml.services.evaluation.judging import DATED, held_books, judge_dates, judge_people, judge_risks
from apps.ml.services.models.kinds import KINDS
from apps.projects.models import Issue, Project, SprintSnapshot
from apps.projects.rows import few_of_each, in_parts
from apps.projects.selectors import ids_after

logger = logging.getLogger(__name__)
#: Of a kind, in one run of the tasks of every minute: half a second. The rest has its turn in the next one.
MOST_AT_ONCE = 10_000
#: Sprints whose books are held in one transaction: who opens one of them waits for it.
SPRINTS_AT_ONCE = 50
#: Who exports by hand does so at least once a sprint, and sprints of a week are the shortest that are usual.
LATE_NEWS_WITHIN = timedelta(days=7)


def record_outcomes(*, now: datetime, project_id: UUID | str | None = None) -> int:
    """Close every open prediction about a finished issue or a closed sprint with its truth; returns how many.

    One UPDATE a kind, of rows that are open and that nobody else holds, so that two workers close each row exactly once
    and whoever deletes a project is not waited for; so many at a time, of each project in turn. It does not matter who
    finished the issue: the API, an import, or the admin.
    """
    closed = _close_issues(project_id, now) + _close_sprints(project_id, now)
    with by_itself("record_prediction_outcomes", judge_people):
        closed += judge_people(_of(project_id), now=now)
    with by_itself("record_prediction_outcomes", judge_risks):
        closed += judge_risks(rows_about_closed_sprints(project_id, now), now=now)
    if closed:
        logger.info("Outcomes recorded predictions=%d project=%s", closed, project_id)
    return closed


def record_dated_outcomes(*, now: datetime, project_id: UUID | str | None = None) -> int:
    """Close open answers about days and amounts whose dates have passed or whose work is done; returns how many."""
    return judge_dates(_of(project_id), now=now)


def projects_with_dated_answers(after: str = "") -> Iterator[UUID]:
    """Of which some are open; by their ids."""
    answers = PredictionHistory.objects.filter(project=OuterRef("pk"), prediction_type__in=DATED, actual_value=None)
    return ids_after(Project.objects.filter(Exists(answers)), after)


def _close_issues(project_id: UUID | str | None, now: datetime) -> int:
    closed = 0
    for model_type, column in _columns().items():
        truth = Subquery(Issue.objects.filter(id=OuterRef("issue_id")).values(column)[:1])
        with by_itself("record_prediction_outcomes", model_type):
            closed += _close(_open(model_type, column, project_id), truth, now)
    return closed


def _close_sprints(project_id: UUID | str | None, now: datetime) -> int:
    closed = 0
    for unit in ("points", "issues"):
        outcomes = rows_about_closed_sprints(project_id, now).filter(
            prediction_type=PredictionHistory.Kind.SPRINT_OUTCOME, details__unit=unit
        )
        with by_itself("record_prediction_outcomes", unit):
            closed += _close_in_parts(outcomes, unit, now)
    return closed


def _close_in_parts(rows: QuerySet[PredictionHistory], unit: str, now: datetime) -> int:
    """Those that come next, in the order of their sprints: what cannot be closed now keeps no other from its turn."""
    few = rows.filter(pk__in=few_of_each(rows, MOST_AT_ONCE))
    sprint_ids = list(few.order_by("sprint_id").values_list("sprint_id", flat=True).distinct())
    closed = 0
    for some in in_parts(sprint_ids, SPRINTS_AT_ONCE):
        with by_itself("record_prediction_outcomes", some[0]):
            closed += _close_by_books(rows, some, unit, now)
    return closed


@transaction.atomic
def _close_by_books(
    rows: QuerySet[PredictionHistory], sprint_ids: Sequence[UUID | None], unit: str, now: datetime
) -> int:
    held = held_books(sprint_ids)
    if not held:
        return 0
    delivered = F(f"completed_{unit}") + F(f"done_outside_{unit}")
    books = SprintSnapshot.objects.filter(sprint_id=OuterRef("sprint_id")).annotate(delivered=delivered)
    truth = Subquery(books.values("delivered")[:1], output_field=FloatField())
    return _close(rows.filter(sprint_id__in=list(held)), truth, now)


@transaction.atomic
def _close(rows: QuerySet[PredictionHistory], truth: "Subquery[Any]", now: datetime) -> int:
    """Of all projects at once, so of rows in any order: what somebody holds is left for the next minute."""
    few = rows.filter(pk__in=few_of_each(rows, MOST_AT_ONCE))
    free = few.select_for_update(skip_locked=True, of=("self",))
    return PredictionHistory.objects.filter(id__in=free).update(actual_value=truth, scored_at=now)


def _of(project_id: UUID | str | None) -> QuerySet[PredictionHistory]:
    rows = PredictionHistory.objects.all()
    return rows if project_id is None else rows.filter(project_id=project_id)


def _columns() -> dict[str, str]:
    """Which column of a finished issue is the truth of which prediction."""
    return {model_type: kind.truth.column for model_type, kind in KINDS.items() if kind.truth}


def _open(kind: str, field: str, project_id: UUID | str | None) -> QuerySet[PredictionHistory]:
    finished = Issue.objects.filter(resolved_at__isnull=False, **{f"{field}__gt": 0})
    return _of(project_id).filter(
        # A prediction made after the work was done knew the outcome; it is never scored.
        prediction_type=kind,
        actual_value__isnull=True,
        issue_id__in=finished.values("id"),
        issue__resolved_at__gt=F("created_at"),
    )


def rows_about_closed_sprints(project_id: UUID | str | None, now: datetime) -> QuerySet[PredictionHistory]:
    """Open answers given before the sprint was closed; its snapshot says what had been delivered then.

    Books that a plan closed may be closed anew by what the next import tells.
    """
    is_told = Q(sprint__source="") | Q(sprint__completed_at__isnull=False)
    return _of(project_id).filter(
        is_told | Q(sprint__snapshot__frozen_at__lte=now - LATE_NEWS_WITHIN),
        actual_value__isnull=True,
        sprint__snapshot__frozen_at__gt=F("created_at"),
    )
