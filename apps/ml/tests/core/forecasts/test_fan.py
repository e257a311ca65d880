from datetime import date

import numpy as np
import pytest

from apps.ml.core.forecasts.fan import SHARES, done_by_day, evenly, left_by_day
from apps.ml.core.forecasts.forecaster import WorkForecaster
from apps.ml.core.forecasts.units import Throughput, WorkItem

MONDAY, FRIDAY = date(2026, 3, 2), date(2026, 3, 6)
ITEMS = [WorkItem(str(number), story_points=1.0) for number in range(20)]
#: A team that finishes 2 to 8 points a week.
UNEVEN = Throughput(issues=(4.0, 2.0, 8.0) * 10, points=(4.0, 2.0, 8.0) * 10, sizes=(1.0,) * 140)


def forecaster(**options: object) -> WorkForecaster:
    return WorkForecaster(UNEVEN, "points", MONDAY, date(2026, 3, 13), **options)


def values(day) -> list[float]:
    return [day.low, day.lower, day.typical, day.upper, day.high]


def test_the_fan_agrees_with_the_dates():
    found = forecaster().ask(ITEMS)
    [day] = done_by_day(forecaster(), ITEMS, [found.typical.day])

    # Done in half of the futures by the typical day.
    assert day.typical == pytest.approx(20.0)
    assert day.low < 20.0


def test_more_is_done_as_days_pass_and_never_more_than_there_is():
    fan = done_by_day(forecaster(), ITEMS, evenly(MONDAY, date(2026, 12, 31), most=10))

    amounts = np.array([values(day) for day in fan])
    assert np.all(np.diff(amounts, axis=0) >= 0)
    assert np.all(np.diff(amounts, axis=1) >= 0)
    assert amounts[-1] == pytest.approx([20.0] * 5)


def test_a_cone_begins_with_what_is_left_and_ends_where_the_sprint_does():
    end = np.array([0.0, 2.0, 6.0, 9.0, 14.0])

    cone = left_by_day(forecaster(), ITEMS, evenly(MONDAY, FRIDAY), left=20.0, at_the_end=end)

    assert values(cone[0]) == [20.0] * 5
    assert values(cone[-1]) == list(end)
    assert np.all(np.diff([values(day) for day in cone], axis=0) <= 0)


def test_a_weekend_changes_nothing():
    cone = left_by_day(
        forecaster(), ITEMS, evenly(FRIDAY, date(2026, 3, 8)), left=20.0, at_the_end=np.full(len(SHARES), 20.0)
    )

    assert [day.typical for day in cone] == [20.0] * 3


@pytest.mark.parametrize(("last", "most", "days"), [(4, 40, [2, 3, 4]), (12, 3, [2, 7, 12])])
def test_days_are_spread_evenly(last: int, most: int, days: list[int]):
    assert [day.day for day in evenly(MONDAY, date(2026, 3, last), most=most)] == days
