"""The outcome of a sprint from the database: what is known when, who may ask, and what became of the answer."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from apps.common.exceptions import NotEnoughData
from apps.ml.core.sprints.outcome import Outlook
from apps.ml.models import PredictionHistory
from apps.ml.services import AnomalyDetectionService
from apps.ml.services.evaluation.closing import record_outcomes
from apps.ml.services.forecasts.sprint import SprintIsOver
from apps.ml.services.sprints.future import sprint_future
from apps.ml.services.sprints.outcome import SprintOutcomeService
from apps.projects.models import Issue, Project, Sprint
from apps.projects.services import close_sprint, update_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory
from conftest import ENTERING

pytestmark = pytest.mark.django_db
DAYS = 14


def sprint_outlook(sprint: Sprint, *, now: datetime) -> Outlook:
    return sprint_future(sprint, now=now).outlook_or_raise()


def fill(sprint: Sprint, *, start: datetime, done_on: list[int], open_issues: int, points: float | None = 2.0) -> None:
    """Issues of a sprint: one finished on each of the days named, and some not at all."""
    created = start - timedelta(days=3)
    common = {"project": sprint.project, "sprint": sprint, "story_points": points, "created_at": created}
    for day in done_on:
        end = start + timedelta(days=day)
        IssueFactory(**common, status_name="Done", started_at=end - timedelta(days=1), resolved_at=end)
    IssueFactory.create_batch(open_issues, **common)


def a_team(now: datetime, *, past: int = 6, points: float | None = 2.0) -> tuple[Project, Sprint]:
    """A team whose sprints deliver six of eight issues, in the middle of the next one."""
    project = ProjectFactory()
    running = SprintFactory(
        project=project,
        start_date=(now - timedelta(days=7)).date(),
        started_at=now - timedelta(days=7),
        status=Sprint.Status.ACTIVE,
    )
    fill(running, start=now - timedelta(days=7), done_on=[2, 4], open_issues=6, points=points)
    for n in range(past, 0, -1):
        start = now - timedelta(days=7 + DAYS * n)
        sprint = SprintFactory(
            project=project,
            start_date=start.date(),
            started_at=start,
            status=Sprint.Status.COMPLETED,
            completed_at=start + timedelta(days=13),
        )
        fill(sprint, start=start, done_on=[2, 4, 8, 9, 10, 12], open_issues=2, points=points)
    return project, running


def test_a_team_is_told_by_its_own_sprints_at_the_matching_moment(now):
    _, sprint = a_team(now)

    outlook = sprint_outlook(sprint, now=now)

    assert outlook.unit == "points"
    assert (outlook.moment.scope_points, outlook.moment.done.points) == (16.0, 4.0)
    assert outlook.moment.elapsed_ratio == pytest.approx(8 / 14)
    assert [past.moment.done.points for past in outlook.moment.past] == [4.0] * 6
    assert [past.delivered_points for past in outlook.moment.past] == [12.0] * 6
    assert outlook.outcome.scope_ratio_points == pytest.approx(12.0)
    assert outlook.outcome.method == "pooled"
    assert 8.0 < outlook.outcome.typical_points < 16.0
    assert outlook.outcome.probability < 0.5
    assert outlook.outcome.replayed_sprints == 6


def test_nothing_that_happened_later_changes_the_answer(now):
    project, sprint = a_team(now)
    before = sprint_outlook(sprint, now=now).outcome.distribution

    done = project.statuses.get(name="Done")
    for issue in Issue.objects.filter(sprint=sprint, resolved_at=None):
        update_issue(issue, by=None, now=now + timedelta(days=2), status=done)

    after = sprint_outlook(sprint, now=now).outcome.distribution
    assert after.reached.tolist() == before.reached.tolist()
    assert sprint_outlook(sprint, now=now + timedelta(days=3)).outcome.probability > 0.8


def test_a_planned_sprint_stands_at_its_beginning(now):
    project, _ = a_team(now)
    planned = SprintFactory(project=project, start_date=(now + timedelta(days=7)).date())
    IssueFactory.create_batch(5, project=project, sprint=planned, story_points=3)

    outlook = sprint_outlook(planned, now=now)

    assert (outlook.moment.elapsed_ratio, outlook.moment.scope_points) == (0.0, 15.0)
    assert len(outlook.moment.past) == 6


def test_without_points_issues_are_counted(now):
    _, sprint = a_team(now, points=None)

    outlook = sprint_outlook(sprint, now=now)

    assert (outlook.unit, outlook.outcome.scope_points, outlook.moment.done.points) == ("issues", 8.0, 2.0)
    assert outlook.moment.past[0].delivered_points == 6.0


def test_a_team_without_a_past_gets_what_other_teams_would_deliver_and_is_told(now):
    _, sprint = a_team(now, past=0)

    answer = SprintOutcomeService().predict(sprint.id, now=now)

    assert answer["method"] == "prior_only"
    assert answer["range_measured_coverage"] is None
    assert answer["baselines"]["average_velocity"] is None
    assert "other teams alone" in answer["reasoning"]


def test_sprints_that_are_empty_over_or_without_an_end_get_no_number(now):
    project, _ = a_team(now)
    empty = SprintFactory(project=project, start_date=(now + timedelta(days=9)).date())
    endless = SprintFactory(project=project, start_date=None, end_date=None, active=True, started_at=now)
    IssueFactory(project=project, sprint=endless, story_points=3)
    over = project.sprints.filter(status=Sprint.Status.COMPLETED).first()

    for unanswerable, error in ((empty, NotEnoughData), (endless, NotEnoughData), (over, SprintIsOver)):
        with pytest.raises(error):
            sprint_outlook(unanswerable, now=now)


def test_every_answer_leaves_a_row_that_the_closing_of_the_sprint_completes(now):
    project, sprint = a_team(now)
    answer = SprintOutcomeService().predict(sprint.id, now=now)
    row = PredictionHistory.objects.get(pk=answer["prediction_id"])
    PredictionHistory.objects.filter(pk=row.pk).update(created_at=now)
    assert row.prediction_type == "sprint_outcome"
    shown = (answer["typical_delivered"], answer["delivered_range"]["min"])
    assert (row.predicted_value, row.range_low) == pytest.approx(shown, abs=0.005)
    assert record_outcomes(now=now) == 0

    update_issue(
        Issue.objects.filter(sprint=sprint, resolved_at=None).first(),
        by=None,
        now=now + timedelta(days=1),
        status=project.statuses.get(name="Done"),
    )
    close_sprint(sprint, by=None, now=now + timedelta(days=6))

    assert record_outcomes(now=now + timedelta(days=6)) == 1
    row.refresh_from_db()
    assert row.actual_value == 6.0


def test_the_risk_of_a_running_sprint_is_the_chance_of_its_outcome(now):
    _, sprint = a_team(now)
    outcome = sprint_outlook(sprint, now=now).outcome

    risks = AnomalyDetectionService().detect_sprint_risks(sprint.id, now=now)

    (risk,) = [risk for risk in risks if risk["risk_type"] == "burndown_velocity"]
    assert risk["evidence"]["signs"] == ["burndown_velocity", "late_by_forecast", "under_delivery"]
    assert f"in the sprint is {outcome.probability:.0%}" in risk["description"]
    assert risk["evidence"]["probability_in_time"] == pytest.approx(outcome.probability_all, abs=1e-6)
    assert not {"late_by_forecast", "under_delivery"} & {other["risk_type"] for other in risks}


def test_more_past_sprints_cost_no_more_queries(now, django_assert_num_queries):
    few, many = a_team(now, past=6)[1], a_team(now, past=9)[1]

    for sprint in (few, many):
        with django_assert_num_queries(27 + ENTERING):
            SprintOutcomeService().predict(sprint.id, now=now)


def test_the_address_answers_members_and_no_strangers(api_client):
    project, sprint = a_team(timezone.now())
    address = f"/api/v1/ml/sprints/{sprint.id}/outcome/"
    api_client.force_authenticate(TeamMemberFactory(project=ProjectFactory()).user)
    assert api_client.get(address).status_code == 404

    api_client.force_authenticate(TeamMemberFactory(project=project, role="viewer").user)
    found = api_client.get(address)

    assert found.status_code == 200
    assert found.json()["delivered_range"]["min"] <= found.json()["typical_delivered"]
    over = project.sprints.filter(status=Sprint.Status.COMPLETED).first()
    refused = api_client.get(f"/api/v1/ml/sprints/{over.id}/outcome/")
    assert (refused.status_code, refused.json()["code"]) == (409, "sprint_is_over")
