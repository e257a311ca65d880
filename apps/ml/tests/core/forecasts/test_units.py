"""In which unit work is compared with what the team finished."""

from dataclasses import replace

import pytest

from apps.common.exceptions import NotEnoughData
from apps.ml.core.forecasts.units import Throughput, WorkItem, unit_for

#: Five issues, ten points, forty hours a week.
TEAM = Throughput(
    issues=(5.0,) * 40,
    points=(10.0,) * 40,
    hours=(40.0,) * 40,
    sizes=(2.0,) * 200,
    sizes_hours=(8.0,) * 200,
)
POINTED = [WorkItem(str(number), story_points=2.0) for number in range(4)]
BARE = [WorkItem(str(number)) for number in range(4)]


@pytest.mark.parametrize(
    ("items", "sizes", "sizes_hours", "unit"),
    [
        (POINTED, (2.0,) * 200, (8.0,) * 200, "points"),
        ([], (2.0,) * 200, (8.0,) * 200, "points"),
        (BARE, (2.0,) * 200, (8.0,) * 200, "issues"),
        (POINTED, (2.0,) * 99, (8.0,) * 200, "hours"),
        (BARE, (2.0,) * 99, (8.0,) * 200, "hours"),
        (BARE, (2.0,) * 99, (8.0,) * 99, "issues"),
        (POINTED, (), (), "issues"),
    ],
)
def test_the_unit_is_points_else_hours_else_issues(items, sizes, sizes_hours, unit):
    assert unit_for(items, replace(TEAM, sizes=sizes, sizes_hours=sizes_hours)) == unit


def test_a_points_model_fills_in_what_the_work_lacks():
    assert unit_for(BARE, TEAM, points_model=True) == "points"


@pytest.mark.parametrize("sizes", [(2.0,) * 40, ()])
def test_a_unit_that_is_too_young_leaves_the_issues(sizes):
    few = (0.0,) * 36 + (10.0,) * 4
    young = Throughput(issues=(1.0,) * 36 + (5.0,) * 4, points=few, hours=few, sizes=sizes, sizes_hours=(8.0,) * 40)

    assert unit_for(POINTED, young) == "issues"


def test_a_team_without_history_has_no_unit():
    with pytest.raises(NotEnoughData):
        unit_for(POINTED, Throughput())


def test_a_usual_week_is_as_the_past_ones_were_and_at_least_half_a_week():
    assert TEAM.usual_presence(40) == 1.0
    assert replace(TEAM, presence=(0.75,) * 104).usual_presence(40) == pytest.approx(0.75)
    assert replace(TEAM, presence=(0.1,) * 104).usual_presence(40) == 0.5
