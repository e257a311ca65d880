"""Effort and points in process, features to answer, one thread; target: p95 1.5 ms, hours p50 0.4 ms at 20,000."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from apps.ml.benchmarks.effort.data import read_tasks
from apps.ml.benchmarks.points.data import read_project
from apps.ml.core.effort import EffortModel
from apps.ml.core.effort.training import train_effort_model
from apps.ml.core.points import PointsModel, load_prior
from apps.ml.core.points.training import train_points_model
from apps.ml.core.records import CompletedIssue, IssueFacts
from performance.report import milliseconds, public_data
from performance.train_in_process import repeated

QUESTIONS = 1_000
#: Learned issues of a large model: the public tasks over and over.
MANY = 20_000
POINTS_PROJECT = "datamanagement"  # the largest of the public set


def main() -> None:
    """Train on the largest public sets, then ask."""
    effort()
    points()


def effort() -> None:
    """Hours, with and without the team's own estimate."""
    tasks = read_tasks(public_data("effort_sip/tasks.csv"))
    for learned in (tasks, repeated(tasks, MANY)):
        answers_of(learned, sample(tasks))


def answers_of(learned: Sequence[CompletedIssue], facts: Sequence[IssueFacts]) -> None:
    """One paragraph a model."""
    model, seconds = trained(learned)
    print(f"effort: {len(learned)} tasks, trained in {seconds:.1f} s, {model.nbytes / 2**20:.1f} MiB in memory")
    # As the service asks: it lists today's issues in place of those learned from.
    estimate = partial(model.estimate, evidence=False)
    report("without an estimate", estimate, [replace(each, estimated_hours=None) for each in facts])
    report("with the team's estimate", estimate, facts)


def points() -> None:
    """Story points from titles and long descriptions."""
    issues = read_project(public_data(f"story_points/{POINTS_PROJECT}.csv")).known
    start = time.perf_counter()
    result = train_points_model(issues, now=max(issue.completed_at for issue in issues), prior=load_prior())
    print(f"points: {len(issues)} issues, trained in {time.perf_counter() - start:.1f} s")
    report("story points", PointsModel.from_bytes(result.serving, prior=load_prior()).recommend, sample(issues))


def trained(tasks: Sequence[CompletedIssue]) -> tuple[EffortModel, float]:
    """A model and the seconds its training took, measuring included."""
    now = max(task.completed_at for task in tasks)
    start = time.perf_counter()
    result = train_effort_model(tasks, now=now)
    return EffortModel.from_bytes(result.serving), time.perf_counter() - start


def sample(issues: Sequence[CompletedIssue]) -> list[IssueFacts]:
    """Facts in an order that no cache likes."""
    return [issue.facts for issue in random.Random(0).sample(list(issues), min(QUESTIONS, len(issues)))]


def report(name: str, answer: Callable[[IssueFacts], object], questions: Sequence[IssueFacts]) -> None:
    """Wall and processor time a question: the latter holds on a busy machine."""
    wall: list[float] = []
    cpu: list[float] = []
    for facts in questions:
        wall_start, cpu_start = time.perf_counter(), time.process_time()
        answer(facts)
        cpu.append(time.process_time() - cpu_start)
        wall.append(time.perf_counter() - wall_start)
    print(f"  {name:26} wall {milliseconds(wall)}")
    print(f"  {'':26} cpu  {milliseconds(cpu)}")


if __name__ == "__main__":
    main()
