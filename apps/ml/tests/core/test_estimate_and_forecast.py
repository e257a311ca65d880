"""The division by velocity and the forecast never stand side by side unexplained."""

from dataclasses import replace
from datetime import date

import pytest

from apps.ml.core.forecasts.calendar import Absence, WorkingCalendar
from apps.ml.core.forecasts.forecaster import WorkForecaster
from apps.ml.core.forecasts.units import Throughput, WorkItem
from apps.ml.core.past.velocity import SprintRecord
from apps.ml.core.sprints.duration import SprintPlan, estimate_sprint_duration
from apps.ml.core.sprints.duration_beside_forecast import beside_forecast

MONDAY = date(2026, 3, 2)
TEAM = Throughput(issues=(5.0,) * 40, points=(10.0,) * 40, sizes=(2.0,) * 200)
PLAN = SprintPlan(
    items=tuple(WorkItem(str(number), story_points=2.0) for number in range(10)),
    first_day=MONDAY,
    resumes_on=MONDAY,
    last_day=date(2026, 3, 13),
)


def told(points_a_sprint: float, plan: SprintPlan = PLAN, **options) -> list[str]:
    """What is added where sprints of ten days delivered so much and weeks of five days ten points."""
    record = SprintRecord("s", "", 10, points_a_sprint, 10, pointed_issues=10, people=2)
    estimate = estimate_sprint_duration(plan, [record] * 5)
    options = {"calendar": plan.calendar} | options
    forecast = WorkForecaster(TEAM, "points", plan.resumes_on, plan.last_day, **options).ask(plan.items)
    after = beside_forecast(estimate, plan, forecast)
    assert after.estimated_days == estimate.estimated_days
    return [sentence for sentence in after.risk_factors if sentence not in estimate.risk_factors]


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
