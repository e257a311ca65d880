"""`benchmark forecasts`: the forecasting engine and its alarms replayed on public issues, beside naive forecasts.

    ./run manage benchmark forecasts --data DIR --json forecasts.json

DIR holds one CSV file a project with the columns created and resolved. Every third week the engine that serves is
asked, with only the weeks before, when four weeks of work will be done and how many items in two, four and eight weeks;
then in each week, every promise counted. Simulated teams show what a change of speed does, and whether it is told;
worlds of three teams that share their shocks, what is said of all together.
"""

import argparse
from pathlib import Path
from typing import Any

from apps.ml.benchmarks.acceptance import judged
from apps.ml.benchmarks.forecasts.alarms import alarms
from apps.ml.benchmarks.forecasts.data import read_projects
from apps.ml.benchmarks.forecasts.limit import limits
from apps.ml.benchmarks.forecasts.replay import each_week, when
from apps.ml.benchmarks.forecasts.report import CRITERIA, lines
from apps.ml.benchmarks.forecasts.shifts import N_TEAMS, shifts
from apps.ml.benchmarks.forecasts.together import N_WORLDS, together
from apps.ml.benchmarks.runs import Write, add_json_argument, write_figures
from apps.ml.core.forecasts.replay import REPLAY_RUNS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the benchmark."""
    parser.add_argument("--data", type=Path, required=True, help="directory with one CSV file a project")
    parser.add_argument("--runs", type=int, default=REPLAY_RUNS, help=f"runs of a forecast ({REPLAY_RUNS})")
    parser.add_argument("--step", type=int, default=1, help="ask only every so many-th time, to be quicker")
    parser.add_argument("--teams", type=int, default=N_TEAMS, help=f"simulated teams of a speed ({N_TEAMS})")
    parser.add_argument("--worlds", type=int, default=N_WORLDS, help=f"simulated worlds of several teams ({N_WORLDS})")
    add_json_argument(parser)


def run(options: dict[str, Any], write: Write) -> dict[str, Any]:
    """Replay, write the tables and return the figures."""
    projects = read_projects(Path(options["data"]))
    n_runs, step = options.get("runs") or REPLAY_RUNS, options.get("step") or 1
    found: dict[str, Any] = {
        "projects": len(projects),
        "runs": n_runs,
        "when": when(projects, n_runs=n_runs, step=step),
        "each_week": each_week(projects, step=step),
        "alarms": alarms(projects, n_runs=n_runs, step=step),
        "shifts": shifts(n_teams=options.get("teams") or N_TEAMS),
        "limits": limits(),
        "together": together(n_worlds=options.get("worlds") or N_WORLDS),
    }
    found["acceptance"] = judged(CRITERIA, found)
    for line in lines(found):
        write(line)
    write_figures(options, found)
    return found
