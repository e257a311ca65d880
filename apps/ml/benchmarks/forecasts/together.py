"""What is said of several teams together, on simulated teams that share part of their shocks."""

from typing import Any

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.forecasts.together import Contributor, chance_of_all, shared_futures
from apps.ml.core.forecasts.units import Throughput

#: Two years are known, and four weeks asked about.
HISTORY_WEEKS, ASKED_WEEKS = 96, 4
N_WORLDS, N_TEAMS, N_RUNS = 400, 3, 1_000
#: Teams of some eight issues a week whose levels wander and whose weeks scatter, as public teams' do.
LEVEL_SD, WEEK_SD, WEEKLY_MEAN = 0.08, 0.4, 7.4
#: Parts of the shocks' variance that all teams share.
SHARED = (0.0, 0.5, 0.9)
#: Of the amounts that a team may finish, the share of futures with less: what is asked of each is a likely amount.
ASKED_SHARE = 0.5


def weekly_counts(rng: np.random.Generator, *, shared: float) -> Floats:
    """Issues finished in each week: shape (N_TEAMS, HISTORY_WEEKS + ASKED_WEEKS)."""
    weeks = HISTORY_WEEKS + ASKED_WEEKS

    def log_levels(n: int) -> Floats:
        wander = np.cumsum(rng.normal(0, LEVEL_SD, (n, weeks)), axis=1)
        return np.asarray(wander + rng.normal(0, WEEK_SD, (n, weeks)), dtype=np.float64)

    levels = np.sqrt(shared) * log_levels(1) + np.sqrt(1 - shared) * log_levels(N_TEAMS)
    centred = levels - levels[:, :HISTORY_WEEKS].mean(axis=1, keepdims=True)
    return np.asarray(rng.poisson(WEEKLY_MEAN * np.exp(centred)), dtype=np.float64)


def together(*, n_worlds: int = N_WORLDS) -> dict[str, Any]:
    """By the part of the shocks that is shared: what was said, what a product says, what came true, each alone."""
    return {f"{shared:g}": _told(shared, n_worlds) for shared in SHARED}


def _told(shared: float, n_worlds: int) -> dict[str, float]:
    rng = np.random.default_rng(7)
    rows = [_world(weekly_counts(rng, shared=shared)) for _ in range(n_worlds)]
    names = ("said", "product", "came_true", "each_said", "each_came_true")
    means = np.mean(np.asarray(rows, dtype=np.float64), axis=0)
    return {name: round(float(mean), 3) for name, mean in zip(names, means, strict=True)}


def _world(weekly: Floats) -> tuple[float, float, float, float, float]:
    teams = {
        str(team): Contributor(Throughput(issues=tuple(counts[:HISTORY_WEEKS])), "issues")
        for team, counts in enumerate(weekly)
    }
    amounts = [run.amount_within(ASKED_WEEKS) for run in shared_futures(teams, n_runs=N_RUNS).runs.values()]
    asked = np.array([np.floor(np.quantile(amount, ASKED_SHARE)) for amount in amounts])
    in_time = [amount >= each for amount, each in zip(amounts, asked, strict=True)]
    alone = [float(np.mean(each)) for each in in_time]
    came = weekly[:, HISTORY_WEEKS:].sum(axis=1) >= asked
    return chance_of_all(in_time), float(np.prod(alone)), float(came.all()), float(np.mean(alone)), float(came.mean())
