"""Lists in three formats, and names of operations."""

import csv
import io
import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from rest_framework.test import APIClient

from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from tests.api_world import the_schema

pytestmark = pytest.mark.django_db


@pytest.fixture
def issues():
    """`issues(**query)` asks for the list of a project with an issue that looks like a formula."""
    project = ProjectFactory(key="SHOP")
    client = APIClient()
    client.force_authenticate(TeamMemberFactory(project=project, role="lead").user)
    IssueFactory(project=project, title="=cmd()", labels=["a", "b"], story_points=3)
    IssueFactory(project=project, title="-5")

    def ask(accept="*/*", **query):
        return client.get("/api/v1/projects/SHOP/issues/", {"ordering": "title", **query}, HTTP_ACCEPT=accept)

    return ask


@pytest.mark.parametrize("how", [{"format": "csv"}, {"accept": "text/csv"}])
def test_a_list_is_had_as_csv_in_which_nothing_is_a_formula(issues, how):
    answer = issues(**how)

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    number, formula = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert (number["title"], number["story_points"]) == ("-5", "")
    assert (formula["title"], formula["labels"], formula["story_points"]) == ("'=cmd()", '["a","b"]', "3.0")


def test_a_list_is_had_as_json_lines(issues):
    answer = issues(format="jsonl")

    assert answer["Content-Type"] == "application/jsonl; charset=utf-8"
    assert list(map(json.loads, answer.content.decode().splitlines())) == issues().json()["results"]


def test_a_name_that_comes_again_in_an_order_changes_nothing(issues):
    often = "-title" + ",title" * 400
    first = issues(ordering=often, page_size=1).json()
    [cursor] = parse_qs(urlsplit(first["next"]).query)["cursor"]
    then = issues(ordering=often, page_size=1, cursor=cursor).json()

    assert [*first["results"], *then["results"]] == issues(ordering="-title").json()["results"]


def test_the_next_page_stands_in_the_header(issues):
    link = issues(format="csv", page_size=1)["Link"]

    assert re.fullmatch(r'<http://testserver/\S+format=csv\S*cursor=[\w.~-]+>; rel="next"', link)
    assert "Link" not in issues(format="csv")


def test_another_format_or_another_answer_is_refused(issues):
    assert issues(format="xml").json()["errors"][0]["pointer"] == "/format"
    assert issues(format="csv", page="9").json()["code"] == "not_found"


def test_names_of_operations_read_well():
    operations = [each for path in the_schema()["paths"].values() for each in path.values()]
    names = [each["operationId"] for each in operations]

    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name)] == []
    assert [name for name in names if re.search(r"_(create|retrieve|destroy|partial_update)$", name)] == []
    expected = {"list_issues", "get_issue", "create_sprint", "update_status", "delete_day_off", "predict_effort"}
    assert expected | {
        "what_if_sprint",
        "close_sprint",
        "log_in",
        "get_sprint_burndown",
        "list_project_anomalies",
    } <= set(names)
