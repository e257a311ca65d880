"""Estimates of hours as the history keeps them."""

from collections.abc import Sequence
from typing import Any

from apps.ml.core.results import EffortEstimate
from apps.ml.models import ModelType
from apps.ml.services.predictions.given import GivenAnswer
from apps.ml.services.predictions.questions import Asker, IssueQuestion, record_answers
from apps.ml.services.predictions.record import Row


def record_efforts(
    asker: Asker, asked: Sequence[IssueQuestion], given: Sequence[GivenAnswer[EffortEstimate]]
) -> list[Row]:
    """Store estimates, each with what will score it."""
    return record_answers(ModelType.EFFORT_PREDICTION, asker, asked, given, _figures)


def _figures(question: IssueQuestion, given: GivenAnswer[EffortEstimate]) -> dict[str, Any]:
    return {
        "predicted_value": given.answer.predicted_hours,
        "expected_value": given.answer.expected_hours,
        "details": {
            "log_scale": given.answer.log_scale,
            "used_estimate": given.answer.used_estimate,
            "estimated_hours": question.facts.estimated_hours,
            "baseline_hours": given.baseline,
        },
    }
