"""Which models are due: a constant number of queries, streamed, however many projects there are."""

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from apps.common.operations.database_faults import by_itself
from apps.ml.core.training.degradation import Degradation, degradation
from apps.ml.core.training.retraining import MIN_TRAINING_ISSUES, TrainedState, reason_to_retrain, reason_to_train_first
from apps.ml.models import MLModel, ModelType
from apps.ml.selectors.registry import (
    Candidate,
    LiveAnswer,
    count_outcomes,
    global_run_is_open,
    live_answers,
    reference_errors,
    training_plan,
)
from apps.ml.services.models.kinds import kind_of
from apps.ml.services.training.jobs import AlreadyTraining, request_training

logger = logging.getLogger(__name__)

Errors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Due:
    """A model to train, and why."""

    model_type: str
    project_id: UUID | None
    reason: str


def models_due(*, now: datetime) -> Iterator[Due]:
    """Models that the rule calls due, and projects that have enough history for a first one.

    At most six queries a model type. A first global model is never due: whether projects shall learn from each other is
    for people to decide, with `train_ml_model --global`.
    """
    if not settings.ML_PREDICTIONS_ENABLED:
        return
    for model_type in ModelType:
        worse = dict(_degraded(model_type))
        yield from _global_due(model_type, worse, now)
        yield from _projects_due(model_type, worse, now)


def queue_due_trainings(*, now: datetime) -> Iterator[UUID]:
    """Queue a run for each; the ids to send to the workers. What is queued or running already is left alone."""
    for due in models_due(now=now):
        run_id = None
        with by_itself("retrain_ml_models", due.project_id or "global"):
            run_id = _queued(due, now)
        if run_id is not None:
            yield run_id


def _queued(due: Due, now: datetime) -> UUID | None:
    try:
        run = request_training(due.model_type, due.project_id, cause=due.reason, now=now)
    except AlreadyTraining as conflict:
        logger.info("Not queued again type=%s project=%s: %s", due.model_type, due.project_id, conflict.message)
        return None
    logger.info("Training queued type=%s project=%s reason=%s", due.model_type, due.project_id, due.reason)
    return run.id


def _projects_due(model_type: ModelType, worse: dict[UUID, Degradation], now: datetime) -> Iterator[Due]:
    for candidate in training_plan(model_type, kind_of(model_type).outcome, at_least=MIN_TRAINING_ISSUES):
        if reason := _reason(candidate, kind_of(model_type).lessons, worse, now):
            yield Due(model_type, candidate.project_id, reason)


def _reason(candidate: Candidate, lessons: str, worse: dict[UUID, Degradation], now: datetime) -> str | None:
    if candidate.model_id is None or candidate.trained_at is None or candidate.training_samples is None:
        return reason_to_train_first(candidate.samples, lessons)
    state = TrainedState(
        candidate.trained_at, candidate.training_samples, worse.get(candidate.model_id), candidate.refusal or ""
    )
    return reason_to_retrain(state, samples_now=candidate.samples, now=now, lessons=lessons)


def _global_due(model_type: ModelType, worse: dict[UUID, Degradation], now: datetime) -> Iterator[Due]:
    active = MLModel.objects.filter(model_type=model_type, project=None, is_active=True).first()
    if active is None or global_run_is_open(model_type):
        return
    state = TrainedState(active.trained_at, active.training_samples, worse.get(active.id), active.refusal)
    kind = kind_of(model_type)
    samples = count_outcomes(kind.outcome, None)
    reason = reason_to_retrain(state, samples_now=samples, now=now, lessons=kind.lessons)
    if reason:
        yield Due(model_type, None, reason)


def _degraded(model_type: ModelType) -> Iterator[tuple[UUID, Degradation]]:
    """Models that became worse. Each stream is read to its end: what is kept is four bytes an outcome."""
    live: dict[UUID, Errors] = {}
    for model_id, answers in groupby(live_answers(model_type), key=lambda answer: answer.model_id):
        # One an issue: answers about the same issue are not independent.
        first = (next(about) for _, about in groupby(answers, key=lambda answer: answer.issue_id))
        live[model_id] = np.fromiter(map(_log_error, first), dtype=np.float32)
    for model_id, reference in reference_errors(model_type):
        worse = degradation(reference, live.get(model_id, ()))
        if worse is not None:
            yield model_id, worse


def _log_error(answer: LiveAnswer) -> float:
    return abs(math.log(answer.predicted) - math.log(answer.actual))
