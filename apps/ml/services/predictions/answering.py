"""Who answers: the model, else similar issues, else the averages; with what the naive baseline would have said."""

import logging
import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from operator import itemgetter
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
from apps.ml.services.predictions.similar_issues import FINISHED_WORK, Evidence
from apps.ml.services.predictions.switch import TERMS

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer", EffortEstimate, PointsRecommendation)
Given = TypeVar("Given")
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
    return answer_efforts([facts], project_id, with_evidence=with_evidence)[0]


def answer_efforts(
    asked: Sequence[IssueFacts], project_id: UUID | str, *, with_evidence: bool = True
) -> list[GivenAnswer[EffortEstimate]]:
    """The same of many issues, in their order: the model is looked up once, and asked once about all of them."""
    people, agents = _by_whom(asked, project_id)
    model, note = _model(ModelType.EFFORT_PREDICTION, project_id) if people else (None, "")
    of_people = (
        _effort_without_model(list(people.values()), project_id, note, with_evidence=with_evidence)
        if model is None
        else _effort_of_model(model, list(people.values()), project_id, with_evidence=with_evidence)
    )
    of_agents = _effort_without_model(
        list(agents.values()), project_id, _BY_AGENT, by_agent=True, with_evidence=with_evidence
    )
    return _in_order((people, of_people), (agents, of_agents))


def answer_points(
    facts: IssueFacts, project_id: UUID | str, *, with_evidence: bool = True
) -> GivenAnswer[PointsRecommendation]:
    """Story points: model, else the team's few points pooled with what other teams know; evidence as of hours."""
    return answer_points_of([facts], project_id, with_evidence=with_evidence)[0]


def answer_points_of(
    asked: Sequence[IssueFacts], project_id: UUID | str, *, with_evidence: bool = True
) -> list[GivenAnswer[PointsRecommendation]]:
    """The same of many issues, in their order."""
    people, agents = _by_whom(asked, project_id)
    model, note = _model(ModelType.STORY_POINTS, project_id) if people else (None, "")
    given = []
    for by_agent, issues in ((False, people), (True, agents)):
        work = FINISHED_WORK.of_project(project_id).of(agents=by_agent) if issues else None
        recommend = None if work is None else _recommender(work, project_id, None if by_agent else model)
        answers = []
        for facts in issues.values():
            assert work is not None and recommend is not None  # noqa: S101, PT018 - there are issues; this tells mypy
            answer = _announced(recommend(facts), _BY_AGENT if by_agent else note)
            evidence = similar_finished(facts, project_id) if with_evidence else ()
            by = None if by_agent else model
            answers.append(GivenAnswer(replace(answer, similar_issues=evidence), by, work.usual_points))
        given.append((issues, answers))
    return _in_order(*given)


def _by_whom(
    asked: Sequence[IssueFacts], project_id: UUID | str
) -> tuple[dict[int, IssueFacts], dict[int, IssueFacts]]:
    """What people are to do and what agents are, each with its place."""
    marks = TERMS.of_project(project_id).agents
    agents = {place: facts for place, facts in enumerate(asked) if marks.are_of(facts)}
    return {place: facts for place, facts in enumerate(asked) if place not in agents}, agents


def _in_order(*given: tuple[Mapping[int, IssueFacts], Sequence[Given]]) -> list[Given]:
    """Answers in the order of the questions, by their places."""
    found = [pair for places, answers in given for pair in zip(places, answers, strict=True)]
    return [answer for _, answer in sorted(found, key=itemgetter(0))]


def _effort_without_model(
    asked: Sequence[IssueFacts],
    project_id: UUID | str,
    note: str,
    *,
    by_agent: bool = False,
    with_evidence: bool,
) -> list[GivenAnswer[EffortEstimate]]:
    if not asked:
        return []
    work, level = FINISHED_WORK.of_project(project_id).of(agents=by_agent), settings.ML_INTERVAL_LEVEL
    given = []
    for facts in asked:
        estimate = estimate_without_model(facts, work.issues, work.index, work.outcomes, level=level)
        if estimate.method != "similarity" and with_evidence:
            # What similar issues took made no answer; those that may be about the same thing are shown all the same.
            estimate = replace(estimate, similar_issues=similar_finished(facts, project_id))
        given.append(GivenAnswer(_announced(estimate, note), None, work.usual_hours))
    return given


def _effort_of_model(
    model: LoadedModel, asked: Sequence[IssueFacts], project_id: UUID | str, *, with_evidence: bool
) -> list[GivenAnswer[EffortEstimate]]:
    assert isinstance(model.predictor, EffortModel)  # noqa: S101 - the loader reads by type; this tells mypy
    recent, level = EFFORT_OUTCOMES.of_project(project_id), settings.ML_INTERVAL_LEVEL
    work = None if model.project_id is not None else FINISHED_WORK.of_project(project_id).people
    team = None if work is None else work.record_for(model)
    # The model's own neighbours are as of its training, and a global model has none: evidence is today's.
    estimates = model.predictor.estimates(asked, recent=recent, team=team, level=level, evidence=False)
    # The level of a global model is that of all teams: the baseline is the asker's own.
    baseline = math.exp(model.predictor.levels.overall) if work is None else work.usual_hours
    return [
        GivenAnswer(
            replace(estimate, similar_issues=similar_finished(facts, project_id) if with_evidence else ()),
            model,
            baseline,
        )
        for facts, estimate in zip(asked, estimates, strict=True)
    ]


def _recommender(
    work: Evidence, project_id: UUID | str, model: LoadedModel | None
) -> Callable[[IssueFacts], PointsRecommendation]:
    """What recommends points: the model, else what other teams know with the few points there are."""
    if model is None:
        level = settings.ML_INTERVAL_LEVEL
        return lambda facts: recommend_with_little_history(facts, work.with_points, prior=load_prior(), level=level)
    assert isinstance(model.predictor, PointsModel)  # noqa: S101 - as above
    return partial(
        model.predictor.recommend,
        recent=finished_since(work.issues, model.trained_at),
        inside=POINTS_OUTCOMES.of_project(project_id),
        names_words=model.project_id is not None,
    )


def _model(model_type: str, project_id: UUID | str) -> tuple[LoadedModel | None, str]:
    """The model that serves, and what to say where it should and cannot."""
    try:
        return ModelLoader().load_or_raise(model_type, project_id), ""
    except ModelUnavailable:
        logger.warning("Using fallback prediction type=%s project=%s", model_type, project_id)
        return None, _UNAVAILABLE


def finished_since(history: Sequence[CompletedIssue], moment: datetime) -> Sequence[CompletedIssue]:
    """Issues whose outcome a model could not know, oldest first."""
    return history[bisect_right(history, moment, key=lambda issue: issue.completed_at) :]


def _announced(answer: Answer, note: str) -> Answer:
    return replace(answer, reasoning=f"{note} {answer.reasoning}") if note else answer
