"""Trainings as rows: once a scope, claimed by one, watched, finished once."""

import random
from datetime import timedelta

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError
from prometheus_client import REGISTRY

from apps.accounts.tests.factories import UserFactory
from apps.common.exceptions import NotEnoughData
from apps.ml.models import MLModel, TrainingRun
from apps.ml.services.training import jobs as training_jobs
from apps.ml.services.training.claims import Claim, ClaimLost, claim
from apps.ml.services.training.jobs import (
    MAX_ATTEMPTS,
    AlreadyTraining,
    TooManyTrainings,
    recover_lost_runs,
    request_training,
    run_training,
    train_here,
)
from apps.ml.storage.errors import StorageError
from apps.ml.tests.factories import MLModelFactory, TrainingRunFactory
from apps.ml.tests.faults import failing_store
from apps.ml.tests.teams import learnable_team
from apps.projects.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
EFFORT = "effort_prediction"
RNG = random.Random(0)


def given_up(model_type=EFFORT):
    return REGISTRY.get_sample_value("scrum_ml_trainings_total", {"type": model_type, "outcome": "given_up"}) or 0.0


def failing_training(monkeypatch, error):
    def train(self, *args, **options):
        raise error

    monkeypatch.setattr("apps.ml.services.training.jobs.ModelTrainer.train", train)


def test_a_scope_has_one_open_run_and_the_second_request_is_told_its_id(run, team, now):
    with pytest.raises(AlreadyTraining) as refused:
        request_training(EFFORT, team.id, cause="again", now=now)

    assert refused.value.run_id == run.id
    assert str(run.id) in refused.value.message
    assert TrainingRun.objects.count() == 1


def test_the_global_scope_has_one_open_run_too(now):
    request_training(EFFORT, None, cause="test", now=now)

    with pytest.raises(AlreadyTraining):
        request_training(EFFORT, None, cause="again", now=now)


def test_other_types_other_projects_and_the_global_scope_wait_for_nobody(run, team, now):
    request_training("story_points", team.id, cause="test", now=now)
    request_training(EFFORT, ProjectFactory().id, cause="test", now=now)
    request_training(EFFORT, None, cause="test", now=now)

    assert TrainingRun.objects.filter(state="queued").count() == 4


def test_one_person_leaves_room_for_the_trainings_of_others(now):
    many, other = UserFactory(), UserFactory()
    TrainingRunFactory.create_batch(training_jobs.MOST_OPEN, requested_by=many, state="queued")

    with pytest.raises(TooManyTrainings):
        request_training(EFFORT, ProjectFactory().id, cause="test", by=many, now=now)
    assert request_training(EFFORT, ProjectFactory().id, cause="test", by=other, now=now)
    assert request_training(EFFORT, ProjectFactory().id, cause="by the clock", now=now)
    TrainingRun.objects.filter(requested_by=many).first().delete()
    assert request_training(EFFORT, ProjectFactory().id, cause="test", by=many, now=now)


def test_a_finished_run_makes_room_for_the_next(run, team, now):
    run_training(run.id, now=now, rng=RNG)

    assert request_training(EFFORT, team.id, cause="again", now=now).state == "queued"


def test_a_run_is_claimed_once(run, now):
    assert claim(run.id, now=now) == Claim(run.id, attempt=1)
    assert claim(run.id, now=now) is None


def test_a_run_ends_with_its_model_active_and_its_progress_at_the_last_step(run, team, now):
    assert run_training(run.id, now=now, rng=RNG) is None

    run.refresh_from_db()
    assert (run.state, run.attempts, run.progress_step, run.failure_reason) == ("succeeded", 1, 9, "")
    assert run.model == MLModel.objects.get(project=team, is_active=True)
    assert run.finished_at is not None


def test_who_asked_for_a_training_is_recorded_with_its_model(team, now):
    lead = UserFactory()
    run = request_training(EFFORT, team.id, cause="requested", by=lead, now=now)

    run_training(run.id, now=now, rng=RNG)

    assert MLModel.objects.get().trained_by == lead


def test_a_training_by_hand_is_a_run_too(team, now):
    training = train_here(EFFORT, team.id, cause="command", now=now)

    run = team.training_runs.get()
    assert (run.state, run.cause, run.model) == ("succeeded", "command", training.model)
    assert training.model.is_active


def test_a_training_by_hand_waits_for_no_worker_but_meets_none_at_work(run, team, now):
    assert claim(run.id, now=now)

    with pytest.raises(AlreadyTraining):
        train_here(EFFORT, team.id, cause="command", now=now)

    assert not MLModel.objects.exists()


@pytest.mark.parametrize("left", [{"state": "queued"}, {"state": "running", "attempts": 1}])
def test_a_training_by_hand_takes_over_what_waits_or_what_a_dead_worker_left(run, team, now, left):
    TrainingRun.objects.filter(id=run.id).update(**left, heartbeat_at=now - timedelta(minutes=3))

    train_here(EFFORT, team.id, cause="command", now=now)

    run.refresh_from_db()
    assert (team.training_runs.count(), run.state, MLModel.objects.count()) == (1, "succeeded", 1)


def test_a_training_by_hand_that_is_interrupted_leaves_the_scope_free(team, now, monkeypatch):
    failing_training(monkeypatch, KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        train_here(EFFORT, team.id, cause="command", now=now)

    run = team.training_runs.get()
    assert (run.state, run.failure_reason) == ("failed", "It was stopped by hand.")


def test_a_training_by_hand_that_the_store_refuses_is_one_failed_row(team, now, monkeypatch):
    failing_store(monkeypatch)

    with pytest.raises(StorageError):
        train_here(EFFORT, team.id, cause="command", now=now)

    assert team.training_runs.get().state == "failed"
    assert MLModel.objects.get().status == "failed"


def test_running_a_finished_run_again_does_nothing(run, now):
    run_training(run.id, now=now, rng=RNG)

    run_training(run.id, now=now, rng=RNG)

    run.refresh_from_db()
    assert (run.state, run.attempts, MLModel.objects.count()) == ("succeeded", 1, 1)


def test_too_little_data_fails_with_the_numbers_and_is_not_retried(now):
    run = request_training(EFFORT, learnable_team(12, until=now).id, cause="test", now=now)
    before = given_up()

    assert run_training(run.id, now=now, rng=RNG) is None

    run.refresh_from_db()
    assert (run.state, run.failure_reason) == ("failed", "50 completed issues with hours are needed, 12 are there.")
    assert given_up() == before + 1


def test_a_fault_of_the_store_is_retried_and_passes(run, now, monkeypatch):
    failing_store(monkeypatch, times=1)

    retry = run_training(run.id, now=now, rng=RNG)

    run.refresh_from_db()
    assert 5 <= retry.after_seconds <= 10
    assert (run.state, run.attempts) == ("queued", 1)
    assert "503 Service Unavailable" in run.failure_reason
    assert run_training(run.id, now=now, rng=RNG) is None
    run.refresh_from_db()
    assert (run.state, run.attempts, run.failure_reason) == ("succeeded", 2, "")
    assert [model.version for model in MLModel.objects.all()] == ["1.0.0"]


def test_a_fault_that_does_not_pass_is_given_up_with_its_reason(run, now, monkeypatch):
    failing_store(monkeypatch)

    for _ in range(MAX_ATTEMPTS):
        retry = run_training(run.id, now=now, rng=RNG)

    run.refresh_from_db()
    assert retry is None
    assert (run.state, run.attempts) == ("failed", MAX_ATTEMPTS)
    assert run.failure_reason.endswith("503 Service Unavailable. Given up after 3 attempts.")
    # The registry shows it once, not once an attempt.
    failed = MLModel.objects.get()
    assert (failed.status, failed.version) == ("failed", "1.0.0")
    assert failed.failure_reason.endswith("503 Service Unavailable.")


def test_a_fault_of_the_database_is_retried_without_its_text(run, now, monkeypatch):
    failing_training(monkeypatch, OperationalError("server closed the connection; password=secret"))

    assert run_training(run.id, now=now, rng=RNG) is not None

    run.refresh_from_db()
    assert (run.state, run.failure_reason) == ("queued", "The database failed: OperationalError.")


def test_a_fault_of_the_database_that_lasts_until_the_run_is_found_lost_leaves_it_to_the_next_worker(
    run, now, monkeypatch
):
    def lose(self, *args, **options):
        TrainingRun.objects.filter(id=run.id).update(state="queued")
        raise OperationalError("server closed the connection")

    monkeypatch.setattr("apps.ml.services.model_trainer.ModelTrainer.train", lose)

    assert run_training(run.id, now=now, rng=RNG) is None

    run.refresh_from_db()
    assert (run.state, run.failure_reason) == ("queued", "")


def test_a_training_by_hand_that_takes_the_same_version_delays_the_run_and_harms_neither(run, team, now, monkeypatch):
    report = Claim.report

    def meet(self, step, text):
        report(self, step, text)
        if step == 7:
            MLModelFactory(project=team, version="1.0.0")

    with monkeypatch.context() as meeting:
        meeting.setattr(Claim, "report", meet)
        assert run_training(run.id, now=now, rng=RNG) is not None

    assert run_training(run.id, now=now, rng=RNG) is None
    run.refresh_from_db()
    assert (run.state, run.model.version, run.model.is_active) == ("succeeded", "1.1.0", True)


def test_a_bug_is_recorded_without_its_text_and_raised(run, now, monkeypatch):
    failing_training(monkeypatch, ZeroDivisionError("texts of issues"))

    with pytest.raises(ZeroDivisionError):
        run_training(run.id, now=now, rng=RNG)

    run.refresh_from_db()
    assert (run.state, run.failure_reason) == (
        "failed",
        "Internal error (ZeroDivisionError); the log has the details.",
    )


def test_a_training_that_takes_too_long_ends_with_that_reason(run, now, monkeypatch):
    failing_training(monkeypatch, SoftTimeLimitExceeded())

    assert run_training(run.id, now=now, rng=RNG) is None

    run.refresh_from_db()
    assert (run.state, run.failure_reason) == ("failed", "It took longer than 30 minutes.")


def test_a_worker_that_lost_its_claim_stores_no_model(run, team, now, monkeypatch):
    """It stood still so long that another took over, and comes back in the middle of its last step."""
    report = Claim.report

    def taken_over(self, step, text):
        report(self, step, text)
        if step == 9:
            TrainingRun.objects.filter(id=run.id).update(attempts=2)

    monkeypatch.setattr(Claim, "report", taken_over)

    assert run_training(run.id, now=now, rng=RNG) is None

    assert not MLModel.objects.exists()
    run.refresh_from_db()
    assert (run.state, run.attempts) == ("running", 2)


def test_a_stale_claim_changes_nothing(run, now):
    stale = claim(run.id, now=now)
    TrainingRun.objects.filter(id=run.id).update(attempts=2)

    for change in (
        lambda: stale.beat(now),
        lambda: stale.report(3, "x"),
        lambda: stale.fail("x"),
        lambda: stale.requeue("x"),
    ):
        with pytest.raises(ClaimLost):
            change()


def test_the_run_of_a_dead_worker_is_queued_again(now):
    dead = TrainingRunFactory(state="running", attempts=1, heartbeat_at=now - timedelta(minutes=3))
    alive = TrainingRunFactory(state="running", attempts=1, heartbeat_at=now - timedelta(seconds=50))

    assert list(recover_lost_runs(now=now)) == [dead.id]

    dead.refresh_from_db()
    alive.refresh_from_db()
    assert (dead.state, dead.failure_reason) == ("queued", "Its worker died.")
    assert alive.state == "running"


def test_what_a_clock_that_was_ahead_has_told_keeps_nothing_waiting(now):
    tomorrow = now + timedelta(days=1)
    running = TrainingRunFactory(state="running", attempts=1, started_at=tomorrow, heartbeat_at=tomorrow)
    waiting = TrainingRunFactory(state="queued", queued_at=tomorrow)

    assert set(recover_lost_runs(now=now)) == {running.id, waiting.id}


def test_a_run_that_keeps_killing_workers_is_given_up(now):
    dead = TrainingRunFactory(state="running", attempts=MAX_ATTEMPTS, heartbeat_at=now - timedelta(hours=1))

    assert list(recover_lost_runs(now=now)) == []

    dead.refresh_from_db()
    assert (dead.state, dead.failure_reason) == ("failed", "Its worker died 3 times.")


def test_a_run_past_every_time_limit_is_lost_even_if_something_still_beats(now):
    endless = TrainingRunFactory(state="running", attempts=1, heartbeat_at=now, started_at=now - timedelta(hours=1))

    assert list(recover_lost_runs(now=now)) == [endless.id]


def test_a_message_that_was_lost_is_sent_again_every_ten_minutes_not_every_minute(now):
    waiting = TrainingRunFactory(queued_at=now - timedelta(minutes=11))
    TrainingRunFactory(queued_at=now - timedelta(minutes=9))

    assert list(recover_lost_runs(now=now)) == [waiting.id]
    assert list(recover_lost_runs(now=now + timedelta(seconds=50))) == []


def test_enough_data_is_asked_for_before_anything_is_queued(team, now):
    training_jobs.require_enough_data(EFFORT, team.id)

    with pytest.raises(NotEnoughData, match="50 completed issues with story points are needed, 0 are there"):
        training_jobs.require_enough_data("story_points", ProjectFactory().id)


def test_a_failed_training_leaves_the_active_model_alone(team, now, monkeypatch):
    active = MLModelFactory(project=team, is_active=True)
    failing_training(monkeypatch, StorageError("down"))

    run_training(request_training(EFFORT, team.id, cause="test", now=now).id, now=now, rng=RNG)

    assert MLModel.objects.get(is_active=True) == active
