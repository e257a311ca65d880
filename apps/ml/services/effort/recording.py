"""Estimates of hours as the history keeps them."""

from collections.abc import Sequence

from apps.ml.core.results import EffortEstimate
from apps.ml.models import ModelType, PredictionHistory
from apps.ml.services.predictions.given import GivenAnswer
from apps.ml.services.predictions.questions import Asker, IssueQuestion, answer_row, scored
from apps.ml.services.predictions.record import record_predictions


def record_efforts(
    asker: Asker, asked: Sequence[IssueQuestion], given: Sequence[GivenAnswer[EffortEstimate]]
) -> list[PredictionHistory]:
    """Store estimates, each with what will score it."""
    rows = [
        answer_row(
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
        for question, issue_id, each in zip(asked, scored(asker, asked), given, strict=True)
    ]
    record_predictions(asker.project_id, rows)
    return rows
