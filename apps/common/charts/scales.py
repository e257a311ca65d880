"""Where values lie on an axis, and which of them are written beside it."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

#: Steps of an axis, as multiples of a power of ten: what people count in.
_ROUND = (1.0, 2.0, 5.0, 10.0)
#: Steps between written days: in days up to a fortnight, then in months.
_DAY_STEPS, _WEEK_STEPS, _MONTH_STEPS = (1, 2), (1, 2), (1, 2, 3, 6, 12, 24, 60, 120)
#: How the days of each kind of step are written, as Django writes dates.
_DAY_FORMAT, _MONTH_FORMAT, _YEAR_FORMAT = "MONTH_DAY_FORMAT", "YEAR_MONTH_FORMAT", "Y"
_MONTHS = 12


def _as_it_is(value: float) -> float:
    return value


@dataclass(frozen=True, slots=True)
class AxisScale:
    """An axis from `low` to `high`; `bend` makes room for small values: `math.sqrt`, `math.log1p`."""

    low: float
    high: float
    bend: Callable[[float], float] = _as_it_is

    def share(self, value: float) -> float:
        """Where a value lies between the ends: 0 at the low one, 1 at the high one."""
        low, high = self.bend(self.low), self.bend(self.high)
        return (self.bend(value) - low) / (high - low) if high > low else 0.0


def round_step(span: float, *, most: int) -> float:
    """The smallest of 1, 2 and 5 times a power of ten of which at most `most` fit into `span`, which is above 0."""
    least = span / most
    power = 10.0 ** math.floor(math.log10(least))
    # A hair of tolerance, since 0.3 / 3 is not 0.1.
    return next(each * power for each in _ROUND if each * power >= least * (1 - 1e-9))


def number_ticks(low: float, high: float, *, most: int = 5, whole: bool = False) -> tuple[float, ...]:
    """Round values from at or below `low` to at or above `high`; the first and last are the ends of the axis.

    Parameters
    ----------
    low, high : float
        The smallest and the largest value drawn.
    most : int
        Steps wished at most; rounding the ends outwards may add two.
    whole : bool
        Whether only whole numbers mean anything, as with counts.
    """
    if high <= low:
        high = low + 1.0
    step = round_step(high - low, most=most)
    if whole:
        step = max(step, 1.0)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(number * step, 10) for number in range(first, last + 1))


def growing_ticks(high: float, *, most: int = 6) -> tuple[float, ...]:
    """1, 2, 5, 10, 20 and so on up to `high`, thinned from below to `most`: for axes that make room for small ones."""
    ticks = [power * each for power in (10.0**n for n in range(12)) for each in _ROUND[:3] if power * each <= high]
    every = math.ceil(len(ticks) / most) or 1
    return tuple(reversed(ticks[::-1][::every])) or (high,)


@dataclass(frozen=True, slots=True)
class DayTicks:
    """Days written below an axis, and how."""

    days: tuple[date, ...]
    format: str


def day_ticks(first: date, last: date, *, most: int = 6) -> DayTicks:
    """The closest of days, Mondays, firsts of months and of years of which at most `most` lie in a stretch of days."""
    span = (last - first).days
    for step in _DAY_STEPS:
        if span // step + 1 <= most:
            return DayTicks(tuple(first + timedelta(days=n) for n in range(0, span + 1, step)), _DAY_FORMAT)
    monday = first + timedelta(days=-first.weekday() % 7)
    for weeks in _WEEK_STEPS:
        days = tuple(_every(monday, last, days=7 * weeks))
        if 0 < len(days) <= most:
            return DayTicks(days, _DAY_FORMAT)
    for months in _MONTH_STEPS:
        days = tuple(_firsts_of_months(first, last, months))
        if len(days) <= most:
            break
    return DayTicks(days, _MONTH_FORMAT if months < _MONTHS else _YEAR_FORMAT)


def _every(day: date, last: date, *, days: int) -> Iterator[date]:
    while day <= last:
        yield day
        day += timedelta(days=days)


def _firsts_of_months(first: date, last: date, step: int) -> Iterator[date]:
    """Counted from year 0, so that every third month is January, April, July and October."""
    number = first.year * _MONTHS + first.month - 1 + (first.day > 1)
    number += -number % step
    while (day := date(number // _MONTHS, number % _MONTHS + 1, 1)) <= last:
        yield day
        number += step


def spread(heights: list[float], *, gap: float, low: float, high: float) -> list[float]:
    """Labels beside their values, pushed apart by `gap` and kept between `low` and `high`, in the order they came."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    placed = dict.fromkeys(order, 0.0)
    floor = low
    for number in order:
        placed[number] = floor = max(heights[number], floor)
        floor += gap
    ceiling = high
    for number in reversed(order):
        placed[number] = min(placed[number], ceiling)
        ceiling = placed[number] - gap
    return [placed[number] for number in range(len(heights))]
