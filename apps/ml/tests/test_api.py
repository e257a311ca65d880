"""The two prediction endpoints over HTTP: contract, access, bad input."""

import json

import pytest
from drf_spectacular.generators import SchemaGenerator

from apps.accounts.tests.factories import UserFactory
from apps.ml.models import PredictionHistory
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from conftest import ENTERING

pytestmark = pytest.mark.django_db
EFFORT, POINTS = "/api/v1/ml/predict-effort/", "/api/v1/ml/recommend-story-points/"
BOTH = pytest.mark.parametrize("url", [EFFORT, POINTS])


@pytest.fixture
def alice(team):
    """A member of the team."""
    return TeamMemberFactory(project=team).user


@pytest.fixture
def api_schema():
    return SchemaGenerator().get_schema(request=None, public=True)


@pytest.fixture
def client(api_client, alice):
    api_client.force_authenticate(alice)
    return api_client


def ask(project, **fields):
    return {"project_id": str(project.id), "title": "Change the label of part 2", "issue_type": "bug", **fields}


def test_effort_is_answered_with_every_field_of_the_contract(client, team, trained):
    response = client.post(EFFORT, ask(team, description="Users cannot login"))

    assert response.status_code == 200
    assert {
        "predicted_hours",
        "confidence",
        "prediction_range",
        "method",
        "model_version",
        "reasoning",
        "similar_issues",
    } <= set(response.json())
    assert set(response.json()["prediction_range"]) == {"min", "max"}
    assert response.json()["method"] == "ml_model"


def test_points_are_answered_with_every_field_of_the_contract(client, team):
    response = client.post(POINTS, ask(team))

    assert response.status_code == 200
    body = response.json()
    assert {"recommended_points", "confidence", "probability_distribution", "reasoning", "method"} <= set(body)
    assert sum(body["probability_distribution"].values()) == pytest.approx(1, abs=0.001)


def test_the_answer_is_recorded_for_the_asker(client, team, alice):
    response = client.post(EFFORT, ask(team))

    row = PredictionHistory.objects.get(id=response.json()["prediction_id"])
    assert row.requested_by == alice


def test_with_an_issue_id_what_is_not_sent_comes_from_the_issue(client, team):
    issue = IssueFactory(project=team, title="Change the export of part 9", type_name="story", priority=3)

    response = client.post(EFFORT, {"project_id": str(team.id), "issue_id": str(issue.id), "priority": 1})

    row = PredictionHistory.objects.get(id=response.json()["prediction_id"])
    assert row.issue is None, "An issue of another priority is another issue: its outcome scores nothing."
    assert (row.input["title"], row.input["issue_type"], row.input["priority"]) == (issue.title, "story", 1.0)


@BOTH
def test_without_a_login_nobody_is_answered(api_client, team, url):
    response = api_client.post(url, ask(team))

    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert "Bearer" in response["WWW-Authenticate"]


@BOTH
def test_a_stranger_cannot_see_that_the_project_exists(api_client, team, url):
    api_client.force_authenticate(UserFactory())

    known, unknown = api_client.post(url, ask(team)), api_client.post(url, ask(ProjectFactory.build()))

    assert known.status_code == unknown.status_code == 404
    assert known.json() == unknown.json()
    assert not PredictionHistory.objects.exists()


@BOTH
def test_an_issue_of_another_project_is_not_found(client, team, url):
    response = client.post(url, ask(team, issue_id=str(IssueFactory().id)))

    assert response.status_code == 404


@BOTH
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("project_id", "17"),
        ("project_id", None),
        ("title", ""),
        ("title", "x" * 501),
        ("title", "null\x00byte"),
        ("title", ["a", "list"]),
        ("priority", -1),
        ("priority", "high"),
        ("labels", "not-a-list"),
        ("labels", ["x"] * 51),
        ("issue_id", ""),
        ("reporter_id", "17"),
    ],
)
def test_a_bad_field_is_named_with_what_is_wrong(client, team, url, field, value):
    response = client.post(url, ask(team) | {field: value})

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    pointers = [error["pointer"] for error in response.json()["errors"]]
    assert any(pointer.startswith(f"/{field}") for pointer in pointers)


@pytest.mark.parametrize("field", ["story_points", "estimated_hours", "priority"])
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(client, team, field, number):
    body = json.dumps(ask(team))[:-1] + f', "{field}": {number}}}'

    response = client.post(EFFORT, body, content_type="application/json")

    assert response.status_code == 400


@BOTH
@pytest.mark.parametrize("body", ["", "[]", '"text"', "{", "null", "17"])
def test_a_body_that_is_no_object_is_refused(client, url, body):
    response = client.post(url, body, content_type="application/json")

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"


@BOTH
def test_a_title_or_an_issue_is_needed(client, team, url):
    response = client.post(url, {"project_id": str(team.id)})

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == "/title"


@BOTH
def test_other_methods_are_not_allowed(client, url):
    assert client.get(url).status_code == 405


def test_a_description_of_any_usual_length_is_read_up_to_its_first_part(client, team, trained):
    response = client.post(EFFORT, ask(team, description="log line\n" * 10_000))

    assert response.status_code == 200


def test_the_number_of_queries_of_a_warm_request_is_constant(client, team, trained, django_assert_num_queries):
    client.post(EFFORT, ask(team))

    # What similar issues are called by now, and the history row: who asks about which project is remembered.
    with django_assert_num_queries(2 + ENTERING):
        client.post(EFFORT, ask(team))


@BOTH
def test_a_field_that_does_not_exist_is_refused_by_its_name(client, team, url):
    response = client.post(url, ask(team, issue_tpye="bug", **{"a/b": 1}))

    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == ["/issue_tpye", "/a~1b"]
    assert "issue_type" in response.json()["errors"][0]["detail"]
    assert not PredictionHistory.objects.exists()


@BOTH
def test_the_documented_example_is_answered_in_the_documented_form(client, team, trained, api_schema, url):
    operation = api_schema["paths"][url]["post"]
    [request] = operation["requestBody"]["content"]["application/json"]["examples"].values()
    [answer] = operation["responses"]["200"]["content"]["application/json"]["examples"].values()

    response = client.post(url, request["value"] | {"project_id": str(team.id)})

    assert operation["summary"]
    assert response.status_code == 200
    assert set(response.json()) == set(answer["value"])
