"""Recommended story points as the history keeps them."""

from collections.abc import Sequence
from typing import Any

from apps.ml.core.results import PointsRecommendation
from apps.ml.models import ModelType
from apps.ml.services.predictions.given import GivenAnswer
from apps.ml.services.predictions.questions import Asker, IssueQuestion, record_answers
from apps.ml.services.predictions.record import Row


def record_points(
    asker: Asker, asked: Sequence[IssueQuestion], given: Sequence[GivenAnswer[PointsRecommendation]]
) -> list[Row]:
    """Store recommendations; their distribution is as clients see it."""
    return record_answers(ModelType.STORY_POINTS, asker, asked, given, _figures)


def _figures(_: IssueQuestion, given: GivenAnswer[PointsRecommendation]) -> dict[str, Any]:
    chances = given.answer.probabilities
    return {
        "predicted_value": given.answer.recommended_points,
        "details": {
            "probabilities": {f"{value:g}": round(share, 4) for value, share in chances.items()},
            "one_step": given.answer.one_step,
            "baseline_points": given.baseline,
        },
    }
