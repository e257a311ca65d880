"""What people see when a part fails: each part is really killed, cut off, slowed down or filled up.

A worker that is killed has its test in `test_training_worker.py`; that `/health/ready` names every part which is cut
off, in `test_operations.py`.
"""

import os
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.test import TestCase
from django.utils import timezone

from apps.ml.models import MLModel, TrainingRun
from apps.ml.services import model_loader
from apps.ml.services.model_loader import ModelLoader
from apps.ml.services.predictions.recent_outcomes import EFFORT_OUTCOMES, POINTS_OUTCOMES
from apps.ml.services.similar.finished_work import FINISHED_WORK
from apps.ml.services.training.jobs import MAX_ATTEMPTS, request_training, run_training
from apps.ml.services.upkeep.strays import MIN_ORPHAN_AGE
from apps.ml.services.upkeep.verification import delete_orphans, verify_store
from apps.ml.storage import get_object_store
from apps.ml.tests.teams import learnable_team
from apps.projects.tests.factories import TeamMemberFactory
from base.celery import app as celery_app
from tests.engines import S3Server
from tests.proxy import Proxy, proxy_to
from tests.topology import Answer, Installation, installation

pytestmark = pytest.mark.engine
EFFORT = "effort_prediction"
#: Without a model: the team's similar issues, or its averages.
SIMPLE_METHODS = {"similarity", "heuristic"}
#: How long the store may let a request wait in these tests, connecting and answering; a request pays it twice at most.
STORE_SECONDS = 2.0
#: How long a request waits for a connection to the database.
DATABASE_SECONDS = 5.0
#: What tells an answer that waits its budget from one that waits for ever, on a machine that runs other tests too.
GRACE_SECONDS = 60.0


@pytest.fixture
def store(s3_bucket, s3_server, settings) -> Iterator[Proxy]:
    """The service reaches the real S3 server through a proxy only; a test that kills the server need not start it."""
    settings.AWS_S3_TIMEOUT_SECONDS = settings.AWS_S3_CONNECT_TIMEOUT_SECONDS = STORE_SECONDS
    with proxy_to(int(s3_server.endpoint_url.rpartition(":")[2])) as proxy:
        settings.AWS_S3_ENDPOINT_URL = f"http://127.0.0.1:{proxy.port}"
        forget()
        yield proxy
        forget()
    if not s3_server.engine.is_running:
        s3_server.engine.start()


@pytest.fixture
def team(db):
    return learnable_team(80, until=timezone.now())


@pytest.fixture
def lead(team, api_client, monkeypatch):
    """A client of somebody who leads the team; the worker works at once, and tries again without waiting."""
    monkeypatch.setitem(celery_app.conf, "task_eager_propagates", False)
    api_client.force_authenticate(TeamMemberFactory(project=team, role="lead").user)
    return api_client


def forget() -> None:
    """Be a process that has just started."""
    ModelLoader().clear_cache()
    EFFORT_OUTCOMES.clear()
    POINTS_OUTCOMES.clear()
    FINISHED_WORK.clear()


def ask_for_training(lead, team) -> dict:
    """The job, as it is when the worker has done with it."""
    asked = {"model_type": EFFORT, "project_id": str(team.id)}
    # It is handed over once its row is there for the worker.
    with TestCase.captureOnCommitCallbacks(execute=True):
        queued = lead.post("/api/v1/ml/models/train/", asked, format="json")
    assert queued.status_code == 202, queued.content
    return lead.get(queued["Location"]).json()


def predicted(lead, team) -> dict:
    answer = lead.post(
        "/api/v1/ml/predict-effort/", {"project_id": str(team.id), "title": "Change the label"}, format="json"
    )
    assert answer.status_code == 200, answer.content
    return answer.json()


def attempt(run: TrainingRun) -> TrainingRun:
    """What a worker does once."""
    run_training(run.id, now=timezone.now(), rng=random.Random(0))
    run.refresh_from_db()
    return run


# --- The store ----------------------------------------------------------------------------------------------------
def test_store_down_before_a_training__the_job_fails_with_the_stores_words_and_simple_methods_answer(
    store, s3_server: S3Server, lead, team
):
    s3_server.engine.kill()

    job = ask_for_training(lead, team)
    answer = predicted(lead, team)

    assert (job["state"], job["attempts"]) == ("failed", MAX_ATTEMPTS)
    assert job["failure_reason"].startswith("S3 upload failed in bucket 'test-ml-bucket'")
    assert answer["method"] in SIMPLE_METHODS
    assert [model.status for model in MLModel.objects.all()] == ["failed"]

    s3_server.engine.start()
    assert ask_for_training(lead, team)["state"] == "succeeded"
    assert predicted(lead, team)["method"] == "ml_model"


def test_store_killed_between_the_two_artefacts__nothing_half_stored_serves_and_the_next_attempt_does(
    store, s3_server: S3Server, lead, team
):
    def kill_at_the_second_artefact(request: bytes) -> None:
        if request.startswith(b"PUT ") and b"/serving.npz" in request:
            s3_server.engine.kill()

    store.before = kill_at_the_second_artefact
    run = attempt(request_training(EFFORT, team.id, cause="test", now=timezone.now()))

    assert (run.state, run.attempts) == ("queued", 1)
    assert run.failure_reason.startswith("S3 upload failed in bucket 'test-ml-bucket'")
    assert not MLModel.objects.exists()
    assert predicted(lead, team)["method"] in SIMPLE_METHODS

    store.before = lambda request: None
    s3_server.engine.start()
    assert attempt(run).state == "succeeded"
    assert predicted(lead, team)["method"] == "ml_model"

    # What the first attempt left is listed, and removed once it is too old to belong to a training that goes on.
    left = {each.key.rpartition("/")[2] for each in verify_store(now=timezone.now()).of("young")}
    assert "model.joblib" in left
    an_hour_later = verify_store(now=timezone.now() + MIN_ORPHAN_AGE)
    assert len(delete_orphans(an_hour_later)) == len(left)
    found = verify_store(now=timezone.now() + MIN_ORPHAN_AGE)
    assert (found.is_sound, found.objects) == (True, 3)


def test_store_down_after_a_training__who_has_the_model_keeps_it_and_who_starts_anew_answers_simply_until_it_is_back(
    store, s3_server: S3Server, lead, team, monkeypatch
):
    assert ask_for_training(lead, team)["state"] == "succeeded"
    assert predicted(lead, team)["method"] == "ml_model"

    s3_server.engine.kill()
    assert predicted(lead, team)["method"] == "ml_model"
    forget()
    answer = predicted(lead, team)
    assert answer["method"] in SIMPLE_METHODS

    s3_server.engine.start()
    monkeypatch.setattr(model_loader, "RETRY_SECONDS", 0.0)  # as five seconds later
    assert predicted(lead, team)["method"] == "ml_model"


@pytest.mark.parametrize("how", ["silent", "dripping"])
def test_store_slow__one_request_waits_its_budget_and_all_are_answered_simply(store, lead, team, how, monkeypatch):
    # However slowly this machine goes on, it is the next moment.
    monkeypatch.setattr(model_loader, "RETRY_SECONDS", 3600.0)
    assert ask_for_training(lead, team)["state"] == "succeeded"
    assert predicted(lead, team)["method"] == "ml_model"
    store.mode = how

    assert asked_of(store, lead, team) == ("ml_model", 0)
    forget()
    began = time.monotonic()
    assert predicted(lead, team)["method"] in SIMPLE_METHODS
    assert STORE_SECONDS / 2 < time.monotonic() - began < 2 * STORE_SECONDS + GRACE_SECONDS
    method, requests = asked_of(store, lead, team)
    assert (method in SIMPLE_METHODS, requests) == (True, 0)


def asked_of(store: Proxy, lead, team) -> tuple[str, int]:
    """The method of an answer, and how often the store was asked for it."""
    before = store.requests
    return predicted(lead, team)["method"], store.requests - before


# --- The disk -----------------------------------------------------------------------------------------------------
@contextmanager
def small_disk(directory: Path, size: str) -> Iterator[Path]:
    """A file system of its own."""
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory], check=True, capture_output=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", directory], check=True, capture_output=True)


def fill(directory: Path, *, but_bytes: int) -> Path:
    """Leave this much free."""
    free = os.statvfs(directory)
    filler = directory / "filler"
    filler.write_bytes(b"x" * (free.f_bavail * free.f_bsize - but_bytes))
    return filler


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file system of its own")
@pytest.mark.parametrize("free_bytes", [0, 4096, 12288])
def test_disk_full__the_job_says_so_nothing_half_written_is_visible_and_it_works_again_when_there_is_room(
    lead, team, settings, tmp_path, free_bytes
):
    with small_disk(tmp_path / "disk", "1m") as disk:
        settings.MODEL_STORE_DIR = disk / "models"
        forget()
        get_object_store()
        filler = fill(disk, but_bytes=free_bytes)

        job = ask_for_training(lead, team)

        assert job["state"] == "failed"
        assert job["failure_reason"].startswith(f"Directory upload failed in directory '{disk / 'models'}'")
        assert "No space left on device" in job["failure_reason"]
        assert predicted(lead, team)["method"] in SIMPLE_METHODS
        assert not MLModel.objects.filter(is_active=True).exists()
        found = verify_store(now=timezone.now() + MIN_ORPHAN_AGE)
        assert {finding.fault for finding in found.findings} <= {"orphan"}
        delete_orphans(found)
        # Marks of what was never written may be there for a week: they are empty.
        assert sum(path.stat().st_size for path in (disk / "models").rglob("*") if path.is_file()) == 0

        filler.unlink()
        assert ask_for_training(lead, team)["state"] == "succeeded"
        assert predicted(lead, team)["method"] == "ml_model"
        get_object_store.__globals__["_open_store_once"].cache_clear()


# --- The broker and the database, below a web server and a worker ---------------------------------------------------
MAKE_A_TEAM = """
from django.utils import timezone
from apps.accounts.models import User
from apps.ml.tests.teams import learnable_team
from apps.projects.tests.factories import TeamMemberFactory
team = learnable_team(600, until=timezone.now())
TeamMemberFactory(project=team, user=User.objects.get(email="lead@example.com"), role="lead")
print(team.id)
"""


@dataclass(frozen=True, slots=True)
class Service:
    """A running installation and the question that people ask it."""

    processes: Installation
    project_id: str

    def predict(self) -> Answer:
        question = {"project_id": self.project_id, "title": "Change the label"}
        return self.processes.post("/api/v1/ml/predict-effort/", question)

    def train(self, model_type: str) -> Answer:
        asked = {"model_type": model_type, "project_id": self.project_id}
        return self.processes.post("/api/v1/ml/models/train/", asked)

    def run(self, model_type: str, columns: str) -> tuple:
        return self.processes.query(f"select {columns} from ml_trainingrun where model_type = '{model_type}'")

    def wait_until_trained(self, model_type: str) -> None:
        self.processes.wait_for(lambda: self.run(model_type, "state") in [("succeeded",), ("failed",)])
        assert self.run(model_type, "state, failure_reason") == ("succeeded", "")

    def models(self, model_type: str) -> tuple:
        """How many there are, and how many serve."""
        return self.processes.query(
            f"select count(*), sum(is_active::int) from ml_mlmodel where model_type = '{model_type}'"
        )

    def minutes_later(self, model_type: str) -> None:
        """What was sent or seen last is old now, and the task of every minute looks."""
        columns = "queued_at = '2026-01-01', heartbeat_at = '2026-01-01'"
        self.processes.query(f"update ml_trainingrun set {columns} where model_type = '{model_type}'")
        self.processes.send("apps.ml.tasks.requeue_lost_trainings")


@pytest.fixture(scope="module")
def service(tmp_path_factory, postgres_server, valkey_server, s3_server) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("faults")
    with installation(folder, postgres_server, valkey_server, s3_server) as processes:
        processes.start_web()
        processes.start_worker()
        project_id = processes.script(MAKE_A_TEAM)
        processes.wait_until_live()
        yield Service(processes, project_id)


@pytest.mark.usefixtures("engines_started_again")
def test_broker_killed__predictions_go_on_a_training_is_refused_with_its_job_and_done_when_the_broker_is_back(
    service: Service, valkey_server
):
    valkey_server.engine.kill()

    assert service.predict().status == 200
    refused = service.train("story_points")
    assert (refused.status, refused.body["code"]) == (503, "broker_unavailable")
    again = service.train("story_points")
    assert (again.status, again.body["job_id"]) == (409, refused.body["job_id"])

    valkey_server.engine.start()
    service.minutes_later("story_points")
    service.wait_until_trained("story_points")
    assert service.models("story_points") == (1, 1)


@pytest.mark.usefixtures("engines_started_again")
def test_database_restarted_in_a_training__requests_fail_with_an_id_until_it_is_back_and_the_training_is_done_once(
    service: Service, postgres_server
):
    assert service.train(EFFORT).status == 202
    service.processes.wait_for(lambda: in_the_middle(service.run(EFFORT, "state, progress_step")))

    postgres_server.engine.stop()
    began = time.monotonic()
    refused = service.predict()
    assert (refused.status, time.monotonic() - began < DATABASE_SECONDS + GRACE_SECONDS) == (503, True)
    assert refused.headers["X-Request-ID"]
    assert service.processes.get("/health/live").status == 200
    postgres_server.engine.start()

    assert service.predict().status == 200
    if service.run(EFFORT, "state") == ("running",):
        service.minutes_later(EFFORT)
    service.wait_until_trained(EFFORT)
    assert service.models(EFFORT) == (1, 1)
    # A process that has just looked looks again within two seconds.
    service.processes.wait_for(lambda: service.predict().body["method"] == "ml_model")


def in_the_middle(run: tuple[str, int]) -> bool:
    state, step = run
    return state == "running" and step >= 2
