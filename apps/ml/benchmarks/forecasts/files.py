"""The replay of forecasts over project files of public data."""

from pathlib import Path

import numpy as np

from apps.ml.benchmarks.forecasts.data import read_projects
from apps.ml.core.forecasts.replay import REPLAY_RUNS
from apps.ml.services.evaluation.forecast_replay import ForecastReplayPlan


def plan_of_files(directory: Path) -> ForecastReplayPlan:
    """Every project file of a directory; raises `UnreadableData`."""
    projects = {project.name: project.resolved.astype(np.float64) for project in read_projects(directory)}
    return ForecastReplayPlan(
        name=f"{len(projects)} projects of {directory.resolve().name}",
        unit="issues",
        weekly=projects,
        n_runs=REPLAY_RUNS,
    )
