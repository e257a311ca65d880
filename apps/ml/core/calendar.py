"""The working calendar: Monday to Friday without the days off, counted in whole days."""

import math
from collections.abc import Sequence
from datetime import date

import numpy as np


def working_days_left(first: date, last: date, days_off: Sequence[date] = ()) -> int:
    """Working days from `first` to `last`, both counted; 0 once the last day is past."""
    if last < first:
        return 0
    # As numpy counts days: the calendar of the standard library has no day after its last.
    return int(np.busday_count(first, np.datetime64(last) + 1, holidays=list(days_off)))


def shifted_day(last: date, working_days: int, days_off: Sequence[date] = ()) -> date:
    """A last day so many working days later, or earlier where negative; a last day on a weekend is its Friday."""
    if working_days == 0:
        return last
    return _date(np.busday_offset(last, working_days, roll="backward", holidays=list(days_off)))


def finish_day(first: date, working_days: float, days_off: Sequence[date] = ()) -> date:
    """The working day on which so much work, begun on `first`, is done; `first` itself if there is none."""
    if working_days <= 0:
        return first
    # A rounding error of the division must not cost a day.
    whole_days = max(math.ceil(working_days - 1e-9), 1)
    return _date(np.busday_offset(first, whole_days - 1, roll="forward", holidays=list(days_off)))


def _date(day: np.datetime64) -> date:
    """The standard library's calendar ends with the year 9999, numpy's does not."""
    found: date = min(day, np.datetime64(date.max)).astype(date)
    return found
