"""Who answers: the model, else similar issues, else the averages; with what the naive baseline would have said."""

import logging
import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median
from typing import Generic, TypeVar
from uuid import UUID

from django.conf import settings

from apps.ml.core.effort import EffortModel
from apps.ml.core.effort.without_model import estimate_without_model
from apps.ml.core.points import PointsModel, load_prior, recommend_with_little_history
from apps.ml.core.records import CompletedIssue, IssueFacts
from apps.ml.core.results import EffortEstimate, PointsRecommendation
from apps.ml.models import ModelType
from apps.ml.services.model_loader import ModelLoader, ModelUnavailable
from apps.ml.services.models.cache import LoadedModel
from apps.ml.services.predictions.likeness import similar_finished
from apps.ml.services.predictions.recent_outcomes import EFFORT_OUTCOMES, POINTS_OUTCOMES
from apps.ml.services.predictions.similar_issues import FINISHED_WORK
from apps.ml.services.predictions.switch import TERMS

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer", EffortEstimate, PointsRecommendation)
#: The baseline recorded with an answer is the median of so many last issues, as the model's own naive level.
BASELINE_ISSUES = 1_000
#: Models learn from people.
_BY_AGENT = "An agent does this, so it is compared with what agents finished."
_UNAVAILABLE = "The trained model could not be loaded just now, so a simpler method answers."


@dataclass(frozen=True, slots=True)
class GivenAnswer(Generic[Answer]):
    """An answer, the model that gave it if one did, and the team's usual value at that moment."""

    answer: Answer
    model: LoadedModel | None
    baseline: float | None


def answer_effort(
    facts: IssueFacts, project_id: UUID | str, *, with_evidence: bool = True
) -> GivenAnswer[EffortEstimate]:
    """Hours, in the seed's order: model, similar issues, averages by type; the team's estimate before the latter.

    The figures are the same without the evidence, finished issues about the same thing, whose search takes longest.
    """
    by_agent = TERMS.of_project(project_id).agents.are_of(facts)
    model, note = (None, _BY_AGENT) if by_agent else _model(ModelType.EFFORT_PREDICTION, project_id)
    if model is not None:
        given = _effort_of_model(model, facts, project_id)
        # The model's own neighbours are as of its training, and a global model has none: evidence is today's.
        evidence = similar_finished(facts, project_id) if with_evidence else ()
        return replace(given, answer=replace(given.answer, similar_issues=evidence))
    work = FINISHED_WORK.of_project(project_id).of(agents=by_agent)
    level = settings.ML_INTERVAL_LEVEL
    estimate = estimate_without_model(facts, work.issues, work.index, work.outcomes, level=level)
    if estimate.method != "similarity" and with_evidence:
        # What similar issues took made no answer; those that may be about the same thing are shown all the same.
        estimate = replace(estimate, similar_issues=similar_finished(facts, project_id))
    return GivenAnswer(_announced(estimate, note), None, _median(issue.actual_hours for issue in work.issues))


def answer_points(
    facts: IssueFacts, project_id: UUID | str, *, with_evidence: bool = True
) -> GivenAnswer[PointsRecommendation]:
    """Story points: model, else the team's few points pooled with what other teams know; evidence as of hours."""
    by_agent = TERMS.of_project(project_id).agents.are_of(facts)
    model, note = (None, _BY_AGENT) if by_agent else _model(ModelType.STORY_POINTS, project_id)
    history = FINISHED_WORK.of_project(project_id).of(agents=by_agent).issues
    if model is not None:
        assert isinstance(model.predictor, PointsModel)  # noqa: S101 - the loader reads by type; this tells mypy
        answer = model.predictor.recommend(
            facts,
            recent=finished_since(history, model.trained_at),
            inside=POINTS_OUTCOMES.of_project(project_id),
            names_words=model.project_id is not None,
        )
    else:
        with_points = [issue for issue in history if issue.story_points]
        answer = _announced(_with_little_history(facts, with_points), note)
    evidence = similar_finished(facts, project_id) if with_evidence else ()
    answer = replace(answer, similar_issues=evidence)
    return GivenAnswer(answer, model, _median(issue.story_points for issue in history))


def _with_little_history(facts: IssueFacts, history: Sequence[CompletedIssue]) -> PointsRecommendation:
    return recommend_with_little_history(facts, history, prior=load_prior(), level=settings.ML_INTERVAL_LEVEL)


def _effort_of_model(model: LoadedModel, facts: IssueFacts, project_id: UUID | str) -> GivenAnswer[EffortEstimate]:
    assert isinstance(model.predictor, EffortModel)  # noqa: S101 - as above
    recent, level = EFFORT_OUTCOMES.of_project(project_id), settings.ML_INTERVAL_LEVEL
    work = None if model.project_id is not None else FINISHED_WORK.of_project(project_id).people
    team = None if work is None else work.record_for(model)
    estimate = model.predictor.estimate(facts, recent=recent, team=team, level=level)
    if work is None:
        return GivenAnswer(estimate, model, math.exp(model.predictor.levels.overall))
    # The level of a global model is that of all teams: the baseline is the asker's own.
    return GivenAnswer(estimate, model, _median(issue.actual_hours for issue in work.issues))


def _model(model_type: str, project_id: UUID | str) -> tuple[LoadedModel | None, str]:
    """The model that serves, and what to say where it should and cannot."""
    try:
        return ModelLoader().load_or_raise(model_type, project_id), ""
    except ModelUnavailable:
        logger.warning("Using fallback prediction type=%s project=%s", model_type, project_id)
        return None, _UNAVAILABLE


def _median(values: Iterable[float | None]) -> float | None:
    """The naive baseline: the team's usual value lately, whatever the issue."""
    known = [value for value in values if value][-BASELINE_ISSUES:]
    return median(known) if known else None


def finished_since(history: Sequence[CompletedIssue], moment: datetime) -> Sequence[CompletedIssue]:
    """Issues whose outcome a model could not know, oldest first."""
    return history[bisect_right(history, moment, key=lambda issue: issue.completed_at) :]


def _announced(answer: Answer, note: str) -> Answer:
    return replace(answer, reasoning=f"{note} {answer.reasoning}") if note else answer
