"""A question about an issue, and its answer as the history keeps it: the same for one issue and for many."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from apps.ml.core.records import IssueFacts
from apps.ml.core.results import EffortEstimate, PointsRecommendation
from apps.ml.core.text import clipped
from apps.ml.models import ModelType, PredictionHistory
from apps.ml.services.predictions.answering import Answer, GivenAnswer
from apps.ml.services.predictions.record import prediction_row, record_predictions
from apps.ml.services.predictions.whose_record import issues_to_score

if TYPE_CHECKING:
    from apps.accounts.models import User


@dataclass(frozen=True, slots=True)
class IssueQuestion:
    """What is asked, of an issue that there is or will be."""

    facts: IssueFacts
    issue_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, about which project."""

    project_id: UUID
    user: "User | None"


def record_efforts(
    asker: Asker, asked: Sequence[IssueQuestion], given: Sequence[GivenAnswer[EffortEstimate]]
) -> list[PredictionHistory]:
    """Store estimates, each with what will score it."""
    rows = [
        _row(
            ModelType.EFFORT_PREDICTION,
            asker,
            (question, issue_id),
            each,
            predicted_value=each.answer.predicted_hours,
            expected_value=each.answer.expected_hours,
            details={
                "log_scale": each.answer.log_scale,
                "used_estimate": each.answer.used_estimate,
                "estimated_hours": question.facts.estimated_hours,
                "baseline_hours": each.baseline,
            },
        )
        for question, issue_id, each in zip(asked, _scored(asker, asked), given, strict=True)
    ]
    record_predictions(asker.project_id, rows)
    return rows


def record_points(
    asker: Asker, asked: Sequence[IssueQuestion], given: Sequence[GivenAnswer[PointsRecommendation]]
) -> list[PredictionHistory]:
    """Store recommendations; their distribution is as clients see it."""
    rows = [
        _row(
            ModelType.STORY_POINTS,
            asker,
            (question, issue_id),
            each,
            predicted_value=each.answer.recommended_points,
            details={
                "probabilities": {f"{value:g}": round(share, 4) for value, share in each.answer.probabilities.items()},
                "one_step": each.answer.one_step,
                "baseline_points": each.baseline,
            },
        )
        for question, issue_id, each in zip(asked, _scored(asker, asked), given, strict=True)
    ]
    record_predictions(asker.project_id, rows)
    return rows


def _scored(asker: Asker, asked: Sequence[IssueQuestion]) -> list[UUID | None]:
    return issues_to_score([(each.issue_id, each.facts) for each in asked], asker.project_id, asker.user)


def _row(
    kind: str, asker: Asker, about: tuple[IssueQuestion, UUID | None], given: GivenAnswer[Answer], **figures: Any
) -> PredictionHistory:
    question, issue_id = about
    return prediction_row(
        kind=kind,
        method=given.answer.method,
        project_id=asker.project_id,
        user=asker.user,
        input=_remembered(question.facts),
        interval=given.answer.interval,
        confidence=given.answer.confidence,
        issue_id=issue_id,
        model_id=given.model.id if given.model else None,
        model_version=given.model.version if given.model else "",
        **figures,
    )


def _remembered(facts: IssueFacts) -> dict[str, Any]:
    """What was known, of a long description the part that was read."""
    known = {name: getattr(facts, name) for name in facts.__slots__} | {"description": clipped(facts.description)}
    return {name: value for name, value in known.items() if value not in ("", None, ())}
