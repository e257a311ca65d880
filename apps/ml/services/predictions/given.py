"""An answer as it is given: by which model, beside what the naive baseline would have said, and for whom it is."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Generic, TypeVar
from uuid import UUID

from apps.ml.core.records import IssueFacts
from apps.ml.core.results import EffortEstimate, PointsRecommendation
from apps.ml.services.model_loader import ModelLoader, ModelUnavailable
from apps.ml.services.models.cache import LoadedModel
from apps.ml.services.predictions.switch import TERMS

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer", EffortEstimate, PointsRecommendation)
Given = TypeVar("Given")
#: Models learn from people.
BY_AGENT = "An agent does this, so it is compared with what agents finished."
_UNAVAILABLE = "The trained model could not be loaded just now, so a simpler method answers."


@dataclass(frozen=True, slots=True)
class GivenAnswer(Generic[Answer]):
    """An answer, the model that gave it if one did, and the team's usual value at that moment."""

    answer: Answer
    model: LoadedModel | None
    baseline: float | None


def by_whom(asked: Sequence[IssueFacts], project_id: UUID | str) -> tuple[dict[int, IssueFacts], dict[int, IssueFacts]]:
    """What people are to do and what agents are, each with its place."""
    marks = TERMS.of_project(project_id).agents
    agents = {place: facts for place, facts in enumerate(asked) if marks.are_of(facts)}
    return {place: facts for place, facts in enumerate(asked) if place not in agents}, agents


def in_order(*given: tuple[Mapping[int, IssueFacts], Sequence[Given]]) -> list[Given]:
    """Answers in the order of the questions, by their places."""
    found = [pair for places, answers in given for pair in zip(places, answers, strict=True)]
    return [answer for _, answer in sorted(found, key=itemgetter(0))]


def serving_model(model_type: str, project_id: UUID | str) -> tuple[LoadedModel | None, str]:
    """The model that serves, and what to say where it should and cannot."""
    try:
        return ModelLoader().load_or_raise(model_type, project_id), ""
    except ModelUnavailable:
        logger.warning("Using fallback prediction type=%s project=%s", model_type, project_id)
        return None, _UNAVAILABLE


def announced(answer: Answer, note: str) -> Answer:
    """The answer with a sentence before its reasoning, if there is one to say."""
    return replace(answer, reasoning=f"{note} {answer.reasoning}") if note else answer
