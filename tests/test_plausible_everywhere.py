"""What is no title, number or date is refused wherever an issue or a question about one comes in.

The administration has a test of its own, of every field of every form: `test_administration_forms.py`.
"""

import json
from importlib import import_module

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection
from rest_framework.test import APIClient

from apps.projects import services
from apps.projects.history.issue_past import number_or_none
from apps.projects.models import Issue, IssueChange, Project
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
    return TeamMemberFactory(project=ProjectFactory(key="OWN"), role="lead")


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


#: What only an endpoint refused once: other callers of a service know no endpoint.
SIZES = [
    {"story_points": 1e308},
    {"story_points": -1.0},
    {"story_points": 5e-324},
    {"estimated_hours": 100_001.0},
    {"actual_hours": 0.00001},
    {"priority": 40_000},
    {"component": "\u200b"},
    {"description": "x" * 100_001},
    {"labels": {}},
    {"labels": "urgent"},
    {"labels": [1, None, {}]},
    {"labels": ["x" * 101]},
    {"labels": ["\u202eurgent"]},
    {"labels": [""]},
    {"labels": ["a"] * 51},
]


@pytest.mark.parametrize("wrong", [{"title": "\u3164"}, {"title": "a\x1bb"}, {"description": "\0"}, *SIZES])
def test_the_services_refuse_it_whoever_calls_them(team, wrong):
    issue = IssueFactory(project=team.project)

    with pytest.raises(ValidationError) as making:
        create_issue(team.project, by=None, now=NOW, **{"title": "A", "issue_type": issue.issue_type, **wrong})
    with pytest.raises(ValidationError) as changing:
        update_issue(issue, by=None, now=NOW, **wrong)

    assert set(making.value.message_dict) == set(changing.value.message_dict) == set(wrong)


def test_what_an_earlier_version_let_in_keeps_nobody_from_changing_the_rest(client, team):
    issue = IssueFactory(project=team.project, labels=["x" * 150], story_points=1e9)
    Project.objects.filter(pk=team.project_id).update(target_date="1700-01-01")
    project = f"/api/v1/projects/{team.project_id}/"

    answers = [client.patch(project, {"name": "B"}), client.patch(f"{project}issues/{issue.id}/", {"title": "B"})]

    assert [answer.status_code for answer in answers] == [200, 200]


def test_sizes_that_an_earlier_version_let_in_are_unknown_after_the_update(client, team):
    issue = IssueFactory(project=team.project, title="Change the log-in", story_points=1e308, estimated_hours=1e308)
    done = IssueFactory(project=team.project, title="Change the log-in", completed=True, actual_hours=1e308)
    IssueChange.objects.create(issue=issue, field="story_points", old_value="1e+308", new_value="3", changed_at=NOW)
    IssueChange.objects.create(issue=done, field="actual_hours", old_value="1e+308", new_value="3", changed_at=NOW)
    seen = done.updated_at

    import_module("apps.projects.migrations.0020_plausible_sizes").forget_slips(apps, None)

    done.refresh_from_db()
    assert (done.worked_hours, done.updated_at > seen) == (None, True)
    assert statuses_of_answers(client, team.project_id, issue) == {200, 422}


@pytest.mark.parametrize("points", [5e-324, 1e-160, float("inf")])
def test_points_that_are_none_are_unknown_after_the_update(client, team, points):
    issue = IssueFactory(project=team.project, title="Change the log-in", story_points=points)
    IssueChange.objects.create(issue=issue, field="story_points", old_value=repr(points), new_value="3", changed_at=NOW)
    kept = IssueFactory(project=team.project, story_points=0.0)

    import_module("apps.projects.migrations.0021_sizes_that_are_none").forget_traces(apps, None)

    issue.refresh_from_db()
    kept.refresh_from_db()
    assert (issue.story_points, kept.story_points) == (None, 0.0)
    assert number_or_none(repr(points)) is None
    assert statuses_of_answers(client, team.project_id, issue) == {200, 422}


@pytest.mark.parametrize("labels", [[1, None, {}, [1], "urgent"], "urgent", {}, None])
def test_labels_that_an_earlier_version_let_in_break_nobodys_project(client, team, labels):
    services.update_project(team.project, blocked_labels=["urgent"], agent_labels=["bot"])
    issue = IssueFactory(project=team.project, title="Change the log-in")
    done = IssueFactory(project=team.project, title="Change the log-in", completed=True)
    IssueChange.objects.create(issue=done, field="labels", old_value=json.dumps(labels), new_value="[]", changed_at=NOW)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE projects_issue SET labels = %s", [json.dumps(labels)])

    assert statuses_of_answers(client, team.project_id, issue) == {200, 422}
    assert Issue.objects.get(pk=issue.pk).labels == (["urgent"] if isinstance(labels, list) else [])


@pytest.mark.parametrize("query", ["created_after=1970-01-01", "resolved_after=2300-01-01"])
def test_no_list_is_filtered_by_it(client, team, query):
    assert client.get(f"/api/v1/projects/{team.project_id}/issues/?{query}").status_code == 400


@pytest.mark.parametrize(
    "body", [b'{"a":' * 40 + b"1" + b"}" * 40, b'{"title": [' + b"1," * 10_001 + b"1]}", b'{"title": 1e999}']
)
def test_json_has_an_end(client, team, body):
    answer = client.post(QUESTIONS[0], body, content_type="application/json")

    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def statuses_of_answers(client, project_id, issue):
    """Of what reads all of a project, and of questions about one of its issues; too little is done for a forecast."""
    ml = f"/api/v1/ml/projects/{project_id}"
    question = {"project_id": project_id, "title": "Change the log-in", "issue_id": issue.pk}
    looks = (f"{ml}/flow/", f"{ml}/parts/", f"{ml}/reference-stories/", f"/api/v1/projects/{project_id}/issues/")
    answers = [*(client.post(address, question) for address in QUESTIONS), *map(client.get, looks)]
    answers.append(client.post(f"{ml}/forecast/", {}))
    answers.append(client.post(f"/api/v1/ml/{project_id}/project-summary/"))
    return {answer.status_code for answer in answers}
