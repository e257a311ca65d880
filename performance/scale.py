"""Thousands of projects: models under load in a bounded cache, a sweep of trainings, the plan; memory and queries."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("LOG_LEVEL", "ERROR")

import argparse
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CACHE_MIB = 256
MIB = 2**20
THREADS = 4
#: A team whose model is large: 2,000 of them need several times the cache.
LARGE_TEAM, SMALL_TEAM = 1_500, 60
SAMPLES = 10


def main() -> None:
    """Measure in a database and a store of their own, and compare with the targets."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=int, default=2_000, help="projects with a model, under load; 0: none")
    parser.add_argument("--lookups", type=int, default=10_000, help="predictions asked of them")
    parser.add_argument("--trainings", type=int, default=2_000, help="small projects to train; 0: none")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        set_up(Path(folder))
        on_target = options.models == 0 or cache_under_load(options.models, options.lookups)
        on_target &= options.trainings == 0 or plan_and_sweep(options.trainings)
    if not on_target:
        sys.exit("scale: a target is missed")


def set_up(folder: Path) -> None:
    """An empty installation, as one machine has it."""
    os.environ.update({"SCRUM_ML_VAR_DIR": str(folder), "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3"})
    os.environ["ML_MODEL_CACHE_BYTES"] = str(CACHE_MIB * MIB)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "base.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


# --- The cache ----------------------------------------------------------------------------------------------------
@dataclass
class Watch:
    """The largest figures seen while something runs."""

    read: Callable[[], int]
    seconds: float = 0.05
    largest: int = 0

    def __enter__(self) -> "Watch":
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.largest = max(self.largest, self.read())

    def _look(self) -> None:
        while not self._over.wait(self.seconds):
            self.largest = max(self.largest, self.read())


def cache_under_load(models: int, lookups: int) -> bool:
    """Ask projects at random, several threads at once; whether the cache kept its bound."""
    from apps.ml.services.model_loader import ModelLoader

    projects, facts = copies_of_one_model(models)
    loader = ModelLoader()
    loader.clear_cache()
    one = loader.load_active_model("effort_prediction", projects[0])
    assert one is not None
    before = rss_bytes()
    print(f"cache: {models:,} models of {one.nbytes / MIB:.2f} MiB, {one.nbytes * models / MIB:,.0f} MiB together")
    started, cpu = time.perf_counter(), time.process_time()
    with Watch(lambda: cached_bytes(loader)) as cached, Watch(rss_bytes) as resident:
        ask(loader, projects, facts, lookups)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    stats = loader.get_cache_stats()
    print(
        f"  {lookups:,} predictions by {THREADS} threads in {seconds:.0f} s (CPU {cpu:.0f} s): "
        f"{stats['hits']:,} hits, {stats['misses']:,} misses, {stats['total_cached']:,} models kept"
    )
    print(
        f"  largest cache {cached.largest / MIB:.1f} MiB of {CACHE_MIB} MiB; process {before / MIB:.0f} MiB before, "
        f"{resident.largest / MIB:.0f} MiB at most: {(resident.largest - before) / MIB:.0f} MiB more"
    )
    loader.clear_cache()
    return cached.largest <= CACHE_MIB * MIB


def copies_of_one_model(count: int) -> tuple[list[Any], Any]:
    """Projects that each have an active model of their own, and an issue to ask about.

    One training, stored once a project: what is measured is memory, and each is loaded by itself.
    """
    from apps.ml.models import MLModel
    from apps.ml.selectors.issues import completed_with_hours
    from apps.ml.services import ModelTrainer
    from apps.ml.storage.s3 import S3ModelStorageService
    from apps.ml.tests.teams import learnable_team
    from apps.projects.models import Project

    team = learnable_team(LARGE_TEAM, until=NOW, spread=0.5)
    trained = ModelTrainer().train_effort_prediction_model(team.id, now=NOW)
    storage = S3ModelStorageService()
    model, serving = storage.download_model(trained.s3_key), storage.download_model(trained.serving_key)
    projects = Project.objects.bulk_create(
        [Project(key=f"SCALE{n}", name=f"Project {n}", created_at=NOW) for n in range(count)]
    )
    rows = []
    for project in projects:
        stored = storage.upload_model(
            model_type=trained.model_type,
            version="1.0.0",
            model=model,
            serving=serving,
            now=later(len(rows)),
            project_id=project.id,
        )
        rows.append(
            MLModel(
                model_type=trained.model_type, project=project, version="1.0.0", status="active", is_active=True,
                s3_key=stored.model.key, digest=stored.model.digest, signature=stored.model.signature,
                serving_key=stored.serving.key, serving_digest=stored.serving.digest,
                serving_signature=stored.serving.signature, training_samples=LARGE_TEAM, trained_at=NOW,
            )
        )  # fmt: skip
    MLModel.objects.bulk_create(rows)
    return [project.id for project in projects], completed_with_hours(team.id)[0].facts


def later(seconds: int) -> datetime:
    return NOW + timedelta(seconds=1 + seconds)


def ask(loader: Any, projects: list[Any], facts: Any, lookups: int) -> None:
    """Every thread asks its share, as a web server's threads do."""
    from django.db import connection

    def run(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(lookups // THREADS):
            loader.load_active_model("effort_prediction", rng.choice(projects)).predictor.estimate(facts)
        connection.close()

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def cached_bytes(loader: Any) -> int:
    total = loader.get_cache_stats()["total_bytes"]
    assert isinstance(total, int)
    return total


# --- The plan and the sweep ---------------------------------------------------------------------------------------
def plan_and_sweep(count: int) -> bool:
    """Queue what is due, then train it one after the other in this process, as a worker does.

    Whether memory did not grow after the first fifth, in which allocators and caches fill, and the plan's number of
    queries was the same for a tenth of the projects.
    """
    from apps.ml.services.training.due import models_due

    make_small_teams(count // 10)
    few_queries, _, _ = planned(models_due)
    make_small_teams(count - count // 10)
    queries, seconds, due = planned(models_due)
    print(
        f"plan: {due:,} due of {count:,} projects in {queries} queries, {seconds:.1f} s "
        f"({few_queries} queries for a tenth of them)"
    )
    samples = sweep()
    settled = samples[len(samples) // 5 :]
    growth = settled[-1][1] - settled[0][1]
    trained = settled[-1][0] - settled[0][0]
    print(f"  after the first fifth: {growth / MIB:+.1f} MiB in {trained:,} trainings")
    return queries == few_queries and growth < GROWTH_PER_TRAINING_BYTES * max(trained, 1) + GROWTH_NOISE_BYTES


#: What counts as no growth: a model kept by mistake is 50 kB, its issues more; and what allocators move to and fro.
GROWTH_PER_TRAINING_BYTES, GROWTH_NOISE_BYTES = 2_048, 8 * MIB


def make_small_teams(count: int) -> None:
    from apps.ml.tests.teams import learnable_team

    for number in range(count):
        learnable_team(SMALL_TEAM, until=NOW, seed=number)


def planned(models_due: Callable[..., Any]) -> tuple[int, float, int]:
    """Queries, seconds and models of one plan for hours."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    started = time.perf_counter()
    with CaptureQueriesContext(connection) as queries:
        due = sum(1 for each in models_due(now=NOW) if each.model_type == "effort_prediction")
    return len(queries), time.perf_counter() - started, due


def sweep() -> list[tuple[int, int]]:
    """Train all that is due for hours; how many were trained, with the process' memory then."""
    from apps.ml.models import TrainingRun
    from apps.ml.services.training.due import queue_due_trainings
    from apps.ml.services.training.jobs import run_training

    list(queue_due_trainings(now=NOW))
    hours_runs = TrainingRun.objects.filter(model_type="effort_prediction")
    runs = list(hours_runs.filter(state="queued").values_list("id", flat=True))
    started, cpu, samples = time.perf_counter(), time.process_time(), [(0, rss_bytes())]
    for number, run_id in enumerate(runs, start=1):
        # Each at its own second, as a worker does: the time is part of a model's key.
        run_training(run_id, now=later(number), rng=random.Random(0))
        if number % max(len(runs) // SAMPLES, 1) == 0:
            samples.append((number, rss_bytes()))
            print(f"  {number:6,} trained, process {samples[-1][1] / MIB:.1f} MiB", flush=True)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    failed = hours_runs.filter(state="failed").count()
    print(f"sweep: {len(runs):,} trainings in {seconds:.0f} s, CPU {cpu / len(runs):.2f} s each; {failed} failed")
    return samples


def rss_bytes() -> int:
    """Memory of this process that is really there."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
