"""Where forecasts end: what lies behind, what lies too far ahead, and what is gone."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError
from django.utils import timezone

from apps.common.exceptions import Conflict
from apps.ml.core.results import Interval
from apps.ml.models import PredictionHistory
from apps.ml.services.predictions.record import record_prediction
from apps.ml.services.sprints.duration import SprintDurationService
from apps.ml.tests.forecasts.teams import a_running_sprint, a_team, sprint_forecast
from apps.projects.models import Sprint
from apps.projects.services import close_sprint
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(api_client):
    """A project with a past, its lead logged in."""
    project = a_team(timezone.now())
    api_client.force_authenticate(TeamMemberFactory(project=project, role="lead").user)
    return project, api_client


def test_a_sprint_that_should_have_begun_is_not_done_before_today(now):
    project = a_team(now)
    sprint = SprintFactory(project=project, start_date=now.date() - timedelta(days=30))
    IssueFactory.create_batch(2, project=project, sprint=sprint, story_points=2)

    found = sprint_forecast(sprint, now=now)
    duration = SprintDurationService().estimate_sprint_duration(sprint.id, now=now)

    assert sprint.status == Sprint.Status.PLANNED
    assert found.finishes[0].day >= now.date()
    # Its last day is past, too.
    assert (found.probability_in_time, found.working_days_left) == (0.0, 0)
    assert duration["estimated_finish_date"] >= now.date().isoformat()


def test_of_a_completed_sprint_there_is_no_forecast(lead):
    project, client = lead
    now = timezone.now()
    sprint = a_running_sprint(project, now)
    close_sprint(sprint, by=None, now=now)

    what_if = client.post(f"/api/v1/ml/sprints/{sprint.id}/what-if/", {}, format="json")
    duration = SprintDurationService().estimate_sprint_duration(sprint.id, now=now)

    assert (what_if.status_code, what_if.data["code"]) == (409, "sprint_is_over")
    assert duration["forecast"] is None
    assert duration["no_forecast_because"] == what_if.data["detail"]


def test_a_day_beyond_ten_years_is_refused(lead):
    project, client = lead
    address, latest = f"/api/v1/ml/projects/{project.id}/forecast/", timezone.now().date() + timedelta(days=3653)

    for by, status in ((latest, 200), (latest + timedelta(days=2), 400), ("9999-12-31", 400)):
        response = client.post(address, {"by": str(by)}, format="json")

        assert response.status_code == status
    assert response.data["errors"][0]["pointer"] == "/by"


@pytest.mark.django_db(transaction=True)
def test_an_answer_about_what_was_just_deleted_is_a_conflict():
    with pytest.raises(Conflict):
        record_prediction(kind=PredictionHistory.Kind.FORECAST, method="monte_carlo", project_id=uuid4(), input={})


@pytest.mark.django_db(transaction=True)
def test_a_row_that_breaks_another_rule_is_a_bug_and_stays_one():
    options = {"kind": PredictionHistory.Kind.FORECAST, "method": "monte_carlo", "input": {}}

    with pytest.raises(IntegrityError):
        record_prediction(project_id=ProjectFactory().id, interval=Interval(low=2.0, high=1.0, level=0.8), **options)
