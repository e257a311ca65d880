"""Simulated teams whose speed changes: what was promised afterwards, how soon the change is told, and false alarms."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.forecasts.change import FASTER, SLOWER, LastingChange, lasting_change
from apps.ml.core.forecasts.level import HORIZON_WEEKS
from apps.ml.core.forecasts.simulation import Forecast

#: Issues a week and the shape of the gamma distribution of a week's rate: a team, and one that is small and unsteady.
TEAMS = {"10 a week": (10.0, 6.0), "4 a week": (4.0, 4.0)}
#: A year and a half at one speed, then another; what is promised is looked at so many weeks later.
STEADY_WEEKS, LATER_WEEKS = 78, (4, 8, 12, 24)
SPEEDS = {"steady": 1.0, "x0.6": SLOWER, "x1.6": FASTER}
#: The end that the usual promise keeps above, the median, and the end of the 70 % range.
QUANTILES = (0.15, 0.5, 0.85)
#: Four years of weekly looks at teams that stay as they are, after two years of history.
YEARS, WEEKS_A_YEAR, HISTORY_WEEKS = 4, 52, 104
#: An alarm that falls silent for longer than this is another one.
SAME_ALARM_WEEKS = 12
#: Teams for each speed: a standard error of 2 to 3 points. Alarms are looked for each week, so in fewer of them.
N_TEAMS = 300
CHANGED_SHARE, STEADY_SHARE = 2, 4
_RUNS = 1_000


def simulated(n_teams: int, weeks: int, team: str, *, speed: float = 1.0, seed: int) -> Floats:
    """Weekly counts whose last weeks come at another speed from `STEADY_WEEKS` on: shape (n_teams, weeks)."""
    rng, (mean, shape) = np.random.default_rng(seed), TEAMS[team]
    speeds = np.where(np.arange(weeks) < STEADY_WEEKS, 1.0, speed)
    return rng.poisson(mean * speeds * rng.gamma(shape, 1 / shape, (n_teams, weeks))).astype(np.float64)


def shifts(*, n_teams: int = N_TEAMS) -> dict[str, Any]:
    """Everything about changes of speed, by kind of team."""
    return {
        team: {
            "promises": {name: _promises(team, speed, n_teams) for name, speed in SPEEDS.items()},
            "found_percent": {name: _found(team, SPEEDS[name], n_teams // CHANGED_SHARE) for name in ("x0.6", "x1.6")},
            "false_alarms_in_four_years": _false_alarms(team, n_teams // STEADY_SHARE),
        }
        for team in TEAMS
    }


def _promises(team: str, speed: float, n_teams: int) -> Mapping[str, Any]:
    """By weeks since the change: teams that reached the 85 % amount and exceeded the median, in percent; the width."""
    weekly = simulated(n_teams, STEADY_WEEKS + LATER_WEEKS[-1] + HORIZON_WEEKS, team, speed=speed, seed=11)
    rows = np.array([[_outcome(each, STEADY_WEEKS + later) for later in LATER_WEEKS] for each in weekly])
    reached, exceeded, width = rows.mean(axis=0).T
    return {
        "reached_percent": [round(100 * float(share), 1) for share in reached],
        "median_exceeded_percent": [round(100 * float(share), 1) for share in exceeded],
        "width": [round(float(each), 3) for each in width],
    }


def _outcome(weekly: Floats, origin: int) -> tuple[float, float, float]:
    amounts = Forecast(weekly[:origin].tolist(), n_runs=_RUNS).amount_within(HORIZON_WEEKS)
    low, median, high = np.quantile(amounts, QUANTILES)
    came = weekly[origin : origin + HORIZON_WEEKS].sum()
    return float(came >= low), float(came > median), float((high - low) / median)


def _found(team: str, speed: float, n_teams: int) -> dict[str, float]:
    """Percent of teams that are told of their change within so many weeks."""
    weekly = simulated(n_teams, STEADY_WEEKS + LATER_WEEKS[-1], team, speed=speed, seed=2)
    looks = range(STEADY_WEEKS + 1, STEADY_WEEKS + LATER_WEEKS[-1] + 1)
    told = np.array([[_says(lasting_change(each[:look].tolist()), speed < 1) for look in looks] for each in weekly])
    return {str(weeks): round(100 * float(told[:, :weeks].any(axis=1).mean()), 1) for weeks in LATER_WEEKS}


def _false_alarms(team: str, n_teams: int) -> dict[str, float]:
    """Mean number in four years of a team that stays as it is."""
    looks = range(HISTORY_WEEKS + 1, HISTORY_WEEKS + YEARS * WEEKS_A_YEAR + 1)
    weekly = simulated(n_teams, looks[-1], team, seed=1)
    told = [[lasting_change(each[:look].tolist()) for look in looks] for each in weekly]
    return {
        side: round(float(np.mean([_alarms([_says(change, is_drop) for change in each]) for each in told])), 2)
        for side, is_drop in (("slower", True), ("faster", False))
    }


def _says(change: LastingChange | None, is_drop: bool) -> bool:
    return change is not None and change.is_drop == is_drop


def _alarms(told: Sequence[bool]) -> int:
    """Alarms in a series of looks: one that was silent for a while is another one."""
    at = np.flatnonzero(told)
    return int(len(at) > 0) + int(np.sum(np.diff(at) > SAME_ALARM_WEEKS))
