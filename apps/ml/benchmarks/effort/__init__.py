"""Benchmark of predicted hours on a file of finished tasks, through the very code that serves.

    ./run manage benchmark effort --data tasks.csv --from 2008-01-01 --json effort.json
    ./run manage benchmark effort --data later.csv --train tasks.csv --from 2009-03-01
    ./run manage benchmark effort --data tasks.csv --learning-curve --from 2005-01-01 --until 2008-01-01

Every issue is predicted at the time it was estimated, by a model trained on issues completed before. `rolling` keeps
the model as fresh as the product does (refit at each month's start, ranges corrected by the last 300 outcomes),
`frozen` trains once. `--learning-curve` asks instead what young teams are told: one team, cut at each month of the
range, or without `--from` each project of the file, cut three times; with `--of-others` every second project, asking
a model of the others.
"""

import argparse
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from apps.ml.benchmarks.acceptance import acceptance_table, judged
from apps.ml.benchmarks.effort.data import read_tasks
from apps.ml.benchmarks.effort.learning_curve import learning_curve, measure, monthly_cuts, project_cuts, strangers_cuts
from apps.ml.benchmarks.effort.report import CRITERIA, methods
from apps.ml.benchmarks.effort.score import Test, score_baseline, score_estimates
from apps.ml.benchmarks.runs import NothingToTest, Write, add_dated_arguments, moment, tested_range, write_figures
from apps.ml.core.effort.baselines import BASELINES, fitted
from apps.ml.core.effort.replay import EffortReplay, ReplayedIssue
from apps.ml.core.records import CompletedIssue, chronological

#: Size of the small team of the learning curve.
SMALL_TEAM = 100
_PAST = 300


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options, for the management command and the module alike."""
    add_dated_arguments(parser, data="CSV of finished tasks with hours")
    parser.add_argument("--protocol", choices=("rolling", "frozen"), default="rolling")
    parser.add_argument("--level", type=float, default=0.8, help="share of outcomes that ranges shall hold")
    parser.add_argument("--learning-curve", action="store_true", help="teams with 10 to 200 finished issues")
    parser.add_argument("--of-others", action="store_true", help="... answered by a model of the other projects")


def run(options: dict[str, Any], write: Write) -> dict[str, Any]:
    """Run the benchmark.

    Raises
    ------
    NothingToTest
        If the range holds no task, or there is none before it.
    """
    if options.get("learning_curve"):
        return _learning_curve(options, write)
    path, earlier = Path(options["data"]), options.get("train")
    tasks = read_tasks(path)
    known = read_tasks(Path(earlier)) if earlier else []
    start, test = tested_range(tasks, options.get("start"), options.get("end"))
    history = [task for task in (*known, *tasks) if task.completed_at < start]
    if not test or not history:
        raise NothingToTest
    rolling = (options.get("protocol") or "rolling") == "rolling"
    walk = EffortReplay(_distinct(known, tasks), rolling=rolling, level=options.get("level") or 0.8, write=write)
    served = walk.run(test, start)
    project = _scored(path, served, history, walk)
    project["learning_curve"] = _small_team(test, history, start, write)
    project["acceptance"] = judged(CRITERIA, project, withheld=bool(earlier))
    figures = {"protocol": "rolling" if rolling else "frozen", "from": start.isoformat(), "projects": [project]}
    _report(project, write)
    write_figures(options, figures)
    return figures


def _learning_curve(options: dict[str, Any], write: Write) -> dict[str, Any]:
    tasks, start = read_tasks(Path(options["data"])), options.get("start")
    end = moment(options["end"]) if options.get("end") else max(task.known_at for task in tasks)
    of_projects = strangers_cuts if options.get("of_others") else project_cuts
    cuts = monthly_cuts(tasks, moment(start), end) if start else of_projects(tasks)
    rows = measure(list(cuts), write)
    for line in learning_curve(rows):
        write(line)
    figures = {"learning_curve": rows}
    write_figures(options, figures)
    return figures


def _distinct(known: Sequence[CompletedIssue], tasks: Sequence[CompletedIssue]) -> list[CompletedIssue]:
    """Both files; a task that is in both counts once, as the later file has it."""
    newest = {(task.issue_id, task.known_at): task for task in (*known, *tasks)} if known else {}
    return list(newest.values()) if known else list(tasks)


def _scored(
    path: Path, served: Sequence[ReplayedIssue], history: Sequence[CompletedIssue], walk: EffortReplay
) -> dict[str, Any]:
    hours = np.array([one.issue.actual_hours or np.nan for one in served])
    past = chronological(history)
    test = Test(served, hours, float(np.median([task.actual_hours or np.nan for task in past])))
    return {
        "project": path.parent.name if path.stem == "tasks" else path.stem,
        "n": len(served),
        "n_train": len(past),
        "served": score_estimates(test, [one.plain for one in served], walk.timings),
        "served_with_estimate": score_estimates(test, [one.informed for one in served], walk.timings),
        "baselines": {name: score_baseline(test, name, _past_errors(name, past)) for name in BASELINES},
    }


def _past_errors(name: str, past: Sequence[CompletedIssue]) -> Any:
    """Log errors of a baseline fitted on the earlier outcomes, on the last 300 before the test."""
    earlier, last = past[:-_PAST] or past, past[-_PAST:]
    predict = fitted(earlier)[name] if name != "seed_trees" else (lambda _facts: None)
    pairs = [(task.actual_hours, predict(task.facts)) for task in last]
    return np.array([np.log(hours / guess) for hours, guess in pairs if hours and guess] or [-1.0, 0.0, 1.0])


def _small_team(
    test: Sequence[CompletedIssue], history: Sequence[CompletedIssue], start: datetime, write: Write
) -> dict[str, Any]:
    """The same test served by a model that knows only the last 100 outcomes before it."""
    small = chronological(history)[-SMALL_TEAM:]
    if len(small) < SMALL_TEAM:
        return {"n_train": len(small)}
    write(f"A team with {SMALL_TEAM} finished issues:")
    walk = EffortReplay(small, rolling=False, level=0.8, write=lambda _line: None)
    served = walk.run(test, start)
    hours = np.array([one.issue.actual_hours or np.nan for one in served])
    scores = score_estimates(
        Test(served, hours, float(np.median([task.actual_hours or np.nan for task in small]))),
        [one.plain for one in served],
        walk.timings,
    )
    return {"n_train": SMALL_TEAM, **scores}


def _report(project: dict[str, Any], write: Write) -> None:
    write(f"{project['project']}: {project['n']} issues predicted, {project['n_train']} known before")
    for line in (*methods(project), "", *acceptance_table(project["acceptance"])):
        write(line)
