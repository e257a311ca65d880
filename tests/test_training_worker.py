"""Trainings through a real broker and a real worker process, which is also killed in the middle of one."""

import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from base.worker import children
from tests.engines import ValkeyServer
from tests.processes import ONE_THREAD, PATIENCE_SECONDS, Processes, kept_environment, kill

pytestmark = pytest.mark.engine
#: Finished issues of the team: enough that a training takes a second or two, in which its worker can be killed.
ISSUES = 600
ASK_FOR_A_TRAINING = f"""
from django.utils import timezone
from apps.ml.services.training.jobs import request_training
from apps.ml.tasks import send_training
from apps.ml.tests.teams import learnable_team
team = learnable_team({ISSUES}, until=timezone.now())
send_training(request_training("effort_prediction", team.id, cause="test", now=timezone.now()).id)
"""


class Installation(Processes):
    """A folder, a broker, and what the database in the folder says."""

    def __init__(self, var_dir: Path, broker_url: str) -> None:
        settings = {"SCRUM_ML_VAR_DIR": str(var_dir), "CELERY_BROKER_URL": broker_url}
        super().__init__(var_dir, {**kept_environment(), **settings, **ONE_THREAD})
        self.database = var_dir / "db.sqlite3"

    @contextmanager
    def worker(self) -> Iterator[subprocess.Popen[bytes]]:
        """A worker process with one child, for as long as the block lasts."""
        process = self.start_worker()
        try:
            yield process
        finally:
            kill(process)

    def query(self, sql: str) -> Any:
        with closing(sqlite3.connect(self.database, timeout=20)) as connection, connection:
            return connection.execute(sql).fetchone()

    def wait_for_row(self, sql: str) -> None:
        self.wait_for(lambda: self.query(sql))


@pytest.fixture
def installation(tmp_path: Path, with_tables: Callable[[Path], Path], valkey_server: ValkeyServer) -> Installation:
    return Installation(with_tables(tmp_path), valkey_server.url)


ACTIVATE_AT_ONCE = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from django.db import connections
from django.utils import timezone
from apps.common.exceptions import Conflict
from apps.ml.models import MLModel
from apps.ml.services.models.registry import activate
from apps.ml.tests.factories import MLModelFactory
models, together = [MLModelFactory() for _ in range(8)], Barrier(8)

def run(model):
    together.wait()
    try:
        activate(model, now=timezone.now())
    except Conflict as conflict:
        return conflict.code
    finally:
        connections.close_all()

answers = list(ThreadPoolExecutor(8).map(run, models))
print(MLModel.objects.filter(is_active=True).count(), set(answers) <= {None, "activation_conflict"}, None in answers)
"""


def test_activations_at_once_leave_one_active_model_in_the_embedded_database_too(installation):
    assert installation.script(ACTIVATE_AT_ONCE) == "1 True True"


def test_a_worker_that_is_killed_in_the_middle_of_a_training_is_replaced_and_the_training_done_once(installation):
    installation.script(ASK_FOR_A_TRAINING)

    with installation.worker() as worker:
        installation.wait_for_row("select 1 from ml_trainingrun where state = 'running' and progress_step >= 2")
        kill(worker)

    assert installation.query("select state, attempts from ml_trainingrun") == ("running", 1)
    assert installation.query("select count(*) from ml_mlmodel") == (0,)

    # Two minutes later, as the task of every minute sees it.
    installation.query("update ml_trainingrun set heartbeat_at = '2026-01-01 00:00:00'")
    installation.send("apps.ml.tasks.requeue_lost_trainings")
    with installation.worker():
        installation.wait_for_row("select 1 from ml_trainingrun where state in ('succeeded', 'failed')")

    assert installation.query("select state, attempts, failure_reason from ml_trainingrun") == ("succeeded", 2, "")
    assert installation.query("select count(*), sum(is_active), max(training_samples) from ml_mlmodel") == (
        1,
        1,
        ISSUES,
    )
    assert installation.manage("verify_ml_models") == "1 model, 3 objects: all as recorded."


def test_a_signal_to_all_processes_of_the_workers_ends_them(installation):
    """As `timeout` and systemd send it: a worker whose pool died of it waited for that pool for ever."""
    installation.environment["CELERY_BROKER_URL"] = "filesystem://"
    workers = installation.start("base.worker")
    installation.wait_for(lambda: installation.log.read_text(errors="replace").count(" ready.") == 3)

    os.killpg(workers.pid, signal.SIGTERM)

    assert workers.wait(PATIENCE_SECONDS) == 0
    assert ENDS_WITH_THE_SCHEDULE not in installation.log.read_text(errors="replace")


ENDS_WITH_THE_SCHEDULE = "The schedule inside this worker has ended"


def is_of_the_pool(pid: int) -> bool:
    """It leaves a SIGTERM to its worker."""
    [ignored] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigIgn")]
    return bool(int(ignored.split()[1], 16) & 1 << (signal.SIGTERM - 1))


def test_a_worker_whose_schedule_was_killed_tells_it_and_ends_so_that_both_are_started_again(installation):
    installation.environment["CELERY_BROKER_URL"] = "filesystem://"
    worker = installation.start("celery", "-A", "base", "worker", "-B", "--concurrency", "1", "--loglevel", "INFO")
    installation.wait_for(lambda: " ready." in installation.log.read_text(errors="replace"))
    # As soon as it has begun so far.
    installation.wait_for(lambda: any(map(is_of_the_pool, children(worker.pid))))
    [beat] = [pid for pid in children(worker.pid) if not is_of_the_pool(pid)]

    os.kill(beat, signal.SIGKILL)

    assert worker.wait(PATIENCE_SECONDS) == 1
    assert installation.log.read_text(errors="replace").count(ENDS_WITH_THE_SCHEDULE) == 1


def test_processes_of_a_pool_that_are_killed_while_they_wait_are_replaced_and_the_work_goes_on(installation):
    """One of them holds the lock under which all read: with it died, for good, all that the worker was to do."""
    installation.environment["CELERY_BROKER_URL"] = "filesystem://"
    options = ("--queues", "long", "--concurrency", "2", "--loglevel", "INFO")
    worker = installation.start("celery", "-A", "base", "worker", *options)

    def n_done() -> int:
        return installation.log.read_text(errors="replace").count(" succeeded in ")

    try:
        # What each worker does first.
        installation.wait_for(lambda: n_done() == 1)
        waiting = [pid for pid in children(worker.pid) if is_of_the_pool(pid)]
        assert len(waiting) == 2
        for pid in waiting:
            os.kill(pid, signal.SIGKILL)

        installation.script("from apps.ml.tasks import note_long_worker\nnote_long_worker.delay()")

        installation.wait_for(lambda: n_done() == 2)
    finally:
        kill(worker)
