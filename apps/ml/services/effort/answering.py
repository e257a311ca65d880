"""Who answers about hours: the model, else similar issues, else the averages."""

import math
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from django.conf import settings

from apps.ml.core.effort import EffortModel
from apps.ml.core.effort.without_model import estimate_without_model
from apps.ml.core.records import IssueFacts
from apps.ml.core.results import EffortEstimate
from apps.ml.models import ModelType
from apps.ml.services.models.cache import LoadedModel
from apps.ml.services.predictions.given import BY_AGENT, GivenAnswer, announced, by_whom, in_order, serving_model
from apps.ml.services.predictions.recent_outcomes import EFFORT_OUTCOMES
from apps.ml.services.similar.finished_work import FINISHED_WORK
from apps.ml.services.similar.likeness import similar_finished


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
    people, agents = by_whom(asked, project_id)
    model, note = serving_model(ModelType.EFFORT_PREDICTION, project_id) if people else (None, "")
    of_people = (
        _without_model(list(people.values()), project_id, note, with_evidence=with_evidence)
        if model is None
        else _of_model(model, list(people.values()), project_id, with_evidence=with_evidence)
    )
    of_agents = _without_model(list(agents.values()), project_id, BY_AGENT, by_agent=True, with_evidence=with_evidence)
    return in_order((people, of_people), (agents, of_agents))


def _without_model(
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
        estimate = estimate_without_model(facts, work.by_type, work.index, work.outcomes, level=level)
        if estimate.method != "similarity" and with_evidence:
            # What similar issues took made no answer; those that may be about the same thing are shown all the same.
            estimate = replace(estimate, similar_issues=similar_finished(facts, project_id))
        given.append(GivenAnswer(announced(estimate, note), None, work.usual_hours))
    return given


def _of_model(
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
            replace(estimate, similar_issues=similar_finished(facts, project_id)) if with_evidence else estimate,
            model,
            baseline,
        )
        for facts, estimate in zip(asked, estimates, strict=True)
    ]
