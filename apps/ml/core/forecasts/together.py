"""Several teams at once: the chance that all are done, from futures that they share.

What holds up one team often holds up others: holidays, an outage, a hiring freeze. So a run draws the same past weeks
for every team, and their levels together, as far as the teams' own forecasts used to miss together. A product of the
teams' chances would take them for strangers: too low where they share their bad weeks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from apps.common.exceptions import NotEnoughData
from apps.ml.core.arrays import Booleans, Floats
from apps.ml.core.forecasts.calendar import MAX_DAYS
from apps.ml.core.forecasts.forecaster import WorkForecaster
from apps.ml.core.forecasts.level import HORIZON_WEEKS, LEVEL_DF, past_misses
from apps.ml.core.forecasts.simulation import (
    MAX_PROBABILITY,
    MAX_WEEKS,
    N_RUNS,
    PERCENTILES,
    SEED,
    Forecast,
    bounded_draws,
    usable_weeks,
)
from apps.ml.core.forecasts.units import Throughput, Unit, WorkItem

#: Separate past forecasts that strangers' misses count for: a correlation must show itself for half a year to be
#: believed by half.
PRIOR_STRANGERS_FORECASTS = 6.0


@dataclass(frozen=True, slots=True)
class Contributor:
    """A team that does a part."""

    throughput: Throughput
    unit: Unit


@dataclass(frozen=True, slots=True)
class SharedFutures:
    """The futures of teams, run by run the same world."""

    runs: Mapping[str, Forecast]
    #: Teams of which too few weeks are known: nothing can be said of all together.
    without_history: tuple[str, ...]


def shared_futures(teams: Mapping[str, Contributor], *, n_runs: int = N_RUNS, seed: int = SEED) -> SharedFutures:
    """Draw the futures of several teams together; weeks of all end on the same day.

    The past weeks of a run come from one stream for all teams, newest weeks alike, so that teams meet the same weeks as
    far as both have them.
    """
    known = {name: team for name, team in teams.items() if _has_history(team)}
    drawn = _level_draws([_misses_of(team) for team in known.values()], n_runs=n_runs, seed=seed)
    runs = {
        name: Forecast(
            team.throughput.weekly(team.unit),
            unit=team.unit,
            n_runs=n_runs,
            seed=seed,
            presence=team.throughput.presence,
            level_draws=bounded_draws(levels),
        )
        for (name, team), levels in zip(known.items(), drawn, strict=True)
    }
    return SharedFutures(runs, without_history=tuple(name for name in teams if name not in known))


def chance_of_all(in_time: Sequence[Booleans]) -> float:
    """Share of runs in which every team is in time; `in_time` holds one array of shape (n_runs,) a team.

    1 only for no team at all: whoever has nothing to do is left out.
    """
    return min(float(np.mean(np.logical_and.reduce(in_time))), MAX_PROBABILITY) if in_time else 1.0


@dataclass(frozen=True, slots=True)
class TeamsPart:
    """What one team does, in the runs that it shares with others."""

    forecaster: WorkForecaster
    items: tuple[WorkItem, ...]


@dataclass(frozen=True, slots=True)
class AllDone:
    """When several teams are all done."""

    #: Chance that each is done by the day.
    chance: float
    #: By percent of the runs; None for not within ten years.
    days: Mapping[int, date | None]


def all_done(parts: Sequence[TeamsPart], by: date) -> AllDone:
    """The chance that all parts are done by a day, and the days by which they are in so many percent of the runs.

    Parts without any work are done.
    """
    working = [part for part in parts if part.items]
    ends = [_ends(part) for part in working]

    def chance(day: date) -> float:
        limits = [part.forecaster.weeks_until(day) + 1e-6 for part in working]
        return chance_of_all([(end <= limit) & (end < MAX_WEEKS) for end, limit in zip(ends, limits, strict=True)])

    first = max((part.forecaster.starts_on for part in working), default=by)
    return AllDone(chance(by), {percent: _first_day(chance, percent / 100.0, first) for percent in PERCENTILES})


def _ends(part: TeamsPart) -> Floats:
    held = part.forecaster.ends(part.items)
    return part.forecaster.weeks_to_finish(part.forecaster.work_of(part.items)) if held is None else held


def _first_day(chance: Callable[[date], float], share: float, first: date) -> date | None:
    """The first day with such a chance; None where ten years have none."""
    low, high = first.toordinal(), first.toordinal() + MAX_DAYS
    if chance(date.fromordinal(high)) < share:
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if chance(date.fromordinal(middle)) >= share else (middle + 1, high)
    return date.fromordinal(low)


def correlations(misses: Sequence[Floats]) -> Floats:
    """How far teams' forecasts missed together: shape (n_teams, n_teams), positive semi-definite.

    Correlations of the misses that two teams share, newest alike, shrunk to those of strangers: none.
    """
    n_teams = len(misses)
    found = np.eye(n_teams)
    for one in range(n_teams):
        for other in range(one):
            found[one, other] = found[other, one] = _shrunk_correlation(misses[one], misses[other])
    # Pairs that share different weeks may contradict each other: the nearest matrix without negative directions.
    values, vectors = np.linalg.eigh(found)
    whole = (vectors * np.maximum(values, 0.0)) @ vectors.T
    scale = np.sqrt(np.diag(whole))
    return np.asarray(whole / np.outer(scale, scale), dtype=np.float64)


def _shrunk_correlation(one: Floats, other: Floats) -> float:
    n = min(len(one), len(other))
    if n < 2:
        return 0.0
    recent = np.stack([one[-n:], other[-n:]])
    centred = recent - recent.mean(axis=1, keepdims=True)
    scales = np.sqrt((centred**2).sum(axis=1))
    if not scales.all():
        return 0.0
    n_separate = n / HORIZON_WEEKS
    return float(centred[0] @ centred[1] / scales.prod() * n_separate / (n_separate + PRIOR_STRANGERS_FORECASTS))


def _level_draws(misses: Sequence[Floats], *, n_runs: int, seed: int) -> Floats:
    """Student's t of each team, correlated as their misses are: shape (n_teams, n_runs)."""
    rng = np.random.default_rng([seed, 6])
    values, vectors = np.linalg.eigh(correlations(misses)) if misses else (np.zeros(0), np.zeros((0, 0)))
    normal = (vectors * np.sqrt(np.maximum(values, 0.0))) @ rng.standard_normal((len(misses), n_runs))
    # One scale a run for all: the worlds in which a team goes to extremes are extreme for the others too.
    return np.asarray(normal / np.sqrt(rng.chisquare(LEVEL_DF, n_runs) / LEVEL_DF), dtype=np.float64)


def _misses_of(team: Contributor) -> Floats:
    past = usable_weeks(team.throughput.weekly(team.unit))
    presence = team.throughput.presence
    return past_misses(past, np.asarray(presence[-len(past) :], dtype=np.float64) if presence else None)


def _has_history(team: Contributor) -> bool:
    try:
        usable_weeks(team.throughput.weekly(team.unit))
    except NotEnoughData:
        return False
    return True
