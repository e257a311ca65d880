"""Predicts effort and recommends story points: ask who can answer, record the answer, show it."""

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from apps.common.api.answers import Joined
from apps.common.operations.metrics import PREDICTION_SECONDS
from apps.ml.core.records import IssueFacts
from apps.ml.core.results import SimilarIssue
from apps.ml.core.text import clipped
from apps.ml.models import ModelType, PredictionHistory
from apps.ml.selectors.issues import issue_titles
from apps.ml.serializers.predictions import EffortPredictionResponse, PointsRecommendationResponse
from apps.ml.services.predictions.answering import Answer, GivenAnswer, answer_effort, answer_points
from apps.ml.services.predictions.record import record_prediction
from apps.ml.services.predictions.whose_record import issue_to_score

if TYPE_CHECKING:
    from apps.accounts.models import User


@dataclass(frozen=True, slots=True)
class _Question:
    """What was asked, about which project, by whom."""

    kind: str
    facts: IssueFacts
    project_id: UUID
    user: "User | None"
    issue_id: UUID | None


class PredictionService:
    """The two predictions for an issue; instances are cheap."""

    def predict_issue_effort(
        self,
        title: str,
        description: str = "",
        issue_type: str = "",
        project_id: UUID | str = "",
        *,
        user: "User | None" = None,
        issue_id: UUID | None = None,
        **known: Any,
    ) -> dict[str, Any]:
        """Hours for an issue; `known` are further fields of `IssueFacts` (priority, story_points, component, …).

        Returns
        -------
        dict
            The fields of the API's answer: `predicted_hours`, `confidence`, `prediction_range`, `method` and so on.
        """
        facts = IssueFacts(title, description, issue_type.casefold(), **known)
        asked = _Question(ModelType.EFFORT_PREDICTION, facts, UUID(str(project_id)), user, issue_id)
        started = time.perf_counter()
        answered = answer_effort(facts, project_id)
        _observe(asked, answered, started)
        estimate = answered.answer
        details = {
            "log_scale": estimate.log_scale,
            "used_estimate": estimate.used_estimate,
            "estimated_hours": facts.estimated_hours,
            "baseline_hours": answered.baseline,
        }
        row = _record(asked, answered, estimate.predicted_hours, details, expected_value=estimate.expected_hours)
        similar = _named(estimate.similar_issues, project_id)
        return EffortPredictionResponse.of(estimate, prediction_id=row.id, similar_issues=similar)

    def recommend_story_points(
        self,
        title: str,
        description: str = "",
        issue_type: str = "",
        project_id: UUID | str = "",
        *,
        user: "User | None" = None,
        issue_id: UUID | None = None,
        **known: Any,
    ) -> dict[str, Any]:
        """Story points for an issue, as a distribution over the team's own scale."""
        facts = IssueFacts(title, description, issue_type.casefold(), **known)
        asked = _Question(ModelType.STORY_POINTS, facts, UUID(str(project_id)), user, issue_id)
        started = time.perf_counter()
        answered = answer_points(facts, project_id)
        _observe(asked, answered, started)
        answer = answered.answer
        distribution = {f"{value:g}": round(share, 4) for value, share in answer.probabilities.items()}
        details = {
            "probabilities": distribution,
            "one_step": answer.one_step,
            "baseline_points": answered.baseline,
        }
        row = _record(asked, answered, answer.recommended_points, details)
        return PointsRecommendationResponse.of(
            answer,
            prediction_id=row.id,
            probability_distribution=distribution,
            similar_issues=_named(answer.similar_issues, project_id),
        )


def _observe(asked: _Question, answered: GivenAnswer[Any], started: float) -> None:
    PREDICTION_SECONDS.labels(type=asked.kind, method=answered.answer.method).observe(time.perf_counter() - started)


def _record(
    asked: _Question, answered: GivenAnswer[Answer], value: float, details: dict[str, Any], **further: Any
) -> PredictionHistory:
    model = answered.model
    return record_prediction(
        kind=asked.kind,
        method=answered.answer.method,
        project_id=asked.project_id,
        user=asked.user,
        input=_remembered(asked.facts),
        predicted_value=value,
        interval=answered.answer.interval,
        confidence=answered.answer.confidence,
        details=details,
        issue_id=issue_to_score(asked.issue_id, asked.facts, asked.project_id, asked.user),
        model_id=model.id if model else None,
        model_version=model.version if model else "",
        **further,
    )


def _remembered(facts: IssueFacts) -> dict[str, Any]:
    """What was known, of a long description the part that was read."""
    known = asdict(facts) | {"description": clipped(facts.description)}
    return {name: value for name, value in known.items() if value not in ("", None, ())}


def _named(similar: tuple[SimilarIssue, ...], project_id: UUID | str) -> list[Joined]:
    """Evidence a person can follow: titles are looked up in the asker's own project only."""
    titles = issue_titles(project_id, [issue.issue_id for issue in similar]) if similar else {}
    return [Joined(issue, **titles[issue.issue_id]) for issue in similar if issue.issue_id in titles]
