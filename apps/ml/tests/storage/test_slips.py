"""A slip in one setting of the store is refused at start; one that is not found all the same costs one answer only."""

import random

import pytest
from django.core.checks import run_checks

from apps.common.operations import health
from apps.common.operations.slips import SETTINGS, refuse_slips
from apps.ml.core.records import IssueFacts
from apps.ml.models import ModelType, TrainingRun
from apps.ml.services.effort.answering import answer_effort
from apps.ml.services.training.jobs import run_training, train_here
from apps.ml.storage import StorageError, engines, get_object_store

SLIPS = [
    ("AWS_S3_ENDPOINT_URL", "localhost:9000"),
    ("AWS_S3_ENDPOINT_URL", "http://127.0.0.1:9000 "),
    ("AWS_S3_ENDPOINT_URL", "http://127.0.0.1:99999"),
    ("AWS_S3_ENDPOINT_URL", "http://127.0.0.1:port"),
    ("AWS_S3_ENDPOINT_URL", "http://"),
    ("AWS_S3_ENDPOINT_URL", "ftp://127.0.0.1"),
    ("AWS_STORAGE_BUCKET_NAME", "my bucket"),
    ("AWS_STORAGE_BUCKET_NAME", "a"),
    ("AWS_S3_REGION_NAME", "eu central"),
    ("AWS_STORAGE_PREFIX", "a//b"),
    ("AWS_STORAGE_PREFIX", "../x"),
    ("AWS_ACCESS_KEY_ID", " geheim"),
    ("AWS_ACCESS_KEY_ID", "schlüssel"),
    ("AWS_SECRET_ACCESS_KEY", "geheim\n"),
    ("AWS_SESSION_TOKEN", "ge\theim"),
]


@pytest.fixture
def bucket(settings):
    settings.AWS_STORAGE_BUCKET_NAME, settings.AWS_S3_ENDPOINT_URL = "models", "http://127.0.0.1:1"
    settings.AWS_ACCESS_KEY_ID = settings.AWS_SECRET_ACCESS_KEY = "any"
    settings.AWS_S3_MAX_RETRIES = 0
    return settings


@pytest.mark.parametrize(("name", "value"), SLIPS)
def test_a_slip_is_named_at_start_with_what_would_be_right(bucket, name, value):
    setattr(bucket, name, value)

    [found] = run_checks(tags=[SETTINGS])
    assert name in found.msg
    assert found.hint
    with pytest.raises(SystemExit, match=f"settings: {name}"):
        refuse_slips()
    with pytest.raises(StorageError, match=name):
        get_object_store()


def test_settings_without_a_slip_pass(bucket):
    bucket.AWS_STORAGE_PREFIX = "team-a/models/"

    assert run_checks(tags=[SETTINGS]) == []


@pytest.mark.parametrize(
    ("name", "value", "slip"),
    [
        ("CELERY_BROKER_URL", "localhost:6379", "does not begin with"),
        ("CELERY_BROKER_URL", "redis://localhost:99999", "port"),
        ("PUBLIC_URL", "scrum.example.com", "does not begin with"),
        ("TRACKER_ALLOWED_NETWORKS", ["10.0.0.1/8"], "no network"),
        ("REST_FRAMEWORK", {"DEFAULT_THROTTLE_RATES": {"login": "20 a minute"}}, "LOGIN_THROTTLE_RATE is"),
        ("CELERY_BROKER_URL", "kafka://localhost", "does not begin with"),
        ("CELERY_BROKER_URL", "memory://", "does not begin with"),
        ("CELERY_BROKER_URL", "sentinel://localhost:1", "does not begin with"),
        ("CELERY_BROKER_URL", "filesystem://x", "names a folder"),
        ("CELERY_BROKER_URL", "redis://localhost:6379/abc", "a database that is no number"),
        ("CELERY_BROKER_URL", "rediss://localhost:6379/0/1", "a database that is no number"),
        ("CELERY_BROKER_URL", "redis://localhost:6379/0?socket_timeout=abc", "does not know"),
        ("CELERY_BROKER_URL", "amqp://localhost:5672/?foo=1", "does not know"),
        ("ALLOWED_HOSTS", ["[:::::]"], "no host name"),
    ],
)
def test_slips_beside_the_store_are_named_too(settings, name, value, slip):
    setattr(settings, name, value)

    [found] = run_checks(tags=[SETTINGS])

    assert slip in found.msg
    assert found.hint


@pytest.mark.parametrize(
    "url",
    [
        "redis://:p%23@localhost:6379/0", "redis://localhost", "redis://localhost/", "amqp://u:p@host:5672/team",
        "rediss://localhost:6380/1?ssl_cert_reqs=required", "amqp://host:5672?heartbeat=10", "filesystem://",
    ],
)  # fmt: skip
def test_an_address_of_a_broker_that_works_passes(settings, url):
    settings.CELERY_BROKER_URL = url

    assert run_checks(tags=[SETTINGS]) == []


@pytest.mark.parametrize("name", ["METRICS_DIR", "MODEL_STORE_DIR"])
@pytest.mark.parametrize("below", ["file", "file/folder"])
def test_a_file_where_a_folder_should_be_is_named(settings, tmp_path, name, below):
    (tmp_path / "file").touch()
    setattr(settings, name, tmp_path / below)

    [found] = run_checks(tags=[SETTINGS])

    assert name in found.msg


@pytest.fixture
def no_client(bucket, monkeypatch):
    """Settings of which no client can be made, as if no check had seen the slip."""
    bucket.AWS_S3_ENDPOINT_URL = "localhost:9000"
    monkeypatch.setattr(engines, "slips_of_the_store", lambda: iter(()))


def test_what_the_client_says_of_it_is_a_fault_of_the_store(no_client):
    with pytest.raises(StorageError, match="The model store cannot be opened: Invalid endpoint: localhost:9000"):
        get_object_store()


@pytest.mark.django_db
def test_the_next_method_answers_and_readiness_tells(trained, no_client):
    given = answer_effort(IssueFacts("Change the label"), trained.project_id)

    assert (given.model, given.answer.method) == (None, "similarity")
    assert health._found("store", health.CHECKS["store"]).status == "degraded"


@pytest.mark.django_db
def test_a_job_ends_with_a_reason(run, now, no_client):
    for _ in range(3):
        run_training(run.id, now=now, rng=random.Random(0))

    run.refresh_from_db()
    assert run.state == TrainingRun.State.FAILED
    assert "The model store cannot be opened: Invalid endpoint" in run.failure_reason


class Panic(BaseException):
    """What a library in another language raises."""


@pytest.mark.django_db
@pytest.mark.parametrize(("raised", "state"), [(Panic, "failed"), (SystemExit, "queued")])
def test_no_job_stays_running_whatever_is_raised(run, now, monkeypatch, raised, state):
    def fail(*_, **__):
        raise raised

    monkeypatch.setattr("apps.ml.services.training.jobs._train", fail)

    with pytest.raises(raised):
        run_training(run.id, now=now, rng=random.Random(0))

    run.refresh_from_db()
    assert run.state == state


@pytest.mark.django_db
def test_no_job_by_hand_stays_running_either(team, now, monkeypatch):
    def fail(*_, **__):
        raise Panic

    monkeypatch.setattr("apps.ml.services.training.jobs._train", fail)

    with pytest.raises(Panic):
        train_here(ModelType.EFFORT_PREDICTION, team.id, cause="test", now=now)

    assert TrainingRun.objects.get().state == TrainingRun.State.FAILED
