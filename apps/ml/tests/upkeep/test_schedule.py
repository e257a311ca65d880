"""What beat starts, and when."""

from datetime import UTC, datetime

import pytest
from celery import current_app
from django.apps import apps

from apps.ml import tasks
from base.celery import CELERY_BEAT_SCHEDULE

#: A minute, and what the kill of one that hangs leaves.
SHORT_SECONDS = 100
#: What goes through all projects, and after how many seconds the next one begins.
ROUNDS = {
    "apps.ml.tasks.detect_anomalies": 6 * 3_600,
    "apps.ml.tasks.keep_forecasts": 900,
    "apps.ml.tasks.record_dated_outcomes": 24 * 3_600,
    "apps.ml.tasks.refresh_indexes": 900,
    "apps.ml.tasks.replay_pasts": 7 * 24 * 3_600,
    "apps.ml.tasks.watch_sprints": 24 * 3_600,
}


def test_every_entry_names_a_task_that_exists():
    # What a worker imports when it starts, without its signal: with that this process would count into files from then
    # on, and each later test of `/metrics` read others' counters.
    current_app.autodiscover_tasks(force=True)

    for entry in CELERY_BEAT_SCHEDULE.values():
        assert entry["task"] in current_app.tasks


def test_retraining_is_due_on_mondays_at_two():
    schedule = CELERY_BEAT_SCHEDULE["retrain-ml-models"]["schedule"]

    assert (schedule.minute, schedule.hour, schedule.day_of_week) == ({0}, {2}, {1})
    assert datetime(2026, 3, 2, tzinfo=UTC).isoweekday() == 1


def test_anomalies_are_looked_for_every_six_hours():
    assert CELERY_BEAT_SCHEDULE["detect-anomalies"]["schedule"].hour == {0, 6, 12, 18}


def test_messages_of_every_minute_do_not_pile_up():
    for name in ("record-prediction-outcomes", "requeue-lost-trainings"):
        assert CELERY_BEAT_SCHEDULE[name]["options"]["expires"] < 60


def test_what_may_take_minutes_waits_in_no_queue_of_what_is_due_every_minute():
    current_app.autodiscover_tasks(force=True)
    ours = {name: task for name, task in current_app.tasks.items() if name.startswith("apps.")}
    routes = current_app.conf.task_routes

    assert routes.keys() <= ours.keys()
    limits = {name: task.time_limit for name, task in ours.items() if name not in routes and task.time_limit}
    assert max(limits.values()) <= SHORT_SECONDS
    # What reads a store, or a table, as a whole.
    for name in ("upkeep.tasks.finish_erasures", "ml.tasks.sweep_model_store", "ml.tasks.remove_old_history"):
        assert routes[f"apps.{name}"] == {"queue": "long"}


def test_what_goes_through_all_projects_stands_in_no_queue_of_every_minute_and_beside_no_round_of_before():
    routes, entries = current_app.conf.task_routes, CELERY_BEAT_SCHEDULE.values()
    rounds = {each["task"]: each["options"]["expires"] for each in entries if each["task"] in ROUNDS}

    assert all(routes[name] == {"queue": "long"} for name in ROUNDS)
    assert rounds == {name: pytest.approx(seconds, abs=60) for name, seconds in ROUNDS.items()}
    assert all(expires < ROUNDS[name] for name, expires in rounds.items())
    assert routes["apps.ml.tasks.retrain_ml_models"] == {"queue": "long"}
    assert routes["apps.importers.tasks.sync_connections"] == {"queue": "imports"}


def test_a_worker_looks_for_its_broker_however_long_that_is_away():
    assert current_app.conf.broker_connection_max_retries is None


def test_a_message_outlives_a_worker_that_is_killed():
    assert tasks.train_model.acks_late
    assert tasks.train_model.reject_on_worker_lost
    assert 0 < tasks.train_model.soft_time_limit < tasks.train_model.time_limit


def test_what_kills_its_worker_is_given_to_no_other_but_where_that_is_counted():
    current_app.autodiscover_tasks(force=True)

    given_on = {name for name, task in current_app.tasks.items() if task.reject_on_worker_lost}

    # A row counts the first two; the third is a mail.
    assert given_on == {
        "apps.ml.tasks.train_model", "apps.importers.tasks.run_import", "apps.accounts.tasks.send_account_mail",
    }  # fmt: skip


def test_no_result_is_stored_anywhere():
    assert current_app.conf.result_backend is None
    assert apps.is_installed("apps.ml")
