"""How large the issues of a forecast may be, by the project's own models where these can tell."""

import logging
from collections.abc import Mapping, Sequence
from uuid import UUID

from apps.ml.core.effort import EffortModel
from apps.ml.core.forecasts.model_sizes import MAX_MODEL_ANSWERS, sizes_in_hours, sizes_in_points
from apps.ml.core.forecasts.sizes import Spread
from apps.ml.core.forecasts.units import Throughput, Unit, WorkItem, unit_for
from apps.ml.core.points import PointsModel
from apps.ml.models import ModelType
from apps.ml.selectors.issues import facts_of_issues
from apps.ml.services.model_loader import ModelLoader, ModelUnavailable
from apps.ml.services.models.cache import LoadedModel
from apps.ml.services.predictions.recent_outcomes import EFFORT_OUTCOMES
from apps.ml.services.predictions.switch import TERMS
from apps.ml.services.similar.finished_work import FINISHED_WORK

logger = logging.getLogger(__name__)
#: Which model tells sizes in a unit.
_MODELS: Mapping[Unit, ModelType] = {"points": ModelType.STORY_POINTS, "hours": ModelType.EFFORT_PREDICTION}


def unit_and_sizes(
    project_id: UUID | str, asked: Sequence[WorkItem], also: Sequence[WorkItem], past: Throughput
) -> tuple[Unit, Mapping[str, Spread]]:
    """In what work is forecast, see `unit_for`, and what the project's model says of issues without a size, by id.

    `also` are issues that only need a size. There are no sizes where there is no model, or it cannot be loaded or
    abstains: those of finished issues serve then, and the answer says of how many issues. The model is loaded once.
    Raises `NotEnoughData`.
    """
    decides = past.records("points") and bool(_unsized(asked, "points"))
    model = _model(ModelType.STORY_POINTS, project_id) if decides else None
    speaks = model is not None and isinstance(model.predictor, PointsModel) and not model.predictor.abstains
    unit = unit_for(asked, past, points_model=speaks)
    wanted = _unsized((*asked, *also), unit)[:MAX_MODEL_ANSWERS] if unit in _MODELS else []
    if wanted and not (decides and unit == "points"):
        model = _model(_MODELS[unit], project_id)
    return unit, _sizes(model, project_id, wanted) if model and wanted else {}


def _sizes(model: LoadedModel, project_id: UUID | str, wanted: Sequence[WorkItem]) -> Mapping[str, Spread]:
    agents, known = TERMS.of_project(project_id).agents, facts_of_issues(project_id, [item.issue_id for item in wanted])
    # Models learn from people: what agents do is as large as finished issues are.
    facts = {issue_id: each for issue_id, each in known.items() if not agents.are_of(each)}
    if isinstance(model.predictor, PointsModel):
        recent = FINISHED_WORK.of_project(project_id).people.points_since(model.trained_at)
        return sizes_in_points(model.predictor, facts, recent=recent)
    assert isinstance(model.predictor, EffortModel)  # noqa: S101 - the loader reads by type; this tells mypy
    team = None if model.project_id is not None else FINISHED_WORK.of_project(project_id).people.record_for(model)
    return sizes_in_hours(model.predictor, facts, recent=EFFORT_OUTCOMES.of_project(project_id), team=team)


def _unsized(items: Sequence[WorkItem], unit: Unit) -> list[WorkItem]:
    """Issues that a model could size."""
    return [item for item in items if item.exists and (unit != "points" or item.story_points is None)]


def _model(model_type: str, project_id: UUID | str) -> LoadedModel | None:
    try:
        return ModelLoader().load_or_raise(model_type, project_id)
    except ModelUnavailable:
        # Counted where it failed.
        logger.warning("Sizes of finished issues in a forecast, for want of type=%s project=%s", model_type, project_id)
        return None
