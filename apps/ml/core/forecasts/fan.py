"""What simulated futures say of each day to come: how much of some work is done by then, and how much is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.forecasts.forecaster import WorkForecaster
from apps.ml.core.forecasts.units import WorkItem

#: Shares of futures below the five values of a day: half of them lie between the inner two, 80 % between the outer.
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
#: Days drawn at most: more lie closer together than a line is wide.
MAX_POINTS = 40


@dataclass(frozen=True, slots=True)
class FutureDay:
    """Quantiles of an amount at the end of a day, at `SHARES`, in the forecaster's unit."""

    day: date
    low: float
    lower: float
    typical: float
    upper: float
    high: float


def done_by_day(
    forecaster: WorkForecaster, items: Sequence[WorkItem], days: Sequence[date], *, pace: float = 1.0
) -> tuple[FutureDay, ...]:
    """How much of some work is done at the end of each day.

    Parameters
    ----------
    forecaster : WorkForecaster
        The team's futures. What comes first, what is carried in and by how much the work grows are those of its dates.
    items : sequence of WorkItem
        The work.
    days : sequence of date
        From the first day of the work on, rising.
    pace : float
        Share of the usual output that the capacity allows.
    """
    work = forecaster.work_of(items)
    trial, whole = forecaster.trial(items, pace=pace), forecaster.grown(work)
    undone = trial.undone(items, forecaster.size_of) if trial else None

    def done(day: date) -> Floats:
        amount = forecaster.done_until(day, work, pace=pace)
        # What is held up is not done, however much the team does.
        return np.minimum(amount, whole - undone(forecaster.weeks_until(day))) if undone else amount

    amounts = [np.quantile(done(day), SHARES) for day in days]
    return tuple(_future(day, found) for day, found in zip(days, amounts, strict=True))


def left_by_day(
    forecaster: WorkForecaster, items: Sequence[WorkItem], days: Sequence[date], *, left: float, at_the_end: Floats
) -> tuple[FutureDay, ...]:
    """How much of a sprint is left on each day, from what is left now to where the sprint ends.

    The way is that of the team's simulated weeks; where it ends was told from more than these.

    Parameters
    ----------
    forecaster : WorkForecaster
        The team's futures; its unit need not be that of the amounts.
    items : sequence of WorkItem
        What is left.
    days : sequence of date
        Today and the days after it, to the last of the sprint.
    left : float
        The amount left now: the first day begins with it.
    at_the_end : ndarray of shape (n_shares,)
        Quantiles of what is left on the last day, at `SHARES`.
    """
    work = forecaster.work_of(items)
    start = np.quantile(work, SHARES)
    ways = [start - np.quantile(work - forecaster.done_until(day, work), SHARES) for day in days]
    parts = np.array([_part(way, ways[-1], place, len(days)) for place, way in enumerate(ways)])
    parts[0] = 0.0
    amounts = np.maximum.accumulate(left + (at_the_end - left) * parts, axis=1)
    return tuple(_future(day, found) for day, found in zip(days, amounts, strict=True))


def _part(way: Floats, whole: Floats, place: int, n_days: int) -> Floats:
    """What part of the way is behind; as the days pass where the simulation goes nowhere."""
    evenly_spent = place / max(n_days - 1, 1)
    return np.where(whole > 0, way / np.where(whole > 0, whole, 1.0), evenly_spent)


def _future(day: date, amounts: Floats) -> FutureDay:
    return FutureDay(day, *(round(float(amount), 2) for amount in amounts))


def evenly(first: date, last: date, *, most: int = MAX_POINTS) -> tuple[date, ...]:
    """Days from the first to the last, both among them, at most so many."""
    span = (last - first).days
    if span < most:
        return tuple(date.fromordinal(first.toordinal() + each) for each in range(span + 1))
    steps = np.linspace(0, span, most).round().astype(int)
    return tuple(date.fromordinal(first.toordinal() + int(step)) for step in steps)
