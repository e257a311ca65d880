"""What holds for every picture: classes of one sheet, nothing inline, the same figures as a table."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from django.template import Context, Template

from apps.common.charts.bars import Part, Range, contributions, gauge, interval_bar
from apps.common.charts.flow import Age, Dot, Layer, State, ageing, cycle_scatter, stacked_areas
from apps.common.charts.forecasts import FanDay, Progress, WorkDay, burn_up, burndown
from apps.common.charts.picture import Picture, sheet
from apps.common.charts.series import Limits, Line, Observation, lines_over_time, process_behaviour
from apps.common.charts.shares import Row, calibration, strip
from apps.common.tests.charts.drawn import parsed

TODAY = date(2026, 3, 2)
DAYS = [TODAY + timedelta(days=7 * number) for number in range(4)]
SHARE = SimpleNamespace(promised=0.8, observed=0.75, n=40, low=0.6, high=0.86)
NASTY = '<b>"&'
PROGRESS = Progress(
    "points",
    [WorkDay(DAYS[0], 1, 9), WorkDay(DAYS[1], 3, 9)],
    [FanDay(DAYS[1], 3, 3, 3, 3, 3), FanDay(DAYS[3], 4, 5, 6, 7, 8)],
    DAYS[2],
    [(DAYS[0], 9.0), (DAYS[3], 0.0)],
)
PICTURES: dict[str, Callable[[], Picture]] = {
    "burn-up": lambda: burn_up(PROGRESS, label=NASTY),
    "burndown": lambda: burndown(PROGRESS, label=NASTY),
    "process": lambda: process_behaviour(
        [Observation(day, 3, is_signal=True, href="/i/1") for day in DAYS], Limits(1, 3, 5), label=NASTY
    ),
    "lines": lambda: lines_over_time([Line(NASTY, [(day, 0.5) for day in DAYS])] * 4, label=NASTY, goal=(NASTY, 0.8)),
    "calibration": lambda: calibration([SHARE], label=NASTY, promise=NASTY),
    "strip": lambda: strip([Row(NASTY, SHARE, "/i/1")], label=NASTY),
    "contributions": lambda: contributions([Part(NASTY, 3), Part("b", -1)], label=NASTY, unit="hours"),
    "scatter": lambda: cycle_scatter([Dot(day, 3, NASTY, "/i/1") for day in DAYS], [(0.85, 3)], label=NASTY),
    "areas": lambda: stacked_areas(DAYS, [Layer(NASTY, [1, 2, 3, 4])] * 6, label=NASTY),
    "ageing": lambda: ageing([State(NASTY, (1, 2, 3))], [Age(NASTY, 9, NASTY, "/i/1")], label=NASTY),
}


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_is_well_formed_named_and_has_its_figures(name: str) -> None:
    picture = PICTURES[name]()

    for drawing in (picture.wide, picture.narrow):
        root = parsed(drawing)
        assert root.get("aria-label") == NASTY
        # Inside a picture nothing can be reached by keyboard.
        assert root.get("role") == ("group" if "<a " in picture.svg else "img")
    assert picture.table.rows
    assert {len(row) for row in picture.table.rows} == {len(picture.table.columns)}
    assert "<b>" not in picture.figure


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_is_inline_and_every_class_is_one_of_the_sheet(name: str) -> None:
    svg = PICTURES[name]().svg

    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|\sid=", svg)
    used = {each for names in re.findall('class="([^"]*)"', svg) for each in names.split()}
    known = set(re.findall(r"\.([a-z][\w-]*)", sheet()))
    assert used - known == {"band"} & used


def test_a_template_takes_a_picture_as_it_is() -> None:
    drawn = Template("{{ p.figure }}").render(Context({"p": PICTURES["calibration"]()}))

    assert drawn.startswith('<figure class="chart-figure"><svg ')
    assert "<details><summary>Figures</summary>" in drawn


def test_a_file_carries_the_sheet_along() -> None:
    text = PICTURES["burn-up"]().file

    parsed(text)
    assert sheet() in text


def test_a_link_to_a_script_leads_nowhere() -> None:
    drawn = cycle_scatter([Dot(TODAY, 1, "x", "javascript:alert(1)")], [], label="t").svg

    assert "javascript" not in drawn


def test_an_interval_stands_at_its_ends_where_room_grows_towards_small_values() -> None:
    drawn = parsed(interval_bar(Range(10, 22.5, 40, "hours"), top=40))

    # The line is 152 wide from 4 on; √(10/40) is a half, √(22.5/40) three quarters.
    _line, band, dot = list(drawn)
    assert (band.get("x"), band.get("width"), dot.get("cx")) == ("80.0", "76.0", "118.0")
    assert drawn.get("aria-label") == "typically 22.5 hours, 80\N{NO-BREAK SPACE}% between 10 and 40"


def test_a_gauge_is_filled_to_its_chance_and_marked_at_its_goal() -> None:
    _back, filled, goal = list(parsed(gauge(0.24, goal=0.85, label="24 %")))

    assert (filled.get("width"), goal.get("x1")) == ("72.0", "255.0")


def test_parts_begin_where_the_one_before_ended_and_end_at_their_sum() -> None:
    picture = PICTURES["contributions"]()

    more, less, total = [each for each in parsed(picture.wide) if each.tag.endswith("rect")]
    start, end = float(more.get("x") or 0), float(more.get("x") or 0) + float(more.get("width") or 0)
    assert float(less.get("x") or 0) + float(less.get("width") or 0) == pytest.approx(end, abs=0.2)
    assert float(total.get("x") or 0) == start
    assert picture.table.rows == ((NASTY, "+3"), ("b", "−1"), ("together", "2"))
