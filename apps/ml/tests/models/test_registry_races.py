"""Two workers at once, on a database that lets them meet: exactly one wins."""

from datetime import timedelta

import pytest
from django.db import connection

from apps.ml.models import MLModel, PredictionAggregate, TrainingRun
from apps.ml.services.models.registry import activate, roll_back
from apps.ml.services.training.claims import claim
from apps.ml.services.training.jobs import AlreadyTraining, recover_lost_runs, request_training
from apps.ml.services.upkeep import retention as clean_up
from apps.ml.services.upkeep.retention import remove_old_history
from apps.ml.tests.factories import MLModelFactory, PredictionHistoryFactory, TrainingRunFactory
from apps.projects.tests.factories import ProjectFactory
from tests.at_once import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor == "sqlite",
        reason="the PostgreSQL run has these; SQLite on a file is tested in tests/test_training_worker.py",
    ),
]
EFFORT = "effort_prediction"
WORKERS = 4


@pytest.mark.parametrize("attempt", range(6))
@pytest.mark.parametrize("has_champion", [True, False])
def test_activations_at_once_leave_exactly_one_active_model(now, attempt, has_champion):
    project = ProjectFactory()
    if has_champion:
        MLModelFactory(project=project, is_active=True)
    models = [MLModelFactory(project=project) for _ in range(WORKERS)]

    answers = at_once(*(lambda model=model: activate(model, now=now) for model in models))

    active = MLModel.objects.get(project=project, is_active=True)
    assert active in [answer for answer in answers if isinstance(answer, MLModel)]
    assert active.status == "active"
    assert MLModel.objects.filter(project=project, status="active").count() == 1


def test_activation_and_rollback_at_once_leave_exactly_one(now):
    first, second, third = (MLModelFactory() for _ in range(3))
    activate(first, now=now)
    activate(second, now=now + timedelta(hours=1))

    later = now + timedelta(hours=2)
    at_once(lambda: activate(third, now=later), lambda: roll_back(EFFORT, None, now=later))

    assert MLModel.objects.filter(is_active=True).count() == 1


def test_requests_at_once_queue_one_run(now):
    project = ProjectFactory()

    answers = at_once(
        *[lambda: request_training(EFFORT, project.id, cause="test", now=now)] * WORKERS,
    )

    [run] = [answer for answer in answers if isinstance(answer, TrainingRun)]
    refused = [answer.run_id for answer in answers if isinstance(answer, AlreadyTraining)]
    assert refused == [run.id] * (WORKERS - 1)


def test_a_message_that_comes_twice_is_claimed_once(now):
    run = TrainingRunFactory()

    answers = at_once(*[lambda: claim(run.id, now=now)] * WORKERS)

    assert [answer is not None for answer in answers].count(True) == 1
    assert TrainingRun.objects.get().attempts == 1


def test_a_dead_workers_run_is_recovered_once(now):
    TrainingRunFactory(state="running", attempts=1, heartbeat_at=now - timedelta(hours=1))

    answers = at_once(*[lambda: list(recover_lost_runs(now=now))] * WORKERS)

    assert sum(len(answer) for answer in answers) == 1


def test_clean_ups_at_once_count_every_prediction_once(now, monkeypatch):
    monkeypatch.setattr(clean_up, "BATCH_ROWS", 5)
    project, long_ago = ProjectFactory(), now - timedelta(days=800)
    for _ in range(40):
        PredictionHistoryFactory(project=project, created_at=long_ago, actual_value=2.0)

    removed = at_once(*[lambda: remove_old_history(now=now)] * WORKERS)
    removed.append(remove_old_history(now=now))

    assert sum(removed) == 40
    assert PredictionAggregate.objects.get().n == 40
