"""Predicts effort and recommends story points: ask who can answer, record the answer, show it."""

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from apps.common.operations.metrics import PREDICTION_SECONDS
from apps.ml.core.records import IssueFacts
from apps.ml.core.results import SimilarIssue
from apps.ml.core.text import clipped
from apps.ml.models import ModelType, PredictionHistory
from apps.ml.selectors.issues import issue_titles
from apps.ml.services.predictions.answering import Answer, GivenAnswer, answer_effort, answer_points
from apps.ml.services.predictions.record import record_prediction

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
        return {
            "prediction_id": str(row.id),
            "predicted_hours": round(estimate.predicted_hours, 2),
            "expected_hours": round(estimate.expected_hours, 2),
            **_shown(answered, project_id),
        }

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
        return {
            "prediction_id": str(row.id),
            "recommended_points": _plain(answer.recommended_points),
            "probability_distribution": distribution,
            **_shown(answered, project_id),
        }


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
        issue_id=asked.issue_id,
        model_id=model.id if model else None,
        model_version=model.version if model else "",
        **further,
    )


def _remembered(facts: IssueFacts) -> dict[str, Any]:
    """What was known, of a long description the part that was read."""
    known = asdict(facts) | {"description": clipped(facts.description)}
    return {name: value for name, value in known.items() if value not in ("", None, ())}


def _shown(answered: GivenAnswer[Answer], project_id: UUID | str) -> dict[str, Any]:
    """The fields that both answers have, named and rounded as the API shows them."""
    answer, interval = answered.answer, answered.answer.interval
    return {
        "confidence": round(answer.confidence, 3),
        "prediction_range": {"min": round(interval.low, 2), "max": round(interval.high, 2)},
        "range_level": interval.level,
        "range_measured_coverage": interval.measured_coverage,
        "range_outcomes": interval.n_outcomes,
        "method": answer.method,
        "model_version": answer.model_version,
        "reasoning": answer.reasoning,
        "similar_issues": _with_titles(answer.similar_issues, project_id),
        "contributions": [{"name": part.name, "effect": round(part.effect, 3)} for part in answer.contributions],
    }


def _with_titles(similar: tuple[SimilarIssue, ...], project_id: UUID | str) -> list[dict[str, Any]]:
    """Evidence a person can follow: titles are looked up in the asker's own project only."""
    titles = issue_titles(project_id, [issue.issue_id for issue in similar]) if similar else {}
    return [
        {
            "issue_id": issue.issue_id,
            **titles[issue.issue_id],
            "similarity": round(issue.similarity, 3),
            "basis": issue.basis,
            "actual_hours": None if issue.actual_hours is None else round(issue.actual_hours, 2),
            "story_points": issue.story_points,
        }
        for issue in similar
        if issue.issue_id in titles
    ]


def _plain(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value
