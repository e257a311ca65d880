"""What was left of a sprint by day, as the history stood at the end of each, beside the straight line."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from apps.ml.core.past.sprints import SprintTimeline
from apps.ml.core.sprints.untold import NO_DATES
from apps.projects.history.days import end_of
from apps.projects.history.sprint_books import COMMITMENT_UNKNOWN, Amount, SprintScope, elapsed_ratio, scopes_at

#: A sprint of more than a year is a slip of the pen, or was never closed: its latest days are shown.
MAX_DAYS = 366


@dataclass(frozen=True, slots=True)
class BurndownDay:
    """A sprint at the end of a day; today as of now, the last day as of the closing."""

    day: date
    scope: Amount
    remaining: Amount
    done: Amount


@dataclass(frozen=True, slots=True)
class IdealDay:
    """What would be left at the end of a day had the committed work gone evenly."""

    day: date
    issues: float
    points: float


@dataclass(frozen=True, slots=True)
class Burndown:
    """A sprint's days."""

    sprint_id: str
    is_frozen: bool
    #: When planning ended; None for a sprint without a start, and where nobody knows what was in it then.
    start: SprintScope | None
    #: From the first day to now, or to the day of the closing.
    days: tuple[BurndownDay, ...] = ()
    #: From the first to the last planned day; empty without both.
    ideal: tuple[IdealDay, ...] = ()
    #: Days before the first shown one.
    days_left_out: int = 0
    no_days_because: str | None = None
    commitment_unknown_because: str | None = None


def burndown(past: SprintTimeline, *, now: datetime) -> Burndown:
    """Draw a sprint's burndown.

    Parameters
    ----------
    past : SprintTimeline
        The sprint with its issues' history; each issue's is read once.
    now : datetime
        The moment as of which is asked; later changes and days are left out.

    Returns
    -------
    Burndown
        Scope, remaining and done of every day in issues and points; days are those of the team.
    """
    sprint_id, started_at, first = past.window.sprint_id, past.planning_ended_at, _first_day(past)
    if started_at is None or first is None:
        return Burndown(sprint_id, past.is_frozen, None, no_days_because=NO_DATES)
    end = min(past.window.ended_at or now, now)
    last = past.day_of(end)
    left_out = max((last - first).days + 1 - MAX_DAYS, 0)
    days = list(_days(first + timedelta(days=left_out), last))
    moments = [min(end_of(day, past.window.zone), end) for day in days]
    # The start comes first, so that one pass tells the commitment too.
    start, *scopes = scopes_at(sprint_id, started_at, past.issues, [min(started_at, end), *moments])
    return Burndown(
        sprint_id=sprint_id,
        is_frozen=past.is_frozen,
        start=start if past.scope_is_recorded else None,
        days=tuple(
            BurndownDay(day, scope.total, scope.remaining, scope.done) for day, scope in zip(days, scopes, strict=True)
        ),
        ideal=tuple(_ideal(past, start.committed)) if past.scope_is_recorded else (),
        days_left_out=left_out,
        commitment_unknown_because=None if past.scope_is_recorded else COMMITMENT_UNKNOWN,
    )


def _first_day(past: SprintTimeline) -> date | None:
    began = past.window.started_at
    return past.first_day or (past.day_of(began) if began else None)


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _ideal(past: SprintTimeline, committed: Amount) -> Iterator[IdealDay]:
    if past.first_day is None or past.last_day is None:
        return
    last = min(past.last_day, past.first_day + timedelta(days=MAX_DAYS - 1))
    for day in _days(past.first_day, last):
        left = 1.0 - elapsed_ratio(past.first_day, past.last_day, day)
        yield IdealDay(day, round(left * committed.issues, 2), round(left * committed.points, 2))
