"""Hours and story points: the model answers, else similar issues, else the averages; every answer is recorded."""

import logging
import math
import time
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from django.conf import settings

from apps.common.metrics import PREDICTION_SECONDS
from apps.ml.core.effort import EffortModel
from apps.ml.core.heuristics import estimate_from_similar, estimate_from_type
from apps.ml.core.points import PointsModel, load_prior, recommend_with_little_history
from apps.ml.core.records import CompletedIssue, IssueFacts
from apps.ml.core.results import EffortEstimate, PointsRecommendation, SimilarIssue
from apps.ml.models import ModelType, PredictionHistory
from apps.ml.selectors.issues import issue_titles
from apps.ml.services.history import record_prediction
from apps.ml.services.model_cache import LoadedModel
from apps.ml.services.model_loader import ModelLoader, ModelUnavailable
from apps.ml.services.recent_outcomes import EFFORT_OUTCOMES
from apps.ml.services.similar_issues import FINISHED_WORK

if TYPE_CHECKING:
    from apps.accounts.models import User

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer", EffortEstimate, PointsRecommendation)
#: Similar issues shown with an answer.
SHOWN_SIMILAR_ISSUES = 5
#: The baseline recorded with an answer is the median of so many last issues, as the model's own naive level.
BASELINE_ISSUES = 1_000
_UNAVAILABLE = "The trained model could not be loaded just now, so a simpler method answers."


class PredictionService:
    """Predicts effort and recommends story points; instances are cheap."""

    def __init__(self) -> None:
        self._loader = ModelLoader()

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
        facts = IssueFacts(title=title, description=description, issue_type=issue_type.casefold(), **known)
        started = time.perf_counter()
        estimate, model, baseline_hours = self._effort(facts, project_id)
        _observe(ModelType.EFFORT_PREDICTION, estimate.method, started)
        row = record_prediction(
            kind=PredictionHistory.Kind.EFFORT,
            method=estimate.method,
            project_id=UUID(str(project_id)),
            user=user,
            input=_stored(facts),
            predicted_value=estimate.predicted_hours,
            expected_value=estimate.expected_hours,
            interval=estimate.interval,
            confidence=estimate.confidence,
            details={
                "log_scale": estimate.log_scale,
                "used_estimate": estimate.used_estimate,
                "estimated_hours": facts.estimated_hours,
                "baseline_hours": baseline_hours,
            },
            issue_id=issue_id,
            model_id=model.id if model else None,
            model_version=model.version if model else "",
        )
        return {
            "prediction_id": str(row.id),
            "predicted_hours": round(estimate.predicted_hours, 2),
            "expected_hours": round(estimate.expected_hours, 2),
            **_common(estimate, project_id),
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
        facts = IssueFacts(title=title, description=description, issue_type=issue_type.casefold(), **known)
        started = time.perf_counter()
        answer, model, baseline_points = self._points(facts, project_id)
        _observe(ModelType.STORY_POINTS, answer.method, started)
        distribution = {f"{value:g}": round(share, 4) for value, share in answer.probabilities.items()}
        row = record_prediction(
            kind=PredictionHistory.Kind.POINTS,
            method=answer.method,
            project_id=UUID(str(project_id)),
            user=user,
            input=_stored(facts),
            predicted_value=answer.recommended_points,
            interval=answer.interval,
            confidence=answer.confidence,
            details={
                "probabilities": distribution,
                "one_step": answer.one_step,
                "baseline_points": baseline_points,
            },
            issue_id=issue_id,
            model_id=model.id if model else None,
            model_version=model.version if model else "",
        )
        return {
            "prediction_id": str(row.id),
            "recommended_points": _plain(answer.recommended_points),
            "probability_distribution": distribution,
            **_common(answer, project_id),
        }

    def _effort(
        self, facts: IssueFacts, project_id: UUID | str
    ) -> tuple[EffortEstimate, LoadedModel | None, float | None]:
        """The seed's order: model, similar issues, averages by type. Also what the naive baseline says."""
        model, note = self._model(ModelType.EFFORT_PREDICTION, project_id)
        if model is not None:
            assert isinstance(model.predictor, EffortModel)  # noqa: S101 - the loader reads by type; this tells mypy
            recent = EFFORT_OUTCOMES.of_project(project_id)
            estimate = model.predictor.estimate(facts, recent=recent, level=settings.ML_INTERVAL_LEVEL)
            if model.project_id is None:  # a global model knows no issues; its asker's project does
                estimate = replace(estimate, similar_issues=_similar(facts, project_id))
            return estimate, model, _baseline_hours(model, project_id)
        history, index = FINISHED_WORK.of_project(project_id)
        with_hours = [issue for issue in history if issue.actual_hours]
        level = settings.ML_INTERVAL_LEVEL
        estimate = estimate_from_similar(facts, index, level=level) or estimate_from_type(
            facts, with_hours, level=level
        )
        return _announced(estimate, note), None, _median(issue.actual_hours for issue in history[-BASELINE_ISSUES:])

    def _points(
        self, facts: IssueFacts, project_id: UUID | str
    ) -> tuple[PointsRecommendation, LoadedModel | None, float | None]:
        model, note = self._model(ModelType.STORY_POINTS, project_id)
        history, _ = FINISHED_WORK.of_project(project_id)
        if model is not None:
            assert isinstance(model.predictor, PointsModel)  # noqa: S101 - as above
            answer = model.predictor.recommend(facts, recent=_finished_since(history, model.trained_at))
        else:
            with_points = [issue for issue in history if issue.story_points]
            answer = recommend_with_little_history(facts, with_points, prior=load_prior())
            answer = _announced(answer, note)
        baseline = _median(issue.story_points for issue in history[-BASELINE_ISSUES:])
        return replace(answer, similar_issues=_similar(facts, project_id)), model, baseline

    def _model(self, model_type: str, project_id: UUID | str) -> tuple[LoadedModel | None, str]:
        """The model that serves, and what to say where it should and cannot."""
        try:
            return self._loader.load_or_raise(model_type, project_id), ""
        except ModelUnavailable:
            logger.warning("Using fallback prediction type=%s project=%s", model_type, project_id)
            return None, _UNAVAILABLE


def _baseline_hours(model: LoadedModel, project_id: UUID | str) -> float | None:
    """The team's median as its own model keeps it; a global model's is of all teams, and too easy to beat."""
    assert isinstance(model.predictor, EffortModel)  # noqa: S101 - as above
    if model.project_id is not None:
        return math.exp(model.predictor.levels.overall)
    return _median(issue.actual_hours for issue in FINISHED_WORK.of_project(project_id)[0][-BASELINE_ISSUES:])


def _median(values: Iterable[float | None]) -> float | None:
    """The naive baseline: the team's usual value, whatever the issue."""
    known = [value for value in values if value]
    return median(known) if known else None


def _similar(facts: IssueFacts, project_id: UUID | str) -> tuple[SimilarIssue, ...]:
    _, index = FINISHED_WORK.of_project(project_id)
    return tuple(index.query(facts, k=SHOWN_SIMILAR_ISSUES))


def _finished_since(history: Sequence[CompletedIssue], moment: datetime) -> Sequence[CompletedIssue]:
    """Issues whose outcome a model could not know, oldest first."""
    return history[bisect_right(history, moment, key=lambda issue: issue.completed_at) :]


def _announced(answer: Answer, note: str) -> Answer:
    return replace(answer, reasoning=f"{note} {answer.reasoning}") if note else answer


def _common(answer: EffortEstimate | PointsRecommendation, project_id: UUID | str) -> dict[str, Any]:
    """The fields that both answers have, named and rounded as the API shows them."""
    interval = answer.interval
    return {
        "confidence": round(answer.confidence, 3),
        "prediction_range": {"min": round(interval.low, 2), "max": round(interval.high, 2)},
        "range_level": interval.level,
        "range_measured_coverage": interval.measured_coverage,
        "range_outcomes": interval.n_outcomes,
        "method": answer.method,
        "model_version": answer.model_version,
        "reasoning": answer.reasoning,
        "similar_issues": _shown(answer.similar_issues, project_id),
        "contributions": [{"name": part.name, "effect": round(part.effect, 3)} for part in answer.contributions],
    }


def _shown(similar: tuple[SimilarIssue, ...], project_id: UUID | str) -> list[dict[str, Any]]:
    """Evidence a person can follow: titles are looked up in the asker's own project only."""
    titles = issue_titles(project_id, [issue.issue_id for issue in similar]) if similar else {}
    return [
        {
            "issue_id": issue.issue_id,
            **titles[issue.issue_id],
            "similarity": round(issue.similarity, 3),
            "actual_hours": issue.actual_hours,
            "story_points": issue.story_points,
        }
        for issue in similar
        if issue.issue_id in titles
    ]


def _stored(facts: IssueFacts) -> dict[str, Any]:
    return {name: value for name, value in asdict(facts).items() if value not in ("", None, ())}


def _plain(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value


def _observe(model_type: str, method: str, started: float) -> None:
    PREDICTION_SECONDS.labels(type=model_type, method=method).observe(time.perf_counter() - started)
