"""The four insight endpoints over HTTP: contract, access, validation."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from apps.ml.models import PredictionHistory
from apps.projects.models import TeamMember
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory, UserFactory

pytestmark = pytest.mark.django_db

BASE = "/api/v1/ml"


@pytest.fixture
def project():
    return ProjectFactory()


@pytest.fixture
def member(project):
    return TeamMemberFactory(project=project).user


@pytest.fixture
def client(api_client, member):
    api_client.force_authenticate(member)
    return api_client


@pytest.fixture
def sprint(project):
    """A running sprint in its second week, nothing done, behind three completed ones of 10 points each."""
    today = timezone.now()
    for n in (4, 3, 2):
        start = today - timedelta(days=14 * n)
        past = SprintFactory(project=project, start_date=start.date(), started_at=start, completed=True)
        finished = start + timedelta(days=5)
        IssueFactory.create_batch(
            2, project=project, sprint=past, story_points=5, completed=True, created_at=start, resolved_at=finished
        )
    sprint = SprintFactory(project=project, start_date=today.date() - timedelta(days=9), active=True)
    IssueFactory.create_batch(3, project=project, sprint=sprint, story_points=5)
    return sprint


def _requests(sprint, issue):
    """Method, address and body of each endpoint."""
    return {
        "estimate-sprint-duration": ("post", f"{BASE}/estimate-sprint-duration/", {"sprint_id": str(sprint.id)}),
        "suggest-assignment": (
            "post",
            f"{BASE}/suggest-assignment/",
            {"issue_id": str(issue.id), "project_id": str(issue.project_id)},
        ),
        "sprint-risk": ("get", f"{BASE}/{sprint.id}/sprint-risk/", None),
        "project-summary": ("post", f"{BASE}/{issue.project_id}/project-summary/", None),
    }


ENDPOINTS = ["estimate-sprint-duration", "suggest-assignment", "sprint-risk", "project-summary"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_member_is_answered_and_the_answer_recorded(client, sprint, member, endpoint):
    method, address, body = _requests(sprint, sprint.issues.first())[endpoint]

    response = getattr(client, method)(address, body)

    assert response.status_code == 200, response.data
    assert PredictionHistory.objects.get().requested_by == member


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_stranger_cannot_see_that_anything_exists(api_client, sprint, endpoint):
    api_client.force_authenticate(UserFactory())
    method, address, body = _requests(sprint, sprint.issues.first())[endpoint]

    response = getattr(api_client, method)(address, body)

    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
    assert not PredictionHistory.objects.exists()


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_nobody_is_answered_without_logging_in(api_client, sprint, endpoint):
    method, address, body = _requests(sprint, sprint.issues.first())[endpoint]

    assert getattr(api_client, method)(address, body).status_code == 401


def test_sprint_duration_has_the_fields_of_the_contract(client, sprint):
    planned = [str(issue.id) for issue in sprint.issues.all()]

    response = _estimate(client, sprint, planned_issues=planned, team_capacity_hours=160)

    answer = response.json()
    assert {"estimated_days", "planned_days", "confidence", "average_velocity", "total_story_points"} < answer.keys()
    assert (answer["planned_days"], answer["average_velocity"], answer["total_story_points"]) == (14, 10.0, 15.0)
    assert answer["method"] == "velocity_based"
    assert isinstance(answer["risk_factors"], list)
    assert 0 < answer["confidence"] < 1
    assert answer["days_range"]["min"] <= answer["estimated_days"] <= answer["days_range"]["max"]


def test_too_few_completed_sprints_are_told_with_what_is_missing(client, project):
    response = _estimate(client, SprintFactory(project=project))

    assert response.status_code == 422
    assert (response.json()["code"], response.json()["have"], response.json()["needed"]) == ("not_enough_data", 0, 3)
    assert not PredictionHistory.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sprint_id", "no-uuid"),
        ("sprint_id", None),
        ("planned_issues", ["no-uuid"]),
        ("planned_issues", "no-list"),
        ("planned_issues", [str(uuid4())]),
        ("team_capacity_hours", 0),
        ("team_capacity_hours", -8),
        ("team_capacity_hours", "many"),
        ("team_capacity_hours", 1e9),
        ("team_capacity_hours", "nan"),
        ("team_capacity_hours", "inf"),
    ],
)
def test_sprint_duration_refuses_what_cannot_be_right(client, sprint, field, value):
    response = _estimate(client, sprint, **{field: value})

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"].startswith(f"/{field}")


def test_an_issue_of_another_project_is_not_plannable_and_looks_like_none_at_all(client, sprint):
    theirs, nothing = str(IssueFactory().id), str(uuid4())

    one, other = _estimate(client, sprint, planned_issues=[theirs]), _estimate(client, sprint, planned_issues=[nothing])

    assert one.json()["errors"][0]["detail"].replace(theirs, "") == other.json()["errors"][0]["detail"].replace(
        nothing, ""
    )


def test_assignment_has_the_fields_of_the_contract(client, sprint, member):
    response = _suggest(client, sprint.issues.first())

    (suggestion,) = response.json()["suggestions"]
    assert suggestion.keys() == {
        "user_id", "user_name", "user_email", "total_score", "skill_score", "workload_score", "performance_score",
        "availability_score", "reasoning", "similar_issues",
    }  # fmt: skip
    assert (suggestion["user_id"], suggestion["user_email"]) == (str(member.id), member.email)


def test_an_issue_of_another_project_is_not_found(client, project, member):
    theirs = IssueFactory()
    TeamMemberFactory(project=theirs.project, user=member)

    response = client.post(f"{BASE}/suggest-assignment/", {"issue_id": str(theirs.id), "project_id": str(project.id)})

    assert response.status_code == 404


@pytest.mark.parametrize("top_n", [0, -1, 21, "many", 1.5, None])
def test_top_n_lies_between_1_and_20(client, project, top_n):
    assert _suggest(client, IssueFactory(project=project), top_n=top_n).status_code == 400


@pytest.mark.parametrize("strategy", ["best", None, ""])
def test_a_strategy_is_one_of_three(client, project, strategy):
    assert _suggest(client, IssueFactory(project=project), strategy=strategy).status_code == 400


def test_assignment_names_its_strategy(client, project):
    answer = _suggest(client, IssueFactory(project=project)).json()

    assert (answer["strategy"], answer["hit_rates"]) == ("formula", None)


@pytest.mark.parametrize("field", ["issue_id", "project_id"])
def test_assignment_needs_both_by_key_or_id(client, project, field):
    issue = IssueFactory(project=project)

    assert _suggest(client, issue, **{field: "NONE"}).status_code == 404
    assert _suggest(client, issue, **{field: ""}).status_code == 400


def test_a_viewer_may_ask_and_is_never_suggested(api_client, project, member):
    viewer = TeamMemberFactory(project=project, role=TeamMember.Role.VIEWER).user
    api_client.force_authenticate(viewer)

    response = _suggest(api_client, IssueFactory(project=project))

    assert [suggestion["user_id"] for suggestion in response.json()["suggestions"]] == [str(member.id)]


def test_sprint_risk_has_the_fields_of_the_contract(client, sprint):
    response = client.get(f"{BASE}/{sprint.id}/sprint-risk/")

    risks = {risk["risk_type"]: risk for risk in response.json()["risks"]}
    assert risks["burndown_velocity"].keys() >= {
        "risk_type", "severity", "description", "expected_completion", "actual_completion", "mitigation_suggestions",
    }  # fmt: skip
    assert risks["burndown_velocity"]["expected_completion"] == pytest.approx(71.4)
    assert risks["burndown_velocity"]["actual_completion"] == 0.0
    assert risks["unassigned_issues"]["severity"] == "critical"
    titles = sorted(issue["title"] for issue in risks["unassigned_issues"]["issues"])
    assert titles == sorted(sprint.issues.values_list("title", flat=True))


def test_a_sprint_that_is_not_running_has_no_risks(client, project):
    response = client.get(f"{BASE}/{SprintFactory(project=project).id}/sprint-risk/")

    why = "Only a running sprint has risks; this one is planned."
    assert response.json() == {"risks": [], "cannot_tell": [{"risk_types": [], "because": why}]}


def test_project_summary_has_the_fields_of_the_contract(client, sprint):
    response = client.post(f"{BASE}/{sprint.project_id}/project-summary/")

    answer = response.json()
    assert (answer["completion"], answer["velocity"], answer["project_id"]) == (66.7, 10.0, str(sprint.project_id))
    assert answer["metrics_breakdown"].items() >= {
        "total_issues": 9, "completed_issues": 6, "sprints_analyzed": 3, "unassigned_issues": 3, "overdue_issues": 0,
    }.items()  # fmt: skip
    assert 0 <= answer["risk_score"] <= 100
    assert answer["generated_at"].endswith("Z")


@pytest.mark.parametrize("address", ["no-uuid/sprint-risk/", "no-uuid/project-summary/"])
def test_an_address_that_is_no_uuid_leads_nowhere(client, address):
    assert client.post(f"{BASE}/{address}").status_code == 404


@pytest.mark.parametrize("body", [[], "text", None])
def test_a_body_that_is_no_object_is_refused(client, body):
    assert client.post(f"{BASE}/estimate-sprint-duration/", body, format="json").status_code == 400


def _estimate(client, sprint, **fields):
    return client.post(f"{BASE}/estimate-sprint-duration/", {"sprint_id": str(sprint.id), **fields}, format="json")


def _suggest(client, issue, **fields):
    body = {"issue_id": str(issue.id), "project_id": str(issue.project_id), **fields}
    return client.post(f"{BASE}/suggest-assignment/", body, format="json")
