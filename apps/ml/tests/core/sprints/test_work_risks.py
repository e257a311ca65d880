"""Risks of a running sprint that hours, priorities and the forecast show; each reaches every severity."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from apps.ml.core.forecasts.forecaster import Finish, WorkForecast
from apps.ml.core.forecasts.simulation import ForecastHistory
from apps.ml.core.sprints.risks import (
    capacity_overload,
    hours_drift,
    late_by_forecast,
    sprint_risks,
    urgent_issues_late,
)
from apps.ml.core.sprints.state import SprintScopeIssue, SprintState

NOW = datetime(2026, 3, 11, 9, tzinfo=UTC)
ISSUE = SprintScopeIssue("i", "to_do", entered_at=NOW - timedelta(days=20), moved_at=NOW, story_points=2.0)


def state(*issues: SprintScopeIssue, **options) -> SprintState:
    return SprintState(now=NOW, issues=issues, elapsed_ratio=0.75, working_days_left=5, **options)


def forecast(chance: float | None) -> WorkForecast:
    return WorkForecast(
        finishes=(Finish(85, 12, date(2026, 3, 20)),),
        probability_in_time=chance,
        last_day=date(2026, 3, 17),
        working_days_left=5,
        issues=1,
        work=8.0,
        pace=1.0,
        history=ForecastHistory("points", 30, 28, 6.0, 0.4, 15),
        seed=1,
    )


@pytest.mark.parametrize(
    ("chance", "severity"),
    [(0.71, None), (0.7, "low"), (0.5, "medium"), (0.25, "high"), (0.1, "critical"), (None, None)],
)
def test_a_late_forecast_reaches_every_severity(chance, severity):
    risk = late_by_forecast(state(ISSUE, forecast=forecast(chance)))

    assert (risk and risk.severity) == severity


def test_a_late_forecast_says_what_is_left_and_when_it_is_likely_done():
    risk = late_by_forecast(state(ISSUE, forecast=forecast(0.25)))

    assert risk.description == (
        "The chance to finish by 2026-03-17 is 25%: 8 points left for 5 working days, done by 2026-03-20 in 85 of "
        "100 cases"
    )
    assert risk.actual == 0.25


def test_a_late_forecast_names_what_else_takes_the_teams_time():
    busy = replace(forecast(0.25), ahead_issues=2, ahead_work=5.0, expected_growth=0.125)

    risk = late_by_forecast(state(ISSUE, forecast=busy))

    assert (
        "for 5 working days (5 in progress outside the sprint, the scope still grows by 12% on average), done by"
        in risk.description
    )
    assert (risk.evidence["work_in_progress"], risk.evidence["expected_growth"]) == (5.0, 0.125)


def test_without_a_forecast_or_without_work_nothing_is_late():
    assert late_by_forecast(state(ISSUE)) is None
    assert late_by_forecast(state(replace(ISSUE, category="done"), forecast=forecast(0.0))) is None


@pytest.mark.parametrize(
    ("hours", "severity"), [(40, None), (44, "low"), (52, "medium"), (64, "high"), (80, "critical")]
)
def test_more_hours_than_one_person_has_in_five_days_are_an_overload(hours, severity):
    risk = capacity_overload(state(replace(ISSUE, estimated_hours=hours, assignee="ann")))

    assert (risk and risk.severity) == severity


def test_hours_that_are_spent_are_not_needed_again():
    begun = replace(ISSUE, estimated_hours=80.0, actual_hours=60.0, assignee="ann")

    assert capacity_overload(state(begun)) is None


def test_overload_is_not_told_from_few_estimates_or_without_people_or_days():
    large = replace(ISSUE, estimated_hours=500.0, assignee="ann")

    assert capacity_overload(state(large, ISSUE, ISSUE)) is None
    assert capacity_overload(state(replace(large, assignee=""))) is None
    assert capacity_overload(replace(state(large), working_days_left=None)) is None


@pytest.mark.parametrize(
    ("actual", "severity"), [(12.4, None), (12.5, "low"), (15.0, "medium"), (20.0, "high"), (30.0, "critical")]
)
def test_hours_beyond_the_estimates_reach_every_severity(actual, severity):
    done = replace(ISSUE, category="done", estimated_hours=10.0, actual_hours=actual)

    risk = hours_drift(state(done, done, done, ISSUE))

    assert (risk and risk.severity) == severity


def test_two_finished_issues_are_no_drift():
    done = replace(ISSUE, category="done", estimated_hours=1.0, actual_hours=50.0)

    assert hours_drift(state(done, done, ISSUE)) is None


@pytest.mark.parametrize(("n_open", "severity"), [(0, None), (1, "low"), (3, "medium"), (5, "high"), (8, "critical")])
def test_urgent_work_open_late_reaches_every_severity(n_open, severity):
    urgent = replace(ISSUE, priority=1)

    risk = urgent_issues_late(state(*[urgent] * n_open, *[replace(urgent, category="done")] * (10 - n_open)))

    assert (risk and risk.severity) == severity


def test_urgent_work_is_no_risk_early_and_other_work_never():
    urgent = replace(ISSUE, priority=2)

    assert urgent_issues_late(replace(state(urgent), elapsed_ratio=0.5)) is None
    assert urgent_issues_late(state(replace(ISSUE, priority=3), ISSUE)) is None


def test_all_risks_are_told_the_severest_first():
    done = replace(ISSUE, category="done", estimated_hours=10.0, actual_hours=13.0)
    urgent = replace(ISSUE, priority=1, estimated_hours=100.0, assignee="ann")

    kinds = [risk.kind for risk in sprint_risks(state(done, done, done, urgent, forecast=forecast(0.05)))]

    assert kinds[0] == "late_by_forecast"
    assert {"hours_drift", "capacity_overload", "urgent_issues_late"} <= set(kinds)
