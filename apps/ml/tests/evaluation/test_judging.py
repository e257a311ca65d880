"""Each kind of answer that can have an outcome meets it, or the reason why it never will."""

from datetime import date, timedelta

import pytest
from django.core.management import call_command

from apps.ml.models import ModelType, PredictionHistory
from apps.ml.selectors.forecasts import unfinished
from apps.ml.selectors.scorecard import SCORED_KINDS
from apps.ml.services import AnomalyDetectionService
from apps.ml.services.evaluation.closing import record_dated_outcomes, record_outcomes
from apps.ml.services.evaluation.scorecard import project_scorecard
from apps.ml.services.forecasts.service import ForecastService, Scenario
from apps.ml.services.sprints.duration import SprintDurationService
from apps.ml.tests.factories import PredictionHistoryFactory
from apps.ml.tests.forecasts.teams import a_running_sprint, a_team
from apps.projects.models import Sprint
from apps.projects.services import close_sprint, update_issue
from apps.projects.tests.factories import (
    IssueFactory,
    ProjectFactory,
    SprintFactory,
    TeamMemberFactory,
)

pytestmark = pytest.mark.django_db
Kind = PredictionHistory.Kind
PLAIN = {
    "drop_issues": [], "add_issues": [], "team_capacity_hours": None, "extra_days": 0, "days_off": [], "growth": True
}  # fmt: skip


@pytest.fixture
def sprint(now) -> Sprint:
    """Two weeks from this Monday, with three issues of one point."""
    project = ProjectFactory()
    sprint = SprintFactory(
        project=project, active=True, start_date=now.date(), end_date=now.date() + timedelta(days=13), started_at=now
    )
    IssueFactory.create_batch(3, project=project, sprint=sprint, story_points=1.0, created_at=now - timedelta(days=1))
    return sprint


def answered(sprint, kind, *, now, **fields):
    return PredictionHistoryFactory(
        project=sprint.project, sprint=sprint, issue=None, prediction_type=kind, created_at=now, **fields
    )


def dates_of(issues, *, first_day: date, days: dict[str, int], last_day: date | None = None):
    """What is kept of an answer about dates."""
    return {
        "issues": [str(issue.id) for issue in issues],
        "first_day": first_day.isoformat(),
        "days": days,
        "working_days": days,
        "days_left": (last_day - first_day).days + 1 if last_day else None,
        "last_day": last_day.isoformat() if last_day else None,
        "probability_in_time": 0.7 if last_day else None,
    }


def finish(issues, *, at):
    for issue in issues:
        update_issue(issue, by=None, now=at, status=issue.project.statuses.get(name="Done"))


def card(project, kind, *, now):
    [found] = project_scorecard(project.id, now=now, kind=kind).types
    return found


def test_a_risk_meets_the_books_of_its_sprint_with_a_brier_score(sprint, now):
    told = {"chance_to_fall_short": 0.8, "least_amount": 2.7, "unit": "points", "risks": []}
    row = answered(sprint, Kind.SPRINT_RISK, now=now, predicted_value=0.8, details=told)
    finish(sprint.issues.all()[:2], at=now + timedelta(days=3))
    assert record_outcomes(now=now + timedelta(days=4)) == 0

    end = now + timedelta(days=13)
    close_sprint(sprint, by=None, now=end)
    assert record_outcomes(now=end + timedelta(minutes=1)) == 1

    row.refresh_from_db()
    assert row.actual_value == 1.0
    found = card(sprint.project, Kind.SPRINT_RISK, now=end + timedelta(days=1))
    assert found.overall.confidence.brier == pytest.approx(0.04)
    assert found.verdict.startswith("A chance of 80 % on average came true in 100 % of 1 outcome; Brier score 0.04")


def test_a_duration_meets_the_day_on_which_the_last_issue_was_done(sprint, now):
    details = dates_of(sprint.issues.all(), first_day=now.date(), days={"50": 8, "85": 12}, last_day=sprint.end_date)
    answered(sprint, ModelType.SPRINT_DURATION, now=now, predicted_value=8.0, details=details)
    finish(sprint.issues.all(), at=now + timedelta(days=9))

    closed = now + timedelta(days=10)
    assert record_dated_outcomes(now=closed) == 1

    found = card(sprint.project, ModelType.SPRINT_DURATION, now=closed)
    # Ten days where eight and twelve were told: .5 x 2 and .15 x 2.
    assert (found.unit, found.overall.mean_absolute_error) == ("days", 2.0)
    assert found.overall.pinball == pytest.approx((0.5 * 2 + 0.15 * 2) / 2)
    assert found.overall.confidence.brier == pytest.approx(0.09)


def test_a_forecast_is_judged_when_its_latest_date_has_passed_and_says_that_it_took_longer(sprint, now):
    details = dates_of(sprint.issues.all(), first_day=now.date(), days={"50": 3, "85": 5})
    row = PredictionHistoryFactory(
        project=sprint.project, issue=None, prediction_type=Kind.FORECAST, created_at=now, predicted_value=3.0,
        details=details,
    )  # fmt: skip
    assert record_dated_outcomes(now=now + timedelta(days=4)) == 0
    assert card(sprint.project, Kind.FORECAST, now=now + timedelta(days=4)).waiting == 1

    assert record_dated_outcomes(now=now + timedelta(days=5)) == 1

    row.refresh_from_db()
    assert row.actual_value == 6.0
    assert card(sprint.project, Kind.FORECAST, now=now + timedelta(days=6)).cut_short == 1


def test_an_amount_meets_what_was_finished_until_the_day_asked_about(sprint, now):
    row = PredictionHistoryFactory(
        project=sprint.project, issue=None, prediction_type=Kind.FORECAST, created_at=now, predicted_value=4.0,
        details={
            "at_least": {"50": 4, "85": 1},
            "first_day": now.date().isoformat(),
            "last_day": (now.date() + timedelta(days=6)).isoformat(),
        },
    )  # fmt: skip
    finish(sprint.issues.all()[:2], at=now + timedelta(days=6))
    finish(sprint.issues.all()[2:], at=now + timedelta(days=7))

    assert record_dated_outcomes(now=now + timedelta(days=6)) == 0
    assert record_dated_outcomes(now=now + timedelta(days=7)) == 1

    row.refresh_from_db()
    found = card(sprint.project, Kind.FORECAST, now=now + timedelta(days=8))
    assert (row.actual_value, found.unit) == (2.0, "issues")
    # Two: two below the median of 4, one above the 15th percentile of 1.
    assert found.overall.pinball == pytest.approx((0.5 * 2 + 0.15 * 1) / 2)


@pytest.mark.parametrize(
    ("supposed", "reason"),
    [
        ({}, ""),
        ({"drop_issues": [0]}, "stayed in the sprint"),
        ({"add_issues": ["another"]}, "is not in the sprint"),
        ({"team_capacity_hours": 30.0}, "Nobody can see"),
        ({"extra_days": 2}, "on another day"),
    ],
)
def test_a_scenario_is_judged_only_where_what_it_supposed_came_about(sprint, now, supposed, reason):
    issues = list(sprint.issues.order_by("id"))
    supposed = {
        name: [str(issues[0].id) if one == 0 else one for one in value] if isinstance(value, list) else value
        for name, value in supposed.items()
    }
    last_day = sprint.end_date + timedelta(days=supposed.get("extra_days", 0))
    details = dates_of(issues, first_day=now.date(), days={"50": 8, "85": 12}, last_day=last_day)
    row = answered(sprint, Kind.WHAT_IF, now=now, predicted_value=8.0, details=details, input=PLAIN | supposed)
    finish(issues, at=now + timedelta(days=9))
    assert record_dated_outcomes(now=now + timedelta(days=10)) == 0, "the sprint may still become what was supposed"

    end = now + timedelta(days=13)
    close_sprint(sprint, by=None, now=end)
    record_dated_outcomes(now=end)

    row.refresh_from_db()
    assert row.actual_value == (None if reason else 10.0)
    assert reason in row.details.get("unscored", "")
    [*reasons] = card(sprint.project, Kind.WHAT_IF, now=end).unscored
    assert len(reasons) == bool(reason)


def test_suggested_people_meet_who_did_it(sprint, now):
    first, second, other = (TeamMemberFactory(project=sprint.project).user for _ in range(3))
    for issue, person in zip(sprint.issues.order_by("id"), (second, other, first), strict=True):
        suggested = {"suggested": [str(first.id), str(second.id)], "candidates": 3, "was_assigned": False}
        PredictionHistoryFactory(
            project=sprint.project, issue=issue, prediction_type=ModelType.TASK_ASSIGNMENT, created_at=now,
            predicted_value=1.0, details=suggested,
        )  # fmt: skip
        update_issue(issue, by=None, now=now + timedelta(hours=1), assignee=person)
    finish(sprint.issues.all(), at=now + timedelta(days=1))

    assert record_outcomes(now=now + timedelta(days=2)) == 3

    hits = card(sprint.project, ModelType.TASK_ASSIGNMENT, now=now + timedelta(days=3)).overall.hits
    assert (hits.named_first, hits.among_named) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert hits.mean_reciprocal_rank == pytest.approx(0.5)


def test_the_command_tells_every_kind(sprint, now, capsys):
    call_command("scorecard", project=sprint.project.key)

    told = capsys.readouterr().out
    assert all(kind in told for kind in SCORED_KINDS)


def test_what_the_services_answer_of_a_running_sprint_is_judged_when_it_is_over(now):
    project = a_team(now)
    running = a_running_sprint(project, now)
    SprintDurationService().estimate_sprint_duration(running.id, now=now)
    AnomalyDetectionService().judge_sprint(running.id, now=now)
    ForecastService().what_if(running.id, Scenario(), now=now)
    ForecastService().forecast_work(project.id, unfinished(project.id), by=running.end_date, now=now)
    ForecastService().how_many(project.id, by=running.end_date, now=now)
    rows = PredictionHistory.objects.filter(project=project)
    rows.update(created_at=now)
    finish(running.issues.filter(resolved_at=None), at=now + timedelta(days=1))
    close_sprint(running, by=None, now=now + timedelta(days=2))

    record_outcomes(now=now + timedelta(days=3))
    record_dated_outcomes(now=now + timedelta(days=30))

    assert {row.prediction_type: row.actual_value for row in rows if "at_least" not in row.details} == {
        # Done on the second day, the day of the question counted, and the first day of the sprint's.
        ModelType.SPRINT_DURATION: (now.date() - running.start_date).days + 2,
        Kind.SPRINT_RISK: 0.0,
        Kind.WHAT_IF: 2.0,
        Kind.FORECAST: 2.0,
    }
    assert rows.get(details__has_key="at_least").actual_value == running.issues.count()
