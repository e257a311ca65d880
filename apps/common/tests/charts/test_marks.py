"""Dots, bands and lines stand where their figures are."""

from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from apps.common.charts.flow import Age, Dot, Layer, State, ageing, cycle_scatter, stacked_areas
from apps.common.charts.numbers import number, percent, signed
from apps.common.charts.series import MOST_LINES, Limits, Line, Observation, lines_over_time, process_behaviour
from apps.common.charts.shares import Kept, Row, calibration, strip
from apps.common.tests.charts.drawn import at, corners, marks, words

TODAY = date(2026, 3, 2)


def share(promised: float, observed: float, n: int) -> Kept:
    return SimpleNamespace(promised=promised, observed=observed, n=n, low=observed - 0.1, high=observed + 0.1)


def test_a_kept_promise_lies_on_the_dashed_line_and_more_outcomes_are_larger_in_area() -> None:
    drawn = calibration([share(0.5, 0.5, 25), share(0.8, 0.7, 100)], label="t", promise="p").wide

    kept, missed = marks(drawn, "circle", "dot")
    x1, y1, x2, y2 = at(next(each for each in marks(drawn, "line", "even") if at(each, "y1") != at(each, "y2")),
                        "x1", "y1", "x2", "y2")  # fmt: skip
    assert at(kept, "cx", "cy") == pytest.approx(((x1 + x2) / 2, (y1 + y2) / 2), abs=0.1)
    assert at(missed, "r")[0] ** 2 == pytest.approx(4 * at(kept, "r")[0] ** 2)


def test_a_strip_has_a_line_for_each_name_from_the_top() -> None:
    drawn = strip([Row("first", share(0.85, 0.9, 40)), Row("second", share(0.85, 0.2, 10))], label="t").wide

    first, second = marks(drawn, "circle", "dot")
    assert at(first, "cy") < at(second, "cy")
    assert at(first, "cx") > at(second, "cx")


def test_limits_surround_the_centre_and_signals_stand_out() -> None:
    observed = [Observation(TODAY + timedelta(weeks=week), value, value > 6) for week, value in enumerate((3, 4, 8))]

    drawn = process_behaviour(observed, Limits(-1, 3, 6), label="t").wide

    (band,) = marks(drawn, "polygon", "outer")
    centre = [each for each in marks(drawn, "line", "even") if at(each, "x1")[0] < 100][-1]
    (_, high), (_, _), (_, low), _left = corners(band)
    # A count has no limit below zero: 0, 3 and 6 are evenly apart.
    assert at(centre, "y1")[0] == pytest.approx((high + low) / 2, abs=0.1)
    (signal,) = marks(drawn, "circle", "alarm")
    assert at(signal, "cy")[0] < high
    assert "ordinary: 0 to 6" in words(drawn)


def test_more_lines_than_can_be_told_apart_are_refused() -> None:
    lines = [Line(str(place), [(TODAY, 1.0)]) for place in range(MOST_LINES + 1)]

    with pytest.raises(ValueError, match="told apart"):
        lines_over_time(lines, label="t")


def test_days_that_a_line_lacks_stay_empty_in_the_table() -> None:
    later = TODAY + timedelta(days=30)

    table = lines_over_time([Line("a", [(TODAY, 0.5), (later, 0.3)]), Line("b", [(later, 1)])], label="t").table

    assert table.rows == (("2 Mar 2026", "0.5", ""), ("1 Apr 2026", "0.3", "1"))


def test_a_percentile_line_has_the_dots_of_fewer_days_below_it() -> None:
    drawn = cycle_scatter([Dot(TODAY, 2, "A-1", "/i/1"), Dot(TODAY, 20, "A-2")], [(0.85, 9)], label="t").wide

    quick, slow = marks(drawn, "circle", "faint")
    (line,) = marks(drawn, "line", "even")
    assert at(slow, "cy") < at(line, "y1") < at(quick, "cy")
    assert drawn.count("<a ") == 1
    assert f"{percent(0.85)}: 9" in words(drawn)


def test_layers_lie_on_each_other() -> None:
    days = [TODAY, TODAY + timedelta(days=1)]

    drawn = stacked_areas(days, [Layer("done", [0, 2]), Layer("open", [4, 3])], label="t").wide

    (done,), (remaining,) = marks(drawn, "polygon", "layer-0"), marks(drawn, "polygon", "layer-1")
    assert corners(done)[:2] == list(reversed(corners(remaining)[2:]))


def test_what_is_older_than_every_pace_stands_out() -> None:
    ages = [Age("review", 3, "A-1"), Age("review", 30, "A-2"), Age("new", 30, "A-3")]

    drawn = ageing([State("review", (2, 5, 9)), State("new")], ages, label="t").wide

    assert len(marks(drawn, "circle", "alarm")) == 1
    assert len(marks(drawn, "polygon", "band")) == 3


def test_an_issue_of_no_state_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a state"):
        ageing([State("review")], [Age("gone", 1, "A-1")], label="t")


@pytest.mark.parametrize(
    ("value", "told"), [(8.26, "8.3"), (12.0, "12"), (1234.5, "1,234"), (0.05, "0.05"), (0, "0"), (-3.25, "-3.2")]
)
def test_numbers_keep_as_many_decimals_as_they_mean(value: float, told: str) -> None:
    assert number(value) == told


def test_signs_are_true_signs() -> None:
    assert (signed(1.2), signed(-0.8)) == ("+1.2", "−0.8")
