"""Which models are due, and training them again."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count

from apps.common.exceptions import ApplicationError
from apps.ml.core.retraining import TrainedState, reason_to_retrain
from apps.ml.models import MLModel, ModelType
from apps.ml.services.model_trainer import ModelTrainer
from apps.projects.models import Issue

logger = logging.getLogger(__name__)

_OUTCOME = {ModelType.EFFORT_PREDICTION: "actual_hours", ModelType.STORY_POINTS: "story_points"}


@dataclass(frozen=True, slots=True)
class Due:
    """A model to train again, and why."""

    model_type: str
    project_id: UUID | None
    reason: str


def models_due(*, now: datetime) -> list[Due]:
    """Active models that the rule calls due: two queries a model type, however many projects there are."""
    return [due for model_type in ModelType for due in _due_of(model_type, now)]


def _due_of(model_type: ModelType, now: datetime) -> Iterator[Due]:
    samples = _samples_by_project(_OUTCOME[model_type])
    active = MLModel.objects.filter(model_type=model_type, is_active=True)
    for project_id, trained_at, trained_on in active.values_list("project_id", "trained_at", "training_samples"):
        samples_now = samples.get(project_id, 0) if project_id else sum(samples.values())
        reason = reason_to_retrain(TrainedState(trained_at, trained_on), samples_now=samples_now, now=now)
        if reason:
            yield Due(model_type, project_id, reason)


def _samples_by_project(outcome: str) -> dict[UUID, int]:
    finished = Issue.objects.filter(resolved_at__isnull=False, **{f"{outcome}__gt": 0}).order_by()
    return dict(finished.values_list("project_id").annotate(n=Count("id")))


def retrain_due_models(*, now: datetime) -> dict[str, int]:
    """Train what is due; one model's failure is logged, recorded in its row, and harms no other."""
    outcome = {"trained": 0, "failed": 0}
    for due in models_due(now=now):
        logger.info("Retraining type=%s project=%s reason=%s", due.model_type, due.project_id, due.reason)
        try:
            ModelTrainer().train(due.model_type, due.project_id, now=now)
        except ApplicationError as error:
            logger.warning("Retraining failed type=%s project=%s: %s", due.model_type, due.project_id, error.message)
            outcome["failed"] += 1
        else:
            outcome["trained"] += 1
    return outcome
