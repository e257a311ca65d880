"""When issues will be done: days, dates, the chance to be in time, and what taking issues out would change."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.ml.core.forecasts.calendar import Absence, WorkingCalendar
from apps.ml.core.forecasts.drops import path_to, single_drops
from apps.ml.core.forecasts.forecaster import WorkForecaster
from apps.ml.core.forecasts.sizes import Spread
from apps.ml.core.forecasts.units import Throughput, WorkItem

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


def test_open_issues_of_no_points_are_nearly_sure_but_not_done():
    team = forecaster()

    assert team.ask(items(3, points=0.0)).probability_in_time == 0.99
    assert {drop.probability_after for drop in single_drops(team, items(3, points=0.0))} == {0.99}
    assert team.ask([]).probability_in_time == 1.0


def test_percentiles_are_dates_in_order():
    finishes = forecaster().ask(items(10)).finishes

    assert [finish.percent for finish in finishes] == [50, 70, 85, 95]
    assert [finish.day for finish in finishes] == sorted(finish.day for finish in finishes)


def test_a_change_of_speed_is_told_with_the_dates_of_the_former_speed():
    slowed = replace(TEAM, issues=(5.0,) * 60 + (3.0,) * 16, points=(10.0,) * 60 + (6.0,) * 16)

    found = forecaster(slowed).ask(items(15))

    assert (found.change.since, found.change.weeks) == (MONDAY - timedelta(weeks=16), 16)
    assert (found.change.before, found.change.after) == (5.0, 3.0)
    # Thirty points at six a week are five weeks; at ten a week three.
    assert found.finishes[0].working_days == pytest.approx(25, abs=2)
    assert found.change.at_former_speed[0].working_days == pytest.approx(15, abs=2)
    assert forecaster().ask(items(15)).change is None


def test_weeks_before_a_young_team_began_do_not_lower_its_former_speed():
    young = replace(
        TEAM, issues=(0.0,) * 28 + (5.0,) * 60 + (3.0,) * 16, points=(0.0,) * 28 + (10.0,) * 60 + (6.0,) * 16
    )

    assert forecaster(young).ask(items(15)).change.at_former_speed[0].working_days == pytest.approx(15, abs=2)


def test_a_change_is_not_told_in_what_was_not_recorded_before():
    late = replace(TEAM, issues=(5.0,) * 60 + (3.0,) * 16, points=(0.0,) * 60 + (6.0,) * 16)

    assert forecaster(late).ask(items(15)).change is None


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


def test_issues_that_a_model_knows_are_as_large_as_it_says():
    plan = [WorkItem("small"), WorkItem("large"), WorkItem("unknown"), WorkItem("pointed", story_points=5.0)]
    spreads = {"small": Spread.of([1.0, 2.0], [0.75, 0.25]), "large": Spread.of([8.0]), "pointed": Spread.of([99.0])}

    team = forecaster(spreads=spreads)

    assert np.mean(team.size_of(plan[0])) == pytest.approx(1.25, abs=0.02)
    assert team.ask(plan).work == pytest.approx(1.25 + 8 + 2 + 5, abs=0.1)
    assert team.ask(plan).sizes == {"points": 1, "model": 2, "history": 1}


def test_work_in_hours_is_what_finished_issues_took_less_what_is_logged():
    team = replace(TEAM, hours=(40.0,) * 40, sizes_hours=(4.0, 12.0) * 50)
    plan = [WorkItem("new"), WorkItem("begun", logged_hours=6.0)]

    in_hours = forecaster(team, unit="hours")

    # What has taken six hours is one of the long ones: six are left.
    assert set(np.unique(in_hours.size_of(plan[1]))) == {6.0}
    assert in_hours.ask(plan).work == pytest.approx(8 + 6, abs=0.1)
    assert in_hours.ask(plan).history.unit == "hours"
    assert in_hours.ask(plan).sizes == {"points": 0, "model": 0, "history": 2}


def test_the_largest_issue_helps_most():
    plan = [WorkItem("small", story_points=1.0), WorkItem("large", story_points=8.0), *items(6)]

    first, *_, last = single_drops(forecaster(), plan)

    assert (first.issue_id, last.issue_id) == ("large", "small")
    assert first.probability_after > last.probability_after


def test_whether_issues_wait_for_others_is_asked_once_where_none_does(monkeypatch):
    asked, true = [], WorkForecaster.trial

    def trial(self, some, *, pace):
        asked.append(len(some))
        return true(self, some, pace=pace)

    monkeypatch.setattr(WorkForecaster, "trial", trial)

    assert len(single_drops(forecaster(), items(40))) == 40
    path_to(0.99, forecaster(), items(40))

    assert asked == [40, 40]


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


# --- What comes first, comes in and grows -------------------------------------------------------------------------
def test_what_is_begun_is_finished_first():
    busy = forecaster(ahead=items(5)).ask(items(10))

    assert busy.probability_in_time == forecaster().ask(items(15)).probability_in_time
    assert (busy.work, busy.ahead_issues, busy.ahead_work) == (20.0, 5, 10.0)


def test_an_empty_plan_waits_for_nothing():
    waiting = forecaster(ahead=items(5), growth=(1.0,) * 5, carried=np.full(10_000, 9.0))

    assert waiting.ask([]).probability_in_time == 1.0
    assert [drop.probability_after for drop in path_to(0.999, waiting, items(2))][-1] == 1.0


def test_each_run_grows_as_one_past_sprint_did():
    growing = forecaster(growth=(0.0, 0.0, 0.0, 0.0, 1.0))

    found = growing.ask(items(10))

    assert found.expected_growth == pytest.approx(0.2, abs=0.02)
    assert set(np.unique(growing.total_of(growing.work_of(items(10))))) == {20.0, 40.0}
    assert found.probability_in_time < forecaster().ask(items(10)).probability_in_time
    assert forecaster().ask(items(10)).expected_growth is None


def test_a_sprint_leaves_undone_what_it_does_not_get_to():
    running = forecaster(last_day=date(2026, 3, 6))

    left = running.left_undone(items(10))

    # Ten of twenty points are done in a usual week.
    assert np.mean(left) == pytest.approx(10.0, abs=1.5)
    assert np.all((left >= 0) & (left < 20))
    assert np.all(running.left_undone([]) == 0)


def test_work_that_begins_later_meets_the_weeks_that_come_then():
    later = {"starts_on": date(2026, 3, 16), "last_day": date(2026, 3, 27), "asked_on": MONDAY}
    uneven = replace(TEAM, points=tuple(np.random.default_rng(2).poisson(10, 40).astype(float)))
    first, second = forecaster(uneven), forecaster(uneven, **later)

    both = forecaster(uneven, last_day=date(2026, 3, 27))
    carried = first.left_undone(items(10))

    # Two sprints in a row are one: what the first leaves, the second begins with.
    two = forecaster(uneven, **later, carried=carried).weeks_to_finish(second.work_of(items(8)))
    one = both.weeks_to_finish(both.work_of(items(18))) - 2.0
    unhurried = carried > 0
    assert np.allclose(two[unhurried], one[unhurried], atol=1e-3)
    assert second.ask(items(8)).working_days_left == 10


def test_a_backlog_into_which_less_comes_than_goes_out_ends_later():
    still, growing = forecaster(), forecaster(created=(2.0,) * 30)

    before, after = still.ask(items(20)), growing.ask(items(20))

    assert before.probability_in_time > after.probability_in_time
    # Ten points a week go out, four come in: 40 points take seven weeks instead of four.
    assert after.finishes[0].working_days == pytest.approx(5 * 40 / 6, abs=4)
    assert (after.weekly_inflow, before.weekly_inflow) == (4.0, None)


def test_a_backlog_into_which_more_comes_than_goes_out_never_ends():
    found = forecaster(created=(50.0,) * 30).ask(items(200))

    assert [(finish.working_days, finish.day) for finish in found.finishes] == [(None, None)] * 4
    assert found.probability_in_time == 0.0


def test_what_never_ends_is_not_in_time_however_late_the_last_day():
    found = forecaster(created=(5_000.0,) * 30, last_day=date(2099, 1, 1)).ask(items(200))

    assert found.finishes[-1].day is None
    assert found.probability_in_time == 0.0


few = settings(max_examples=25, deadline=None)
plans = st.lists(st.one_of(st.none(), st.floats(0.5, 8)), min_size=1, max_size=12)


@given(plans, st.data(), st.lists(st.floats(-1, 1), min_size=5, max_size=8), st.integers(0, 4), st.booleans())
@few
def test_dropping_never_lowers_the_chance_whatever_else_decides(points, data, growth, n_ahead, comes_in):
    plan = [WorkItem(str(number), story_points=value) for number, value in enumerate(points)]
    kept = data.draw(st.lists(st.sampled_from(plan), unique=True))
    team = forecaster(
        growth=growth,
        ahead=[WorkItem(f"ahead {number}") for number in range(n_ahead)],
        carried=np.random.default_rng(1).uniform(0, 9, 10_000),
        created=(1.0, 3.0, 2.0) if comes_in else (),
        spreads={"0": Spread.of([1.0, 13.0])},
    )

    assert np.all(team.weeks_to_finish(team.work_of(kept)) <= team.weeks_to_finish(team.work_of(plan)) + 1e-6)
    assert team.ask(kept).probability_in_time >= team.ask(plan).probability_in_time


@given(st.integers(1, 20), st.floats(0.05, 1.0), st.floats(0.05, 1.0), st.integers(0, 10), st.integers(0, 10))
@few
def test_less_capacity_and_fewer_days_never_raise_the_chance(n, one, other, days_more, days_fewer):
    (less, more), (few_days, many_days) = sorted((one, other)), sorted((days_more, days_fewer))
    team = {"growth": (-0.2, 0.0, 0.1, 0.5, 0.3), "ahead": items(2)}
    short, long = (forecaster(last_day=MONDAY + timedelta(days=days), **team) for days in (few_days, many_days))

    assert long.ask(items(n), pace=less).probability_in_time <= long.ask(items(n), pace=more).probability_in_time
    assert short.ask(items(n)).probability_in_time <= long.ask(items(n)).probability_in_time
