"""What is no title, number or date is refused wherever an issue or a question about one comes in."""

import pytest
from django.core.exceptions import ValidationError
from rest_framework.test import APIClient

from apps.projects.services import create_issue, update_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from conftest import NOW

pytestmark = pytest.mark.django_db

QUESTIONS = ("/api/v1/ml/predict-effort/", "/api/v1/ml/recommend-story-points/")
FAULTS = [
    ("title", "\u200b"),
    ("title", "a\nb"),
    ("title", "a\x1bb"),
    ("description", "a\x07"),
    ("component", "a\tb"),
    ("labels", ["fine", "a\x00"]),
    ("priority", True),
    ("priority", "1_0"),
]
NUMBERS = [("story_points", True), ("estimated_hours", "1_0"), ("actual_hours", "\uff11")]
DATES = [("due_date", "1979-12-31"), ("due_date", "2201-01-01"), ("created_at", "1970-01-01T00:00:00Z")]


@pytest.fixture
def team():
    return TeamMemberFactory(project=ProjectFactory(key="OWN"))


@pytest.fixture
def client(team):
    client = APIClient()
    client.force_authenticate(team.user)
    return client


@pytest.mark.parametrize(("name", "value"), [*FAULTS, *NUMBERS, *DATES])
def test_no_issue_is_made_or_changed_to_it(client, team, name, value):
    issues = f"/api/v1/projects/{team.project_id}/issues/"
    body = {"title": "Change", "issue_type": "bug", name: value}
    made, changed = client.post(issues, body), client.patch(f"{issues}{IssueFactory(project=team.project).id}/", body)

    assert [answer.status_code for answer in (made, changed)] == [400, 400]
    assert {answer.json()["errors"][0]["pointer"].split("/")[1] for answer in (made, changed)} == {name}


@pytest.mark.parametrize("address", QUESTIONS)
@pytest.mark.parametrize(("name", "value"), FAULTS)
def test_no_question_is_asked_with_it(client, team, address, name, value):
    answer = client.post(address, {"title": "Change", "project_id": team.project_id, name: value})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"].split("/")[1] == name


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_no_day_of_a_list_is_implausible(client, team, day):
    answer = client.post(
        f"/api/v1/ml/projects/{team.project_id}/forecast/", {"days_off": ["2026-01-02", day]}, format="json"
    )

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"].startswith("/days_off")


@pytest.mark.parametrize("wrong", [{"title": "\u3164"}, {"title": "a\x1bb"}, {"description": "\0"}])
def test_the_services_refuse_it_whoever_calls_them(team, wrong):
    issue = IssueFactory(project=team.project)

    with pytest.raises(ValidationError) as making:
        create_issue(team.project, by=None, now=NOW, **{"title": "A", "issue_type": issue.issue_type, **wrong})
    with pytest.raises(ValidationError) as changing:
        update_issue(issue, by=None, now=NOW, **wrong)

    assert set(making.value.message_dict) == set(changing.value.message_dict) == set(wrong)


@pytest.mark.parametrize("query", ["created_after=1970-01-01", "resolved_after=2300-01-01"])
def test_no_list_is_filtered_by_it(client, team, query):
    assert client.get(f"/api/v1/projects/{team.project_id}/issues/?{query}").status_code == 400


@pytest.mark.parametrize(
    "body", [b'{"a":' * 40 + b"1" + b"}" * 40, b'{"title": [' + b"1," * 10_001 + b"1]}", b'{"title": 1e999}']
)
def test_json_has_an_end(client, team, body):
    answer = client.post(QUESTIONS[0], body, content_type="application/json")

    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
