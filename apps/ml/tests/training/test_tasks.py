"""The training tasks: a run's id in, the run's end or a later try out."""

from datetime import timedelta
from uuid import uuid4

import pytest
from celery.exceptions import Retry as CeleryRetry
from django.utils import timezone

from apps.ml import tasks
from apps.ml.models import TrainingRun
from apps.ml.services.training import jobs as training_jobs
from apps.ml.tests.faults import failing_store

pytestmark = pytest.mark.django_db


def test_the_task_trains_what_its_id_names(run):
    tasks.train_model.delay(str(run.id))

    run.refresh_from_db()
    assert run.state == "succeeded"


def test_the_task_asks_celery_for_a_later_retry(run, monkeypatch):
    waits = []
    failing_store(monkeypatch, times=1)
    monkeypatch.setattr(tasks.train_model, "retry", lambda countdown: waits.append(countdown) or CeleryRetry())

    with pytest.raises(CeleryRetry):
        tasks.train_model.run(str(run.id))

    assert 5 <= waits[0] <= 10


def test_a_retried_task_ends_well_by_itself(run, monkeypatch):
    failing_store(monkeypatch, times=1)

    tasks.train_model.apply(args=[str(run.id)], throw=False)

    run.refresh_from_db()
    assert (run.state, run.attempts) == ("succeeded", 2)


def test_lost_trainings_are_run_by_the_task_of_every_minute(run, now):
    TrainingRun.objects.filter(id=run.id).update(state="running", attempts=1, heartbeat_at=now - timedelta(days=1))

    assert tasks.requeue_lost_trainings.delay().get() == 1

    run.refresh_from_db()
    assert (run.state, run.attempts) == ("succeeded", 2)


def test_a_broker_that_is_away_leaves_the_run_queued(run, monkeypatch):
    from kombu.exceptions import OperationalError as BrokerDown

    asked = []

    def refuse(args, **options):
        asked.append(args[0])
        raise BrokerDown("Connection refused")

    monkeypatch.setattr(tasks.train_model, "apply_async", refuse)

    with pytest.raises(tasks.BrokerUnavailable):
        tasks.send_training(run.id)

    asked.clear()
    first = uuid4()
    TrainingRun.objects.filter(pk=run.id).update(queued_at=timezone.now())
    assert tasks.send_trainings([first, run.id]) == 0
    assert asked == [str(first)], "Each that is tried waits for a broker that is silent."
    run.refresh_from_db()
    assert run.state == "queued"
    assert run.id in training_jobs.recover_lost_runs(now=timezone.now()), "It is sent again at the next look."
