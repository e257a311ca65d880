"""When a project's open work is done, how it came that far, and how it varies: read once, recorded nowhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import numpy as np

from apps.common.exceptions import NotEnoughData
from apps.ml.core.forecasts.fan import FutureDay, done_by_day, evenly
from apps.ml.core.forecasts.forecaster import WorkForecast, WorkForecaster
from apps.ml.core.forecasts.units import Unit, WorkItem
from apps.ml.core.past.behaviour import NaturalLimits, natural_limits, signals
from apps.ml.core.past.burn_up import Standing, burn_up
from apps.ml.selectors.progress import done_so_far, turns_since
from apps.ml.services.forecasts.history import TeamHistory, asked_once, told_once
from apps.ml.services.forecasts.service import of_a_sprint
from apps.ml.services.forecasts.sizes import unit_and_sizes
from apps.ml.services.forecasts.sprint import TeamPast, team_past
from apps.ml.services.heavy import in_turn

#: Half a year back, which is also what the team of today is told from.
SHOWN_WEEKS = 26
#: A picture of a decade shows nothing of this year.
MOST_DAYS_AHEAD = 366
_WEEK = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Week:
    """Issues finished in seven days; `is_signal` where that is more than ordinary variation."""

    last_day: date
    finished: int
    is_signal: bool


@dataclass(frozen=True, slots=True)
class ProjectForecast:
    """All open work of a project."""

    #: None where the past is too short; `silent_because` says so then.
    forecast: WorkForecast | None
    silent_because: str | None
    unit: str
    past: Sequence[Standing]
    #: What is done by then, on top of what is done now.
    fan: Sequence[FutureDay]
    weeks: Sequence[Week]
    limits: NaturalLimits | None


def project_forecast(
    project_id: UUID,
    *,
    now: datetime,
    target: date | None = None,
    team: TeamPast | None = None,
    history: TeamHistory | None = None,
) -> ProjectForecast:
    """Read and foresee the whole backlog: the same answer as the forecast of all open issues; `team` may be known."""
    history = history or TeamHistory(project_id, now=now)
    items = history.unfinished()
    in_turn(issues=len(items))
    team = team or team_past(project_id, now=now, history=history)
    today = team.calendar.day_of(now)
    weeks, limits = _weeks(history, today=today)
    try:
        forecaster = _forecaster(project_id, items, team, now=now, target=target)
    except NotEnoughData as error:
        past = _past(project_id, now, unit="issues", usual=1.0, left=float(len(items)))
        return ProjectForecast(None, error.message, "issues", past, (), weeks, limits)
    found = asked_once(forecaster, items)
    usual = float(np.mean(forecaster.throughput.sizes_in(forecaster.unit)))
    past = _past(project_id, now, unit=forecaster.unit, usual=usual, left=found.work)
    fan = told_once("fan", forecaster, items, lambda: _fan(forecaster, items, found, today=today))
    return ProjectForecast(found, None, forecaster.unit, past, fan, weeks, limits)


def _forecaster(
    project_id: UUID, items: Sequence[WorkItem], team: TeamPast, *, now: datetime, target: date | None
) -> WorkForecaster:
    # One answer wherever shown: all that is open may be what a running sprint holds.
    if of_sprint := of_a_sprint(project_id, items, by=target, now=now):
        return of_sprint
    unit, spreads = unit_and_sizes(project_id, items, (), team.throughput)
    return WorkForecaster(
        team.throughput, unit, team.calendar.day_of(now), target, team.calendar, spreads, linked=team.linked
    )


def _past(project_id: UUID, now: datetime, *, unit: Unit, usual: float, left: float) -> Sequence[Standing]:
    done = done_so_far(project_id, unit, usual=usual)
    moments = [now - weeks * _WEEK for weeks in range(SHOWN_WEEKS, 0, -1)]
    events = turns_since(project_id, moments[0], unit, usual=usual)
    standings = burn_up(Standing(now, round(done, 2), round(done + left, 2)), events, moments)
    # Before there was anything there is nothing to see.
    return [each for each in standings if each.scope > 0 or each.at == now]


def _fan(
    forecaster: WorkForecaster, items: Sequence[WorkItem], found: WorkForecast, *, today: date
) -> Sequence[FutureDay]:
    """Until nearly all futures are done, a year at most."""
    if not items:
        return ()
    latest = today + timedelta(days=MOST_DAYS_AHEAD)
    last = min(found.finishes[-1].day or latest, latest)
    return done_by_day(forecaster, items, evenly(today, last)) if last > today else ()


def _weeks(history: TeamHistory, *, today: date) -> tuple[Sequence[Week], NaturalLimits | None]:
    counts = history.finished_by_week(SHOWN_WEEKS)
    limits = natural_limits(counts)
    marks = signals(counts, limits) if limits else (False,) * len(counts)
    ends = [today - weeks * _WEEK for weeks in range(len(counts) - 1, -1, -1)]
    return [Week(*each) for each in zip(ends, counts, marks, strict=True)], limits
