"""Every address, asked by everybody who should not get in."""

import uuid
from typing import Any, NamedTuple

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from apps.projects.links.services import link_issues
from apps.projects.models import DayOff, Issue, IssueLink, IssueType, Project, Sprint, TeamMember, WorkflowStatus
from apps.projects.tests.factories import DayOffFactory, IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory
from conftest import NOW


class Case(NamedTuple):
    method: str
    what: str
    body: dict[str, Any] | None
    allowed: set[str]
    success: int


ANY_ROLE, MEMBERS, LEADS = {"viewer", "member", "lead", "staff"}, {"member", "lead", "staff"}, {"lead", "staff"}
CASES = [
    Case("get", "project", None, ANY_ROLE, 200),
    Case("patch", "project", {"name": "New"}, LEADS, 200),
    Case("delete", "project", None, LEADS, 204),
    Case("get", "issues", None, ANY_ROLE, 200),
    Case("post", "issues", {"title": "A", "issue_type": "bug"}, MEMBERS, 201),
    Case("get", "issue", None, ANY_ROLE, 200),
    Case("patch", "issue", {"title": "B"}, MEMBERS, 200),
    Case("delete", "issue", None, MEMBERS, 204),
    Case("get", "history", None, ANY_ROLE, 200),
    Case("get", "links", None, ANY_ROLE, 200),
    Case("post", "links", {"relation": "blocks", "issue": "SECOND"}, MEMBERS, 201),
    Case("get", "link", None, ANY_ROLE, 200),
    Case("delete", "link", None, MEMBERS, 204),
    Case("get", "sprints", None, ANY_ROLE, 200),
    Case("post", "sprints", {"name": "Next"}, MEMBERS, 201),
    Case("get", "sprint", None, ANY_ROLE, 200),
    Case("patch", "sprint", {"goal": "Ship"}, MEMBERS, 200),
    Case("delete", "sprint", None, MEMBERS, 204),
    Case("post", "start", None, MEMBERS, 200),
    Case("post", "close", None, MEMBERS, 200),
    Case("get", "members", None, ANY_ROLE, 200),
    Case("get", "membership", None, ANY_ROLE, 200),
    Case("patch", "membership", {"role": "viewer"}, LEADS, 200),
    Case("delete", "membership", None, LEADS, 204),
    Case("get", "days off", None, ANY_ROLE, 200),
    Case("post", "days off", {"day": "2026-12-25"}, LEADS, 201),
    Case("get", "day off", None, ANY_ROLE, 200),
    Case("patch", "day off", {"name": "Feast"}, LEADS, 200),
    Case("delete", "day off", None, LEADS, 204),
    Case("get", "types", None, ANY_ROLE, 200),
    Case("post", "types", {"name": "spike"}, LEADS, 201),
    Case("get", "type", None, ANY_ROLE, 200),
    Case("patch", "type", {"name": "defect"}, LEADS, 200),
    Case("delete", "type", None, LEADS, 204),
    Case("get", "statuses", None, ANY_ROLE, 200),
    Case("post", "statuses", {"name": "Review", "category": "in_progress"}, LEADS, 201),
    Case("get", "status", None, ANY_ROLE, 200),
    Case("patch", "status", {"position": 9}, LEADS, 200),
    Case("delete", "status", None, LEADS, 204),
]


@pytest.fixture
def addresses(project, url) -> dict[str, str]:
    link = link_issues(IssueFactory(project=project), IssueFactory(project=project, external_id="SECOND"), now=NOW)
    issue, planned = IssueFactory(project=project), SprintFactory(project=project)
    running, colleague = SprintFactory(project=project, active=True), TeamMemberFactory(project=project)
    return {
        "project": url(),
        "issues": url("issues"),
        "issue": url("issues", issue.id),
        "history": url("issues", issue.id, "history"),
        "links": url("issues", issue.id, "links"),
        "link": url("issues", link.blocker_id, "links", link.id),
        "sprints": url("sprints"),
        "sprint": url("sprints", planned.id),
        "start": url("sprints", planned.id, "start"),
        "close": url("sprints", running.id, "close"),
        "members": url("members"),
        "membership": url("members", colleague.user_id),
        "days off": url("days-off"),
        "day off": url("days-off", DayOffFactory(project=project).id),
        "types": url("issue-types"),
        "type": url("issue-types", project.issue_types.get(name="bug").id),
        "statuses": url("statuses"),
        "status": url("statuses", project.statuses.get(name="Done").id),
    }


def rows() -> list[list[object]]:
    """All that could have been changed."""
    models = (Project, TeamMember, DayOff, IssueType, WorkflowStatus, Sprint, Issue, IssueLink)
    return [list(model.objects.order_by("pk").values()) for model in models]


def statuses(client: APIClient, addresses: dict[str, str]) -> dict[str, int]:
    """What each request is answered with, each undone before the next."""
    answers = {}
    for case in CASES:
        with transaction.atomic():
            response = getattr(client, case.method)(addresses[case.what], case.body)
            answers[f"{case.method} {case.what}"] = response.status_code
            transaction.set_rollback(True)
    return answers


@pytest.mark.parametrize("role", ["viewer", "member", "lead", "staff"])
def test_a_role_does_what_it_may_and_no_more(as_, addresses, role):
    answers = statuses(as_(role), addresses)

    assert answers == {
        f"{case.method} {case.what}": case.success if role in case.allowed else 403 for case in CASES
    }  # fmt: skip


def test_to_a_stranger_nothing_is_there(as_, addresses):
    assert set(statuses(as_("stranger"), addresses).values()) == {404}


def test_who_is_not_logged_in_is_asked_to(api_client, addresses):
    assert set(statuses(api_client, addresses).values()) == {401}
    assert api_client.get(addresses["issues"])["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("role", ["viewer", "stranger"])
def test_who_is_refused_has_changed_nothing(as_, addresses, role):
    before = rows()

    for case in CASES:
        getattr(as_(role), case.method)(addresses[case.what], case.body)

    assert rows() == before


def test_a_strangers_answer_does_not_tell_whether_the_project_exists(as_, url):
    real = as_("stranger").get(url("issues")).json()
    invented = as_("stranger").get(f"/api/v1/projects/{uuid.uuid4()}/issues/").json()

    assert {**real, "instance": ""} == {**invented, "instance": ""}


def test_the_list_shows_each_person_their_own_projects(as_, people, project):
    ProjectFactory(key="ELSEWHERE")

    assert [row["key"] for row in as_("viewer").get("/api/v1/projects/").json()["results"]] == ["APOLLO"]
    assert "APOLLO" not in [row["key"] for row in as_("stranger").get("/api/v1/projects/").json()["results"]]
    assert len(as_("staff").get("/api/v1/projects/").json()["results"]) == 3


@pytest.mark.parametrize(
    ("what", "make"),
    [
        ("issues", lambda: IssueFactory().id),
        ("sprints", lambda: SprintFactory().id),
        ("members", lambda: TeamMemberFactory().user_id),
        ("days-off", lambda: DayOffFactory().id),
        ("issue-types", lambda: ProjectFactory().issue_types.first().id),
        ("statuses", lambda: ProjectFactory().statuses.first().id),
    ],
)
@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_a_thing_of_another_project_is_not_reached_through_ones_own(as_, url, what, make, method):
    response = getattr(as_("lead"), method)(url(what, make()), None if method == "get" else {})

    assert response.status_code == 404


def test_who_was_removed_is_a_stranger_at_once(as_, people, url):
    as_("lead").delete(url("members", people["member"].id))

    assert as_("member").get(url("issues")).status_code == 404
