"""Recommended story points as the history keeps them."""

from collections.abc import Sequence

from apps.ml.core.results import PointsRecommendation
from apps.ml.models import ModelType, PredictionHistory
from apps.ml.services.predictions.given import GivenAnswer
from apps.ml.services.predictions.questions import Asker, IssueQuestion, answer_row, scored
from apps.ml.services.predictions.record import record_predictions


def record_points(
    asker: Asker, asked: Sequence[IssueQuestion], given: Sequence[GivenAnswer[PointsRecommendation]]
) -> list[PredictionHistory]:
    """Store recommendations; their distribution is as clients see it."""
    rows = [
        answer_row(
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
        for question, issue_id, each in zip(asked, scored(asker, asked), given, strict=True)
    ]
    record_predictions(asker.project_id, rows)
    return rows
