"""Replay forecasts of when work is done: as of each past week, with nothing known that was not known then.

The engine is the one that serves. A team is asked in every past week in which it would have been answered, and what was
promised is compared with what came, beside the division by average velocity and textbook Monte-Carlo.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from apps.common.exceptions import ApplicationError
from apps.ml.core.arrays import Booleans, Floats
from apps.ml.core.evaluation.reliability import Share
from apps.ml.core.evaluation.scorecard import Skill
from apps.ml.core.forecasts.replay import FIRST_ORIGIN_WEEKS, HORIZONS_WEEKS, MIN_WEEKLY_MEAN
from apps.ml.core.forecasts.score import (
    JUDGED_PERCENT,
    MethodScore,
    ReplayScore,
    TeamReplay,
    replay_team,
    score_replays,
    verdict,
)
from apps.ml.core.forecasts.simulation import MAX_WEEKS, N_RUNS, PERCENTILES
from apps.ml.core.forecasts.units import Unit, unit_for
from apps.ml.selectors.forecasts import throughput
from apps.ml.services.evaluation.scorecard import SEED
from apps.projects.models import Project

Progress = Callable[[int, str], None]


class NothingDue(ApplicationError):
    """There is enough history for a forecast, but no past forecast has come due yet: ask again in some weeks."""

    code = "nothing_due"


@dataclass(frozen=True, slots=True)
class ForecastReplayPlan:
    """Whose weeks are replayed, and with how many runs."""

    #: What it is called on top of the report.
    name: str
    unit: Unit
    #: Output of each past week of each team, oldest first.
    weekly: Mapping[str, Floats]
    n_runs: int


@dataclass(frozen=True, slots=True)
class ForecastBacktest:
    """All that is reported of one replay."""

    plan: ForecastReplayPlan
    overall: ReplayScore
    #: By team, in the order of their names.
    teams: Mapping[str, ReplayScore]
    #: By condition, the served answers of all teams: what holds on average may fail where there is little to go on.
    conditions: Mapping[str, ReplayScore]
    #: Teams that were not asked or of which no forecast has come due.
    left_out: Sequence[str]
    verdict: str


def plan_of_team(project: Project, *, now: datetime) -> ForecastReplayPlan:
    """A team's own weeks of up to ten years, in the unit in which it is answered; raises `NotEnoughData`."""
    unit = unit_for((), throughput(project.id, now=now))
    past = throughput(project.id, now=now, weeks=MAX_WEEKS)
    weekly = np.trim_zeros(np.asarray(past.weekly(unit), dtype=np.float64), trim="f")
    return ForecastReplayPlan(name=f"project {project.key}", unit=unit, weekly={project.key: weekly}, n_runs=N_RUNS)


def replay(plan: ForecastReplayPlan, *, progress: Progress) -> ForecastBacktest:
    """Carry out a plan; `progress` is told the teams done, of `len(plan.weekly)`.

    Raises
    ------
    NothingDue
        If no forecast of any team has come due.
    """
    replayed = []
    for number, (name, weekly) in enumerate(plan.weekly.items(), start=1):
        replayed.append(replay_team(name, weekly, n_runs=plan.n_runs))
        progress(number, f"{name}  {len(replayed[-1]):,} forecasts in {len(weekly):,} weeks")
    known = [team for team in replayed if team.due]
    if not known:
        raise NothingDue
    overall = _scored(known)
    teams = {team.name: _scored([team]) for team in known}
    return ForecastBacktest(
        plan=plan,
        overall=overall,
        teams=teams,
        conditions={
            name: _scored(there) for name, there in _conditions(known).items() if any(team.due for team in there)
        },
        left_out=[team.name for team in replayed if not team.due],
        verdict=" ".join([verdict(overall), *_over_teams(teams)]),
    )


def _scored(teams: Sequence[TeamReplay]) -> ReplayScore:
    return score_replays(teams, rng=np.random.default_rng(SEED))


def _conditions(teams: Sequence[TeamReplay]) -> dict[str, list[TeamReplay]]:
    """The moments of the public benchmark, and the two sorts that it leaves out."""
    return {
        f"half a year of history, {MIN_WEEKLY_MEAN:g} a week or more": [
            team.where(_is_old(team) & _is_large(team)) for team in teams
        ],
        f"half a year of history, below {MIN_WEEKLY_MEAN:g} a week": [
            team.where(_is_old(team) & ~_is_large(team)) for team in teams
        ],
        "less than half a year of history": [team.where(~_is_old(team)) for team in teams],
    }


def _is_old(team: TeamReplay) -> Booleans:
    return team.weeks_before >= FIRST_ORIGIN_WEEKS


def _is_large(team: TeamReplay) -> Booleans:
    return team.pace >= MIN_WEEKLY_MEAN


def _over_teams(teams: Mapping[str, ReplayScore]) -> list[str]:
    """How many of several teams keep the promise, as far as chance allows to tell."""
    judged = [score.judged for score in teams.values() if score.judged]
    if len(judged) < 2:
        return []
    fewer, more = (sum(each.high < each.promised for each in judged), sum(each.low > each.promised for each in judged))
    held = len(judged) - fewer - more
    return [
        f"Alone, {held} of {len(judged)} projects are within chance of the promise; {fewer} kept fewer, {more} more."
    ]


def figures(found: ForecastBacktest) -> dict[str, Any]:
    """The JSON document."""
    return {
        "protocol": "each past week",
        "name": found.plan.name,
        "unit": found.plan.unit,
        "runs": found.plan.n_runs,
        "verdict": found.verdict,
        "overall": _figures(found.overall),
        "projects": [
            {"project": name, "verdict": verdict(score), **_figures(score)} for name, score in found.teams.items()
        ],
        "conditions": {name: _figures(score) for name, score in found.conditions.items()},
        "left_out": list(found.left_out),
    }


def _figures(score: ReplayScore) -> dict[str, Any]:
    return {
        "asked": score.asked,
        "methods": {name: _method_figures(method) for name, method in score.methods.items()},
        f"loss_p{JUDGED_PERCENT}_against": {name: _or_none(skill) for name, skill in score.loss_against.items()},
        "error_p50_against": {name: _or_none(skill) for name, skill in score.error_against.items()},
    }


def _method_figures(method: MethodScore) -> dict[str, Any]:
    return {
        "kept": {str(p): _or_none(share) for p, share in zip(PERCENTILES, method.kept, strict=True)},
        "kept_of_done": {str(p): _or_none(share) for p, share in zip(PERCENTILES, method.kept_of_done, strict=True)},
        "held": {str(h): _or_none(share) for h, share in zip(HORIZONS_WEEKS, method.held, strict=True)},
        "finished": method.finished,
        f"loss_p{JUDGED_PERCENT}_weeks": method.loss,
        "error_p50_weeks": method.error,
    }


def _or_none(record: Share | Skill | None) -> dict[str, Any] | None:
    return None if record is None else asdict(record)
