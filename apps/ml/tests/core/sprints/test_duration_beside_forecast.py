"""A duration is read from the forecast; the division by velocity never stands beside it unexplained."""

from dataclasses import replace
from datetime import date

import pytest

from apps.ml.core.forecasts.calendar import Absence, WorkingCalendar
from apps.ml.core.forecasts.forecaster import WorkForecast, WorkForecaster
from apps.ml.core.forecasts.units import Throughput, WorkItem
from apps.ml.core.past.velocity import SprintRecord
from apps.ml.core.sprints.duration import SprintDurationEstimate, SprintPlan, estimate_sprint_duration
from apps.ml.core.sprints.duration_by_forecast import read_from_forecast

MONDAY = date(2026, 3, 2)
TEAM = Throughput(issues=(5.0,) * 40, points=(10.0,) * 40, sizes=(2.0,) * 200)
PLAN = SprintPlan(
    items=tuple(WorkItem(str(number), story_points=2.0) for number in range(10)),
    first_day=MONDAY,
    resumes_on=MONDAY,
    last_day=date(2026, 3, 13),
)


def both(points_a_sprint: float, plan: SprintPlan = PLAN, **options) -> tuple[SprintDurationEstimate, WorkForecast]:
    """The estimate where sprints of ten days delivered so much, read from the forecast of ten points in five days."""
    record = SprintRecord("s", "", 10, points_a_sprint, 10, pointed_issues=10, people=2)
    options = {"calendar": plan.calendar} | options
    forecast = WorkForecaster(TEAM, "points", plan.resumes_on, plan.last_day, **options).ask(plan.items)
    return read_from_forecast(estimate_sprint_duration(plan, [record] * 5), plan, forecast), forecast


def told(points_a_sprint: float, plan: SprintPlan = PLAN, **options) -> list[str]:
    """What is said of the division by velocity."""
    after, _ = both(points_a_sprint, plan, **options)
    return [sentence for sentence in after.risk_factors if sentence.startswith("Velocity alone")]


@pytest.mark.parametrize("points_a_sprint", [80.0, 20.0, 5.0])
def test_days_date_range_and_confidence_are_those_of_the_forecast(points_a_sprint):
    estimate, forecast = both(points_a_sprint)

    assert estimate.finish_date == forecast.typical.day
    assert estimate.estimated_days == (forecast.typical.day - MONDAY).days + 1
    assert (estimate.days_range.low, estimate.days_range.high, estimate.days_range.level) == (11, 17, 0.7)
    assert estimate.confidence == forecast.near_typical
    assert (forecast.probability_in_time >= 0.5) == (estimate.finish_date <= PLAN.last_day)


def test_one_sentence_tells_by_how_much_the_last_day_is_missed():
    estimate, forecast = both(5.0, replace(PLAN, last_day=date(2026, 3, 6)))

    late = (forecast.typical.day - date(2026, 3, 6)).days
    ends = [sentence for sentence in estimate.risk_factors if sentence.startswith("The work ends")]
    assert ends == [f"The work ends about {late} calendar days after the sprint's last day."]


def test_an_estimate_within_the_forecast_needs_no_word():
    assert told(20.0) == []


@pytest.mark.parametrize(("points_a_sprint", "days"), [(80.0, 3), (5.0, 54)])
def test_an_estimate_outside_the_forecast_is_told_with_both_numbers(points_a_sprint, days):
    (sentence,) = told(points_a_sprint)

    assert sentence.startswith(f"Velocity alone says {days} calendar days; the forecast")
    assert sentence.endswith("says 11 to 17 (15% and 85% of its runs are done by then).")


def test_a_forecast_beyond_ten_years_is_told_as_such():
    (sentence,) = told(20.0, carried=1e6)

    assert "more than 3650 to more than 3650" in sentence


def test_where_neither_sees_an_end_they_agree():
    away = WorkingCalendar(people=1, absences=(Absence(MONDAY),))

    assert told(20.0, replace(PLAN, calendar=away)) == []


def test_without_work_there_is_nothing_to_compare():
    assert told(20.0, replace(PLAN, items=())) == []
