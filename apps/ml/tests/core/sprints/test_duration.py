"""How long planned work takes, by the team's own past."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from apps.common.exceptions import NotEnoughData
from apps.ml.core.forecasts.calendar import Absence, WorkingCalendar
from apps.ml.core.past.velocity import SprintRecord
from apps.ml.core.sprints.duration import MAX_WORKING_DAYS, SprintPlan, WorkItem, estimate_sprint_duration, replay

MONDAY = date(2026, 3, 2)
#: 20 points in 10 working days, 2 a day; no hours, two people.
STEADY = SprintRecord("s", "", 10, 20.0, 5, pointed_issues=5, people=2)
WITH_HOURS = replace(STEADY, recorded_hours=100.0, hours_points=20.0, hours_issues=5)
#: 20 points from Monday to the Friday after next.
PLAN = SprintPlan(
    items=tuple(WorkItem(str(n), story_points=5.0) for n in range(4)),
    first_day=MONDAY,
    resumes_on=MONDAY,
    last_day=date(2026, 3, 13),
)


def test_the_work_of_a_usual_sprint_takes_a_usual_sprint():
    estimate = estimate_sprint_duration(PLAN, [STEADY] * 5)

    assert (estimate.working_days, estimate.estimated_days, estimate.planned_days) == (10.0, 12, 12)
    assert (estimate.average_velocity, estimate.total_story_points) == (20.0, 20.0)
    assert (estimate.method, estimate.risk_factors) == ("velocity_based", ())


def test_days_off_and_absences_move_the_end_and_nothing_else():
    away = WorkingCalendar(people=2, absences=(Absence(MONDAY, date(2026, 3, 6)),))
    usual, day_off, absence = (
        estimate_sprint_duration(replace(PLAN, calendar=calendar), [STEADY] * 5)
        for calendar in (WorkingCalendar(), WorkingCalendar(frozenset([date(2026, 3, 4)])), away)
    )

    assert [found.working_days for found in (usual, day_off, absence)] == [10.0] * 3
    assert (usual.finish_date, day_off.finish_date) == (date(2026, 3, 13), date(2026, 3, 16))
    # Half the team for a week: two days and a half are missing.
    assert absence.finish_date == date(2026, 3, 18)
    assert absence.risk_factors == ("The work ends about 5 calendar days after the sprint's last day.",)


def test_fewer_than_three_sprints_with_output_are_not_enough():
    with pytest.raises(NotEnoughData) as error:
        estimate_sprint_duration(PLAN, [STEADY, STEADY, replace(STEADY, delivered_points=0.0, delivered_issues=0)])

    assert (error.value.have, error.value.needed) == (2, 3)


def test_sprints_without_dates_do_not_tell_how_long_anything_took():
    with pytest.raises(NotEnoughData):
        estimate_sprint_duration(PLAN, [replace(STEADY, working_days=None)] * 3)


@pytest.mark.parametrize("record", [STEADY, WITH_HOURS])
@pytest.mark.parametrize("hours", [400.0, 160.0, 80.0, 1.0])
def test_halving_the_capacity_never_shortens_the_estimate(record, hours):
    whole = estimate_sprint_duration(replace(PLAN, team_capacity_hours=hours), [record] * 4)
    half = estimate_sprint_duration(replace(PLAN, team_capacity_hours=hours / 2), [record] * 4)

    assert half.estimated_days >= whole.estimated_days
    assert half.days_range.low >= whole.days_range.low


def test_more_work_never_ends_sooner():
    days = [
        estimate_sprint_duration(replace(PLAN, items=PLAN.items * n), [STEADY] * 4).estimated_days for n in range(1, 5)
    ]

    assert days == sorted(days)
    assert days[0] < days[-1]


def test_capacity_is_compared_with_the_hours_that_past_points_took():
    # 20 points at 5 h each are 100 h; 50 h in 10 working days are 5 h a day.
    estimate = estimate_sprint_duration(replace(PLAN, team_capacity_hours=50.0), [WITH_HOURS] * 3)

    assert (estimate.capacity.basis, estimate.capacity.needed_hours, estimate.working_days) == (
        "recorded_hours",
        100.0,
        20.0,
    )
    assert "The work needs about 100 h, 50 h of capacity are given." in estimate.risk_factors


def test_without_recorded_hours_the_estimates_of_the_plan_are_compared():
    items = tuple(replace(item, estimated_hours=10.0) for item in PLAN.items)

    estimate = estimate_sprint_duration(replace(PLAN, items=items, team_capacity_hours=20.0), [STEADY] * 3)

    assert (estimate.capacity.basis, estimate.working_days) == ("estimated_hours", 20.0)


def test_without_any_hours_the_size_of_the_team_is_taken_and_said():
    # Two people, 10 days, 8 h: 160 h are usual.
    estimate = estimate_sprint_duration(replace(PLAN, team_capacity_hours=80.0), [STEADY] * 3)

    assert (estimate.capacity.basis, estimate.working_days) == ("team_size", 20.0)
    assert any("8 h a person a day" in sentence for sentence in estimate.risk_factors)


def test_capacity_that_nothing_can_be_compared_with_is_not_used_and_that_is_said():
    nobody = replace(STEADY, people=0)

    estimate = estimate_sprint_duration(replace(PLAN, team_capacity_hours=1.0), [nobody] * 3)

    assert (estimate.capacity.basis, estimate.working_days) == ("not_used", 10.0)
    assert any("could not be used" in sentence for sentence in estimate.risk_factors)


def test_work_without_points_is_counted_in_issues():
    items = tuple(WorkItem(str(n)) for n in range(10))

    estimate = estimate_sprint_duration(replace(PLAN, items=items), [STEADY] * 3)

    assert (estimate.method, estimate.unit, estimate.average_velocity) == ("throughput_based", "issues", 5.0)
    assert estimate.working_days == 20.0


def test_a_few_issues_without_points_count_as_the_mean_and_that_is_said():
    items = (*PLAN.items, WorkItem("x"))

    estimate = estimate_sprint_duration(replace(PLAN, items=items), [STEADY] * 3)

    assert (estimate.total_story_points, estimate.working_days) == (20.0, 12.0)
    assert any(sentence.startswith("Without story points: 1 of 5 planned issues") for sentence in estimate.risk_factors)


def test_a_running_sprint_adds_what_is_left_to_what_has_passed():
    second_monday = replace(PLAN, items=PLAN.items[:2], resumes_on=date(2026, 3, 9))

    estimate = estimate_sprint_duration(second_monday, [STEADY] * 3)

    assert estimate.finish_date == date(2026, 3, 13)
    assert estimate.estimated_days == 12


def test_late_work_says_by_how_much():
    estimate = estimate_sprint_duration(replace(PLAN, items=PLAN.items * 2), [STEADY] * 3)

    assert estimate.risk_factors == ("The work ends about 14 calendar days after the sprint's last day.",)


def test_nothing_planned_takes_no_time_and_is_said():
    estimate = estimate_sprint_duration(replace(PLAN, items=()), [STEADY] * 3)

    assert estimate.estimated_days == 0
    assert estimate.risk_factors == ("No unfinished issue is planned, so there is nothing to estimate.",)


def test_an_unsteady_past_widens_the_range_and_is_said():
    past = [replace(STEADY, delivered_points=points) for points in (5.0, 35.0, 10.0, 30.0)]

    estimate = estimate_sprint_duration(PLAN, past)

    assert estimate.days_range.low < estimate.estimated_days < estimate.days_range.high
    assert any(sentence.startswith("Velocity varies by") for sentence in estimate.risk_factors)


def test_a_steady_past_is_a_narrow_range():
    estimate = estimate_sprint_duration(PLAN, [STEADY] * 4)

    assert (estimate.days_range.low, estimate.days_range.high) == (12, 12)


def test_an_estimate_that_capacity_decides_is_as_uncertain_as_its_work():
    past = [replace(STEADY, delivered_points=points) for points in (10.0, 20.0, 30.0)]

    answer = estimate_sprint_duration(replace(PLAN, team_capacity_hours=16.0), past)

    assert answer.capacity.working_days == answer.working_days == 100.0
    assert answer.days_range.low < answer.estimated_days < answer.days_range.high


def test_the_range_promises_no_more_than_so_few_sprints_can():
    assert estimate_sprint_duration(PLAN, [STEADY] * 3).days_range.level == 0.5
    assert estimate_sprint_duration(PLAN, [STEADY] * 20).days_range.level == pytest.approx(7 / 9)


def test_the_range_holds_as_often_as_it_promises_where_sprints_are_exchangeable():
    rng = np.random.default_rng(3)
    outputs = rng.lognormal(3.0, 0.5, size=(1000, 9))

    held = sum(_holds(row) for row in outputs) / len(outputs)

    assert held == pytest.approx(7 / 9, abs=0.04)


def test_confidence_is_the_replayed_share_and_one_hit_is_no_certainty():
    assert replay([STEADY] * 6, "points") == (5, 5)
    assert estimate_sprint_duration(PLAN, [STEADY] * 6).confidence == pytest.approx(6 / 11, abs=1e-3)


def test_a_team_that_jumps_up_and_down_gets_little_confidence():
    past = [replace(STEADY, delivered_points=points) for points in (5.0, 35.0) * 4]

    assert replay(past, "points")[0] <= 1
    assert estimate_sprint_duration(PLAN, past).confidence < 0.3


def test_the_replay_of_a_sprint_knows_only_the_sprints_before_it():
    past = [STEADY, STEADY, replace(STEADY, delivered_points=60.0)]

    assert replay(past, "points") == (1, 2)
    assert replay([*past, STEADY], "points") == (1, 3)


def test_a_sprint_that_delivered_nothing_is_a_miss():
    empty = replace(STEADY, delivered_points=0.0)

    assert replay([STEADY, empty, STEADY], "points") == (0, 2)
    assert replay([empty, STEADY], "points") == (0, 1)


def test_no_answer_lies_beyond_the_calendar():
    plan = replace(PLAN, team_capacity_hours=1e-9)

    estimate = estimate_sprint_duration(plan, [STEADY] * 3)

    assert estimate.working_days == MAX_WORKING_DAYS
    assert any("does not end within" in sentence for sentence in estimate.risk_factors)


def test_with_everybody_away_for_good_the_horizon_is_called_one():
    away = WorkingCalendar(people=1, absences=(Absence(MONDAY),))

    estimate = estimate_sprint_duration(replace(PLAN, calendar=away), [STEADY] * 3)

    assert estimate.finish_date == date(2036, 3, 2)
    assert any("does not end within ten years" in sentence for sentence in estimate.risk_factors)


def test_a_sprint_without_an_end_has_no_plan_to_compare_with():
    estimate = estimate_sprint_duration(replace(PLAN, last_day=None, team_capacity_hours=10.0), [STEADY] * 3)

    assert (estimate.planned_days, estimate.capacity.basis) == (None, "not_used")
    assert any("no end date" in sentence for sentence in estimate.risk_factors)


def test_unassigned_work_is_said():
    items = (*PLAN.items[1:], WorkItem("x", story_points=5.0, is_assigned=False))

    estimate = estimate_sprint_duration(replace(PLAN, items=items), [STEADY] * 3)

    assert estimate.risk_factors == ("Without an assignee: 1 of 4 planned issues.",)


def _holds(outputs) -> bool:
    """Whether a plan of what the ninth sprint delivered is given a range with that sprint's ten days."""
    *past, delivered = (replace(STEADY, delivered_points=float(output)) for output in outputs)
    plan = replace(PLAN, items=(WorkItem("x", story_points=delivered.delivered_points),))
    answer = estimate_sprint_duration(plan, past)
    return answer.days_range.low <= 12 <= answer.days_range.high
