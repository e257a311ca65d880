"""Forecasts in process, one thread, 10,000 runs; targets: a sprint in 50 ms, a backlog of 1,000 in 200 ms."""

import os

from apps.ml.core.arrays import Floats

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date

import numpy as np

from apps.ml.benchmarks.effort.data import read_tasks
from apps.ml.benchmarks.points.data import read_project
from apps.ml.core.forecasts.calendar import Absence, WorkingCalendar
from apps.ml.core.forecasts.drops import path_to, single_drops
from apps.ml.core.forecasts.forecaster import WorkForecaster
from apps.ml.core.forecasts.model_sizes import MAX_MODEL_ANSWERS, sizes_in_hours, sizes_in_points
from apps.ml.core.forecasts.sizes import Spread
from apps.ml.core.forecasts.track_record import track_record
from apps.ml.core.forecasts.units import Throughput, Unit, WorkItem
from apps.ml.core.points import PointsModel, load_prior
from apps.ml.core.points.training import train_points_model
from apps.ml.core.records import CompletedIssue, IssueFacts
from performance.predict_in_process import POINTS_PROJECT, sample, trained
from performance.report import milliseconds, public_data

REPEATS = 31
SPRINT_ISSUES, BACKLOG_ISSUES = 30, 1_000
MONDAY, FRIDAY_AFTER_NEXT = date(2026, 3, 2), date(2026, 3, 13)
CALENDAR = WorkingCalendar(
    frozenset([date(2026, 3, 6), date(2026, 4, 3)]), people=6, absences=(Absence(MONDAY, date(2026, 3, 4)),)
)


def main() -> None:
    """Ask of a team with two years of weeks, first without a model, then with each."""
    tasks = read_tasks(public_data("effort_sip/tasks.csv"))
    team = a_team(np.array([task.actual_hours for task in tasks if task.actual_hours]))
    for name, n in (("sprint", SPRINT_ISSUES), ("backlog", BACKLOG_ISSUES)):
        report(f"{name} of {n}, sizes of finished issues", lambda n=n: ask(team, "points", n))
        report(f"{name} of {n}, counted in issues", lambda n=n: ask(team, "issues", n))
    report("backlog of 1,000 that grows", lambda: ask(team, "issues", BACKLOG_ISSUES, created=(2.0, 3.0, 4.0)))
    report("what to drop from the sprint", lambda: suggestions(team))
    report("the team's track record", lambda: track_record(team.issues))
    for unit, sizes in models(tasks):
        for name, n in (("sprint", SPRINT_ISSUES), ("backlog", BACKLOG_ISSUES)):
            asked = min(n, MAX_MODEL_ANSWERS)
            report(f"{name} of {n}, {asked} sizes by the {unit} model", lambda n=n: ask(team, unit, n, sizes))  # noqa: B023


def a_team(hours: Floats) -> Throughput:
    """Five issues a week, of some points and of public hours each."""
    rng = np.random.default_rng(0)
    issues, points = rng.poisson(5, 104).astype(float), rng.choice([1.0, 2.0, 3.0, 5.0, 8.0], 520)
    return Throughput(
        issues=tuple(issues),
        points=tuple(issues * points.mean()),
        sizes=tuple(points),
        hours=tuple(issues * hours.mean()),
        sizes_hours=tuple(hours),
        presence=CALENDAR.weekly_shares(MONDAY, 104),
    )


def ask(
    team: Throughput,
    unit: Unit,
    n: int,
    sizes: Callable[[list[WorkItem]], Mapping[str, Spread]] | None = None,
    **options: object,
) -> None:
    """A forecast of n issues, with everything that decides when they are done."""
    items = [WorkItem(f"{number:032x}") for number in range(n)]
    growth, ahead = (0.0, 0.1, 0.2, -0.1, 0.3), [WorkItem("begun")]
    spreads = sizes(items[:MAX_MODEL_ANSWERS]) if sizes else {}
    WorkForecaster(team, unit, MONDAY, FRIDAY_AFTER_NEXT, CALENDAR, spreads, growth=growth, ahead=ahead, **options).ask(
        items
    )


def suggestions(team: Throughput) -> None:
    """Each issue alone, and the path to 85 %."""
    items = [WorkItem(f"{number:032x}") for number in range(SPRINT_ISSUES)]
    forecaster = WorkForecaster(team, "points", MONDAY, FRIDAY_AFTER_NEXT, CALENDAR)
    single_drops(forecaster, items)
    path_to(0.85, forecaster, items)


def models(tasks: Sequence[CompletedIssue]) -> list[tuple[Unit, Callable[[list[WorkItem]], Mapping[str, Spread]]]]:
    """Both models, trained on the largest public sets, and how they size issues."""
    issues = read_project(public_data(f"story_points/{POINTS_PROJECT}.csv")).known
    result = train_points_model(issues, now=max(issue.completed_at for issue in issues), prior=load_prior())
    in_points = PointsModel.from_bytes(result.serving, prior=load_prior())
    in_hours, _ = trained(tasks)
    long_texts, titles = sample(issues), sample(tasks)
    return [
        ("points", lambda items: sizes_in_points(in_points, named(items, long_texts))),
        ("hours", lambda items: sizes_in_hours(in_hours, named(items, titles))),
    ]


def named(items: list[WorkItem], facts: list[IssueFacts]) -> dict[str, IssueFacts]:
    """Some public issue for each item."""
    return {item.issue_id: known for item, known in zip(items, facts, strict=False)}


def report(name: str, answer: Callable[[], object]) -> None:
    """Wall and processor time of an answer: the latter holds on a busy machine."""
    wall: list[float] = []
    cpu: list[float] = []
    for _ in range(REPEATS):
        wall_start, cpu_start = time.perf_counter(), time.process_time()
        answer()
        cpu.append(time.process_time() - cpu_start)
        wall.append(time.perf_counter() - wall_start)
    print(f"  {name:52} wall {milliseconds(wall)}")
    print(f"  {'':52} cpu  {milliseconds(cpu)}")


if __name__ == "__main__":
    main()
