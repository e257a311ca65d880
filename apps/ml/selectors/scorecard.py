"""Scored predictions of a project, and those that still wait for their truth."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, Sum

from apps.ml.models import ModelType, PredictionAggregate, PredictionHistory

#: The window where none is asked for.
DEFAULT_DAYS = 90
#: Ten years: beyond it the window is a slip of the keyboard.
MAX_DAYS = 3_650
#: Kinds that have a truth.
SCORED_KINDS = (
    ModelType.EFFORT_PREDICTION,
    ModelType.STORY_POINTS,
    ModelType.TASK_ASSIGNMENT,
    ModelType.SPRINT_DURATION,
    PredictionHistory.Kind.SPRINT_OUTCOME,
    PredictionHistory.Kind.SPRINT_RISK,
    PredictionHistory.Kind.FORECAST,
    PredictionHistory.Kind.WHAT_IF,
)
#: Kinds that tell days or amounts until a day; of those that can be held against something it is known since when.
DATED_KINDS = (
    ModelType.SPRINT_DURATION,
    PredictionHistory.Kind.FORECAST,
    PredictionHistory.Kind.WHAT_IF,
)
#: Bound of one scorecard, the newest outcomes of the window: a busy team's year, and half a second of resampling.
MOST_OUTCOMES = 5_000
_COLUMNS = (
    "prediction_type",
    "method",
    "issue_id",
    "sprint_id",
    "created_at",
    "actual_value",
    "predicted_value",
    "range_low",
    "range_high",
    "range_level",
    "confidence",
    "details__estimated_hours",
    "details__baseline_hours",
    "details__baseline_points",
    "details__one_step",
    "details__committed",
    "details__scope",
    "details__unit",
    "details__at_least",
    "details__days",
    "details__days_left",
    "details__probability_in_time",
    "details__at_least_so_long",
)


@dataclass(frozen=True, slots=True)
class OpenPredictions:
    """Predictions of one type without a truth."""

    #: About an issue that is not finished, or finished without hours or points, or a sprint that is not closed.
    waiting: int
    #: About no issue and no sprint: nothing will ever tell how they turned out.
    about_no_issue: int
    #: By reason, those that were given up: what they supposed did not come about, say.
    unscored: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RemovedSums:
    """Scored answers whose rows were removed for age: only sums are left, of every answer, repeated ones included."""

    n: int
    mean_absolute_error: float
    #: None where no pair was positive, and where no answer had a range.
    mean_absolute_log_ratio: float | None
    coverage: float | None


def scored_rows(project_id: UUID | str, *, since: datetime, until: datetime) -> tuple[Sequence[dict[str, Any]], bool]:
    """Predictions whose outcome became known in the window, the earliest answer first, and whether that is not all.

    At most the newest MOST_OUTCOMES are read.
    """
    rows = list(
        PredictionHistory.objects.filter(
            project_id=project_id,
            prediction_type__in=SCORED_KINDS,
            scored_at__gt=since,
            scored_at__lte=until,
            predicted_value__isnull=False,
        )
        .order_by("-scored_at", "-created_at", "-id")
        .values(*_COLUMNS)[: MOST_OUTCOMES + 1]
    )
    return sorted(rows[:MOST_OUTCOMES], key=lambda row: row["created_at"]), len(rows) > MOST_OUTCOMES


def removed_outcomes(project_id: UUID | str, *, since: datetime) -> dict[tuple[str, str], RemovedSums]:
    """What is left of removed rows, by type and method, over the whole months that lie in the window."""
    months = PredictionAggregate.objects.filter(
        project_id=project_id, prediction_type__in=SCORED_KINDS, month__gte=since.astimezone(UTC).date(), n__gt=0
    )
    sums = (
        months.order_by()
        .values("prediction_type", "method")
        .annotate(
            answers=Sum("n"),
            error=Sum("sum_absolute_error"),
            log_error=Sum("sum_absolute_log_error"),
            with_ratio=Sum("n_log"),
            ranged=Sum("n_ranged"),
            covered=Sum("n_covered"),
        )
        .order_by("prediction_type", "method")
    )
    return {
        (row["prediction_type"], row["method"]): RemovedSums(
            n=row["answers"],
            mean_absolute_error=row["error"] / row["answers"],
            mean_absolute_log_ratio=_ratio(row["log_error"], row["with_ratio"]),
            coverage=_ratio(row["covered"], row["ranged"]),
        )
        for row in sums
    }


def _ratio(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def waiting_predictions(project_id: UUID | str) -> dict[str, OpenPredictions]:
    """Predictions without a truth, by type; those made after the work was done are never scored and not counted."""
    open_rows = PredictionHistory.objects.filter(
        project_id=project_id, prediction_type__in=SCORED_KINDS, actual_value__isnull=True
    )
    unfinished = Q(issue__isnull=False, issue__resolved_at__isnull=True)
    truth_missing = Q(issue__resolved_at__gt=F("created_at"))
    not_closed = Q(issue__isnull=True, sprint__isnull=False, sprint__snapshot__isnull=True)
    of_work = ~Q(prediction_type__in=DATED_KINDS) & (unfinished | truth_missing | not_closed)
    is_dated = Q(prediction_type__in=DATED_KINDS, details__has_key="first_day")
    about_nothing = ~Q(prediction_type__in=DATED_KINDS) & Q(issue__isnull=True, sprint__isnull=True)
    undated = Q(prediction_type__in=DATED_KINDS) & ~Q(details__has_key="first_day")
    counts = (
        open_rows.order_by()
        .values("prediction_type", "details__unscored")
        .annotate(
            n=Count("id"),
            waiting=Count("id", filter=of_work | is_dated),
            about_no_issue=Count("id", filter=about_nothing | undated),
        )
    )
    found: dict[str, OpenPredictions] = {kind: OpenPredictions(0, 0) for kind in SCORED_KINDS}
    for row in counts:
        kind, reason, known = row["prediction_type"], row["details__unscored"], found[row["prediction_type"]]
        found[kind] = (
            replace(known, unscored=known.unscored | {reason: row["n"]})
            if reason
            else replace(known, waiting=row["waiting"], about_no_issue=row["about_no_issue"])
        )
    return found


#: The online correction looks at the last 300 with and the last 300 without the team's estimate.
RECENT_OUTCOMES = 600


def recent_outcomes(kind: str, project_id: UUID | str, *, newest: int = RECENT_OUTCOMES) -> Sequence[PredictionHistory]:
    """The last scored predictions of a project, oldest outcome first.

    An issue counts once, with the latest answer about it: asking again teaches nothing, and a viewer who asks 300 times
    must not own the record.
    """
    later = PredictionHistory.objects.filter(
        issue=OuterRef("issue"), prediction_type=kind, created_at__gt=OuterRef("created_at"), scored_at__isnull=False
    )
    rows = (
        PredictionHistory.objects.filter(~Exists(later), project_id=project_id, prediction_type=kind)
        .filter(scored_at__isnull=False)
        .only("method", "predicted_value", "range_low", "range_high", "confidence", "details", "actual_value")
        .order_by("-scored_at", "-created_at")[:newest]
    )
    return list(reversed(rows))
