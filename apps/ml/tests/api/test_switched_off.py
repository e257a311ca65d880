"""Predictions that are switched off: for a project by its lead, for all by the installation."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.ml.core.training.retraining import MIN_TRAINING_ISSUES
from apps.ml.models import ModelType, PredictionHistory
from apps.ml.selectors.issues import completed_with_hours
from apps.ml.selectors.registry import count_outcomes
from apps.ml.services import AnomalyDetectionService, PredictionService
from apps.ml.services.models.kinds import kind_of
from apps.ml.services.predictions.switch import PredictionsOff
from apps.ml.services.training.due import models_due
from apps.ml.services.training.jobs import request_training
from apps.ml.tasks import detect_anomalies, keep_forecasts, watch_sprints
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db

ML = "/api/v1/ml"


@pytest.fixture
def project():
    return ProjectFactory()


@pytest.fixture
def lead(api_client, project):
    api_client.force_authenticate(TeamMemberFactory(project=project, role="lead").user)
    return api_client


@pytest.fixture
def sprint(project):
    """A running sprint with one issue."""
    sprint = SprintFactory(project=project, start_date=timezone.now().date() - timedelta(days=3), active=True)
    IssueFactory(project=project, sprint=sprint, story_points=3)
    return sprint


def switch_off(lead, project):
    answer = lead.patch(f"/api/v1/projects/{project.id}/", {"predictions_enabled": False}, format="json")
    assert answer.status_code == 200, answer.json()
    assert answer.json()["predictions_enabled"] is False


def questions(sprint):
    """Method, address and body of everything that predicts."""
    project, issue = sprint.project_id, sprint.issues.get()
    new = {"title": "Fix login", "project_id": str(project)}
    return [
        ("post", f"{ML}/predict-effort/", new),
        ("post", f"{ML}/recommend-story-points/", new),
        ("post", f"{ML}/estimate-sprint-duration/", {"sprint_id": str(sprint.id)}),
        ("post", f"{ML}/suggest-assignment/", {"issue_id": str(issue.id), "project_id": str(project)}),
        ("get", f"{ML}/{sprint.id}/sprint-risk/", None),
        ("post", f"{ML}/{project}/project-summary/", None),
        ("post", f"{ML}/projects/{project}/forecast/", {}),
        ("post", f"{ML}/sprints/{sprint.id}/what-if/", {}),
        ("get", f"{ML}/sprints/{sprint.id}/outcome/", None),
    ]


def ask(client, question):
    method, address, body = question
    return getattr(client, method)(address, body, format="json")


def test_every_question_is_refused_and_nothing_recorded_where_a_lead_switched_predictions_off(lead, project, sprint):
    switch_off(lead, project)

    answers = [ask(lead, question) for question in questions(sprint)]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(409, "predictions_off")}
    assert "lead" in answers[0].json()["detail"]
    assert not PredictionHistory.objects.exists()


def test_every_question_is_refused_where_the_installation_predicts_nothing(lead, sprint, settings):
    settings.ML_PREDICTIONS_ENABLED = False

    answers = [ask(lead, question) for question in questions(sprint)]

    assert {answer.status_code for answer in answers} == {409}
    assert "ML_PREDICTIONS_ENABLED" in answers[0].json()["detail"]


def test_what_happened_is_still_told(lead, project, sprint):
    switch_off(lead, project)

    assert lead.get(f"{ML}/sprints/{sprint.id}/burndown/").status_code == 200
    assert lead.get(f"{ML}/projects/{project.id}/scorecard/").status_code == 200


def test_other_projects_go_on(lead, project, sprint):
    switch_off(lead, project)
    other = TeamMemberFactory(user=project.team.get().user).project

    answer = lead.post(f"{ML}/predict-effort/", {"title": "Fix login", "project_id": str(other.id)}, format="json")

    assert answer.status_code == 200


def test_only_a_lead_switches(api_client, project):
    api_client.force_authenticate(TeamMemberFactory(project=project, role="member").user)

    answer = api_client.patch(f"/api/v1/projects/{project.id}/", {"predictions_enabled": False}, format="json")

    assert answer.status_code == 403


def test_whoever_asks_in_the_process_records_nothing():
    project = ProjectFactory(predictions_enabled=False)

    with pytest.raises(PredictionsOff):
        PredictionService().predict_issue_effort("Fix login", project_id=project.id)
    with pytest.raises(PredictionsOff):
        AnomalyDetectionService().detect_project_anomalies(project.id)
    assert not PredictionHistory.objects.exists()


def test_workers_pass_by(sprint):
    project = sprint.project
    project.predictions_enabled = False
    project.save()

    begun = [each() for each in (detect_anomalies, keep_forecasts, watch_sprints)]

    assert begun == [0, 0, 0]


def test_nothing_is_learned_from_it_for_itself_or_for_others(now):
    project = ProjectFactory(predictions_enabled=False)
    done = {"completed": True, "actual_hours": 2.0}
    IssueFactory.create_batch(MIN_TRAINING_ISSUES, project=project, created_at=now, resolved_at=now, **done)
    known = IssueFactory(created_at=now, resolved_at=now, **done)

    assert list(models_due(now=now)) == []
    assert [issue.issue_id for issue in completed_with_hours(None)] == [str(known.id)]
    assert count_outcomes(kind_of(ModelType.EFFORT_PREDICTION).outcome, None) == 1
    with pytest.raises(PredictionsOff):
        request_training(ModelType.EFFORT_PREDICTION, project.id, cause="test", now=now)
