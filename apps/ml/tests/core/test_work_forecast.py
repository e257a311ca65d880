"""When issues will be done: days, dates, the chance to be in time, and what taking issues out would change."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.common.exceptions import NotEnoughData
from apps.ml.core.calendar import Absence, WorkingCalendar
from apps.ml.core.scope_drops import path_to, single_drops
from apps.ml.core.work_forecast import WorkForecaster, forecaster_for
from apps.ml.core.work_units import Throughput, WorkItem

MONDAY, FRIDAY_AFTER_NEXT = date(2026, 3, 2), date(2026, 3, 13)
#: Five issues or ten points a week.
TEAM = Throughput(issues=(5.0,) * 40, points=(10.0,) * 40, sizes=(2.0,) * 200)


def items(n: int, points: float | None = 2.0) -> list[WorkItem]:
    return [WorkItem(f"{number:03}", story_points=points) for number in range(n)]


def forecaster(team: Throughput = TEAM, **options) -> WorkForecaster:
    return WorkForecaster(team, **{"unit": "points", "starts_on": MONDAY, "last_day": FRIDAY_AFTER_NEXT} | options)


def test_two_weeks_of_work_are_an_even_chance_in_two_weeks():
    found = forecaster().ask(items(10))

    assert found.probability_in_time == pytest.approx(0.5, abs=0.05)
    assert found.finishes[0].working_days in (10, 11)
    assert (found.work, found.working_days_left, found.history.unit) == (20.0, 10, "points")


def test_percentiles_are_dates_in_order():
    finishes = forecaster().ask(items(10)).finishes

    assert [finish.percent for finish in finishes] == [50, 70, 85, 95]
    assert [finish.day for finish in finishes] == sorted(finish.day for finish in finishes)


def test_the_chance_to_be_in_time_fits_the_dates():
    certain = forecaster().ask(items(5))
    late = forecaster().ask(items(25))

    assert certain.probability_in_time > 0.95
    assert certain.finishes[-1].day <= FRIDAY_AFTER_NEXT
    assert late.probability_in_time < 0.5
    assert late.finishes[0].day > FRIDAY_AFTER_NEXT


def test_a_day_off_lowers_the_chance():
    usual = forecaster().ask(items(10)).probability_in_time
    day_off = WorkingCalendar(frozenset([date(2026, 3, 4)]))

    assert forecaster(calendar=day_off).ask(items(10)).probability_in_time < usual


def test_a_slower_pace_lowers_the_chance():
    assert forecaster().ask(items(10), pace=0.5).probability_in_time < forecaster().ask(items(10)).probability_in_time


def test_without_a_last_day_there_is_no_chance_to_be_in_time():
    endless = forecaster(last_day=None)
    found = endless.ask(items(10))

    assert (found.probability_in_time, found.working_days_left) == (None, None)
    assert single_drops(endless, items(3)) == []


def test_work_that_no_run_ends_has_no_date():
    finish = forecaster().ask(items(1, points=1e9)).finishes[0]

    assert (finish.working_days, finish.day) == (None, None)


def test_issues_without_points_are_as_large_as_finished_ones_were():
    team = replace(TEAM, sizes=(1.0, 3.0) * 100)

    sizes = forecaster(team).size_of(WorkItem("x"))

    assert set(np.unique(sizes)) == {1.0, 3.0}
    assert np.mean(sizes) == pytest.approx(2.0, abs=0.05)


def test_the_unit_is_issues_where_the_work_carries_no_points():
    pointed = forecaster_for(items(4), TEAM, starts_on=MONDAY)
    bare = forecaster_for(items(4, points=None), TEAM, starts_on=MONDAY)
    never_pointed = forecaster_for(items(4), replace(TEAM, points=(0.0,) * 40, sizes=()), starts_on=MONDAY)

    assert [each.runs.unit for each in (pointed, bare, never_pointed)] == ["points", "issues", "issues"]


def test_points_that_are_too_young_leave_the_issues():
    young = replace(TEAM, issues=(1.0,) * 36 + (5.0,) * 4, points=(0.0,) * 36 + (10.0,) * 4, sizes=(2.0,) * 40)

    assert forecaster_for(items(4), young, starts_on=MONDAY).runs.unit == "issues"


def test_a_team_without_history_is_not_forecast():
    with pytest.raises(NotEnoughData):
        forecaster_for(items(4), Throughput(), starts_on=MONDAY)


def test_the_largest_issue_helps_most():
    plan = [WorkItem("small", story_points=1.0), WorkItem("large", story_points=8.0), *items(6)]

    first, *_, last = single_drops(forecaster(), plan)

    assert (first.issue_id, last.issue_id) == ("large", "small")
    assert first.probability_after > last.probability_after


def test_the_path_ends_at_the_target_and_goes_in_the_order_given():
    plan = items(14)

    path = path_to(0.85, forecaster(), plan)

    assert [drop.issue_id for drop in path] == [item.issue_id for item in plan[: len(path)]]
    assert path[-1].probability_after >= 0.85 > path[-2].probability_after
    assert path_to(0.85, forecaster(), items(2)) == ()


def test_only_an_empty_plan_is_in_time_when_no_time_is_left():
    over = forecaster(starts_on=date(2026, 3, 16))

    assert [drop.probability_after for drop in path_to(0.85, over, items(3))] == [0.0, 0.0, 1.0]


@given(st.lists(st.one_of(st.none(), st.floats(0.5, 8)), min_size=1, max_size=20), st.data())
@settings(max_examples=30, deadline=None)
def test_dropping_issues_never_lowers_the_chance(points, data):
    plan = [WorkItem(str(number), story_points=value) for number, value in enumerate(points)]
    kept = data.draw(st.lists(st.sampled_from(plan), unique=True))
    team = forecaster()

    assert team.ask(kept).probability_in_time >= team.ask(plan).probability_in_time


absences = st.builds(
    lambda start, length: Absence(MONDAY + timedelta(days=start), MONDAY + timedelta(days=start + length)),
    st.integers(0, 20),
    st.integers(0, 30),
)
days = st.lists(st.integers(0, 25).map(lambda ahead: MONDAY + timedelta(days=ahead)), max_size=6)


@given(days, days, st.lists(absences, max_size=3), st.lists(absences, max_size=3), st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_more_days_off_and_absences_never_raise_the_chance(few, more, some, others, n):
    usual = WorkingCalendar(frozenset(few), people=6, absences=tuple(some))
    worse = WorkingCalendar(frozenset([*few, *more]), people=6, absences=(*some, *others))

    before, after = (forecaster(calendar=calendar).ask(items(n)) for calendar in (usual, worse))

    assert after.probability_in_time <= before.probability_in_time
    assert all(late.day >= early.day for early, late in zip(before.finishes, after.finishes, strict=True))


@given(days, st.lists(absences, max_size=3), st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_dates_and_chance_are_one_answer_in_any_calendar(off, away, n):
    found = forecaster(calendar=WorkingCalendar(frozenset(off), people=4, absences=tuple(away))).ask(items(n))

    for finish in found.finishes:
        if finish.day < FRIDAY_AFTER_NEXT:
            assert found.probability_in_time >= finish.percent / 100
        elif finish.day > FRIDAY_AFTER_NEXT:
            assert found.probability_in_time < finish.percent / 100


def test_who_was_away_in_the_past_weeks_too_is_not_counted_out_twice():
    away = WorkingCalendar(people=4, absences=(Absence(first=date(2020, 1, 1)),))
    past = replace(TEAM, presence=away.weekly_shares(MONDAY, 104))

    alike = forecaster(past, calendar=away).ask(items(10))

    assert alike.probability_in_time == forecaster().ask(items(10)).probability_in_time
    assert alike.working_days_left == 7.5
    assert [finish.day for finish in alike.finishes] == [finish.day for finish in forecaster().ask(items(10)).finishes]


def test_a_past_of_holidays_makes_a_usual_week_shorter():
    rested = replace(TEAM, presence=(1.0,) * 100 + (0.0,) * 2 + (1.0,) * 2)

    assert forecaster(rested).ask(items(10)).probability_in_time > forecaster().ask(items(10)).probability_in_time
