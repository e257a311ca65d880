"""Burn-up and burndown: every figure where it belongs, in the drawing and in the table."""

from datetime import date, timedelta

import pytest

from apps.common.charts.forecasts import FanDay, Progress, WorkDay, burn_up, burndown
from apps.common.charts.picture import Picture
from apps.common.tests.charts.drawn import at, corners, marks, words

MONDAY = date(2026, 3, 2)


def day(number: int) -> date:
    return MONDAY + timedelta(days=number)


@pytest.fixture
def rising() -> Picture:
    past = [WorkDay(day(0), 0, 40), WorkDay(day(7), 10, 40)]
    fan = [FanDay(day(7), 10, 10, 10, 10, 10), FanDay(day(14), 14, 17, 20, 23, 26)]
    return burn_up(Progress("points", past, fan, target=day(21)), label="Done & scope")


def test_done_and_scope_stand_at_their_days_and_amounts(rising: Picture) -> None:
    (done,), (scope,) = marks(rising.wide, "polyline", "main"), marks(rising.wide, "polyline", "scope")

    # Day 7 of 21 is a third of the way; 10 of 40 a quarter of the height.
    (start_x, floor), (third_x, quarter_y) = corners(done)
    (_, ceiling), *_others, (end_x, _top) = corners(scope)
    (rule,) = [each for each in marks(rising.wide, "line", "rule") if at(each, "y1") != at(each, "y2")]
    (target_x,) = at(rule, "x1")
    assert third_x - start_x == pytest.approx((target_x - start_x) / 3, abs=0.1)
    assert floor - quarter_y == pytest.approx((floor - ceiling) / 4, abs=0.1)
    # What there is today stands for the days to come.
    assert end_x - start_x == pytest.approx((target_x - start_x) * 2 / 3, abs=0.1)


def test_the_fan_opens_from_today_to_its_quantiles(rising: Picture) -> None:
    (outer,), (inner,) = marks(rising.wide, "polygon", "outer"), marks(rising.wide, "polygon", "inner")

    (_, start), (_, high), (_, low), _back = corners(outer)
    (_, _), (_, upper), (_, lower), _back = corners(inner)
    assert high < upper < lower < low < start
    # 26 − 14 points are twice 23 − 17.
    assert low - high == pytest.approx(2 * (lower - upper), abs=0.4)


def test_the_table_holds_the_same_figures(rising: Picture) -> None:
    assert rising.table.columns == (
        "Day",
        "done, points",
        "scope",
        "10\N{NO-BREAK SPACE}% of futures below",
        "50\N{NO-BREAK SPACE}% of futures below",
        "90\N{NO-BREAK SPACE}% of futures below",
    )
    assert rising.table.rows[1] == ("9 Mar 2026", "10", "40", "", "", "")
    assert rising.table.rows[-1] == ("16 Mar 2026", "", "", "14", "20", "26")


def test_a_narrow_drawing_names_in_its_key_what_a_wide_one_names_at_the_ends(rising: Picture) -> None:
    for drawing in (rising.wide, rising.narrow):
        assert {"done", "scope", "typical: 20", "target 23 Mar 2026"} <= set(words(drawing))


def test_texts_of_people_stay_text(rising: Picture) -> None:
    assert 'aria-label="Done &amp; scope"' in rising.svg


def test_a_burndown_leads_down_beside_even_progress() -> None:
    past = [WorkDay(day(0), 20, 20), WorkDay(day(1), 15, 20)]
    cone = [FanDay(day(1), 15, 15, 15, 15, 15), FanDay(day(2), 4, 6, 8, 10, 12)]
    even = [(day(0), 20.0), (day(2), 0.0)]

    drawn = burndown(Progress("issues", past, cone, even=even), label="Left").wide

    (left,), (line,) = marks(drawn, "polyline", "main"), marks(drawn, "polyline", "even")
    assert corners(left)[0] == corners(line)[0]
    assert corners(line)[-1][1] > corners(left)[-1][1]


def test_a_picture_without_a_forecast_shows_the_past_alone() -> None:
    drawn = burn_up(Progress("points", [WorkDay(day(0), 3, 9)]), label="Done")

    assert not marks(drawn.wide, "polygon", "band")
    assert drawn.table.rows == (("2 Mar 2026", "3", "9", "", "", ""),)


def test_a_picture_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="A day at least"):
        burn_up(Progress("points", []), label="Done")
