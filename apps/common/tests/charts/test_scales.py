"""Axes: where a value lies, and which values are written beside it."""

import math
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common.charts.scales import AxisScale, day_ticks, growing_ticks, number_ticks, round_step, spread


def test_a_value_lies_where_its_share_of_the_axis_is() -> None:
    assert AxisScale(10.0, 30.0).share(15.0) == 0.25
    assert AxisScale(0.0, 40.0, math.sqrt).share(10.0) == 0.5
    assert AxisScale(0.0, 99.0, math.log1p).share(9.0) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("span", "most", "step"), [(38, 5, 10), (10, 5, 2), (0.3, 3, 0.1), (7, 7, 1), (400, 5, 100), (1.0, 4, 0.5)]
)
def test_a_step_is_the_smallest_round_one_that_is_few_enough(span: float, most: int, step: float) -> None:
    assert round_step(span, most=most) == pytest.approx(step)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 38, (0, 10, 20, 30, 40)),
        (0, 376, (0, 100, 200, 300, 400)),
        (-0.8, 3.9, (-1, 0, 1, 2, 3, 4)),
        (0, 1, (0, 0.2, 0.4, 0.6, 0.8, 1)),
        (5, 5, (5, 5.2, 5.4, 5.6, 5.8, 6)),
    ],
)
def test_ticks_reach_round_ends(low: float, high: float, ticks: tuple[float, ...]) -> None:
    assert number_ticks(low, high) == pytest.approx(ticks)


def test_counts_have_no_ticks_between_whole_numbers() -> None:
    assert number_ticks(0, 2, whole=True) == (0, 1, 2)


@given(st.floats(-1e6, 1e6), st.floats(0.001, 1e6))
def test_every_value_lies_between_a_few_ticks(low: float, span: float) -> None:
    ticks = number_ticks(low, low + span)

    slack = 1e-6 * max(abs(low), span)
    assert ticks[0] <= low + slack
    assert ticks[-1] >= low + span - slack
    assert 2 <= len(ticks) <= 8


def test_growing_ticks_are_thinned_from_below() -> None:
    assert growing_ticks(60) == (1, 2, 5, 10, 20, 50)
    assert growing_ticks(200, most=4) == (2, 10, 50, 200)
    assert growing_ticks(0.4) == (0.4,)


@pytest.mark.parametrize(
    ("first", "last", "days", "written"),
    [
        # Five days: each. Ten days: every second.
        (date(2026, 3, 2), date(2026, 3, 6), [date(2026, 3, day) for day in (2, 3, 4, 5, 6)], "MONTH_DAY_FORMAT"),
        (date(2026, 3, 2), date(2026, 3, 12), [date(2026, 3, day) for day in (2, 4, 6, 8, 10, 12)], "MONTH_DAY_FORMAT"),
        # Three weeks from a Wednesday: Mondays.
        (date(2026, 3, 4), date(2026, 3, 25), [date(2026, 3, day) for day in (9, 16, 23)], "MONTH_DAY_FORMAT"),
        # Half a year: firsts of months, from the first that is inside.
        (
            date(2026, 1, 15),
            date(2026, 7, 20),
            [date(2026, month, 1) for month in (2, 3, 4, 5, 6, 7)],
            "YEAR_MONTH_FORMAT",
        ),
        # Four years: firsts of years.
        (date(2022, 6, 1), date(2026, 6, 1), [date(year, 1, 1) for year in (2023, 2024, 2025, 2026)], "Y"),
    ],
)
def test_days_are_written_at_the_closest_even_distance(first: date, last: date, days: list[date], written: str) -> None:
    ticks = day_ticks(first, last)

    assert list(ticks.days) == days
    assert ticks.format == written


def test_labels_that_would_touch_are_pushed_apart_and_stay_inside() -> None:
    assert spread([10, 12, 80], gap=15, low=0, high=100) == [10, 25, 80]
    assert spread([98, 99], gap=15, low=0, high=100) == [85, 100]
    assert spread([50, 20], gap=15, low=0, high=100) == [50, 20]
