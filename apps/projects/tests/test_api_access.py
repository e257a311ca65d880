"""Every address, asked by everybody who should not get in."""

import uuid

import pytest

from apps.projects.models import Issue, IssueType, Project, Sprint, TeamMember, WorkflowStatus
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory

ANY_ROLE, MEMBERS, LEADS = {"viewer", "member", "lead", "staff"}, {"member", "lead", "staff"}, {"lead", "staff"}
MATRIX = [
    # method, what, body, who may, success
    ("get", "project", None, ANY_ROLE, 200),
    ("patch", "project", {"name": "New"}, LEADS, 200),
    ("delete", "project", None, LEADS, 204),
    ("get", "issues", None, ANY_ROLE, 200),
    ("post", "issues", {"title": "A", "issue_type": "bug"}, MEMBERS, 201),
    ("get", "issue", None, ANY_ROLE, 200),
    ("patch", "issue", {"title": "B"}, MEMBERS, 200),
    ("delete", "issue", None, MEMBERS, 204),
    ("get", "history", None, ANY_ROLE, 200),
    ("get", "sprints", None, ANY_ROLE, 200),
    ("post", "sprints", {"name": "Next"}, MEMBERS, 201),
    ("get", "sprint", None, ANY_ROLE, 200),
    ("patch", "sprint", {"goal": "Ship"}, MEMBERS, 200),
    ("delete", "sprint", None, MEMBERS, 204),
    ("post", "start", None, MEMBERS, 200),
    ("post", "close", None, MEMBERS, 200),
    ("get", "members", None, ANY_ROLE, 200),
    ("post", "members", {"email": "newcomer@example.com"}, LEADS, 201),
    ("get", "membership", None, ANY_ROLE, 200),
    ("patch", "membership", {"role": "viewer"}, LEADS, 200),
    ("delete", "membership", None, LEADS, 204),
    ("get", "types", None, ANY_ROLE, 200),
    ("post", "types", {"name": "spike"}, LEADS, 201),
    ("get", "type", None, ANY_ROLE, 200),
    ("patch", "type", {"name": "defect"}, LEADS, 200),
    ("delete", "type", None, LEADS, 204),
    ("get", "statuses", None, ANY_ROLE, 200),
    ("post", "statuses", {"name": "Review", "category": "in_progress"}, LEADS, 201),
    ("get", "status", None, ANY_ROLE, 200),
    ("patch", "status", {"position": 9}, LEADS, 200),
    ("delete", "status", None, LEADS, 204),
]
IDS = [f"{method} {what}" for method, what, *_ in MATRIX]


@pytest.fixture
def addresses(project, url) -> dict[str, str]:
    TeamMemberFactory(user__email="newcomer@example.com")
    issue, planned = IssueFactory(project=project), SprintFactory(project=project)
    running, colleague = SprintFactory(project=project, active=True), TeamMemberFactory(project=project)
    return {
        "project": url(),
        "issues": url("issues"),
        "issue": url("issues", issue.id),
        "history": url("issues", issue.id, "history"),
        "sprints": url("sprints"),
        "sprint": url("sprints", planned.id),
        "start": url("sprints", planned.id, "start"),
        "close": url("sprints", running.id, "close"),
        "members": url("members"),
        "membership": url("members", colleague.user_id),
        "types": url("issue-types"),
        "type": url("issue-types", project.issue_types.get(name="bug").id),
        "statuses": url("statuses"),
        "status": url("statuses", project.statuses.get(name="Done").id),
    }


def rows() -> list[list[object]]:
    """All that could have been changed."""
    models = (Project, TeamMember, IssueType, WorkflowStatus, Sprint, Issue)
    return [list(model.objects.order_by("pk").values()) for model in models]


@pytest.mark.parametrize(("method", "what", "body", "allowed", "success"), MATRIX, ids=IDS)
@pytest.mark.parametrize("role", ["viewer", "member", "lead", "staff"])
def test_a_role_does_what_it_may_and_no_more(as_, addresses, role, method, what, body, allowed, success):
    before = rows()

    response = getattr(as_(role), method)(addresses[what], body)

    assert response.status_code == (success if role in allowed else 403)
    if role not in allowed:
        assert rows() == before


@pytest.mark.parametrize(("method", "what", "body", "allowed", "success"), MATRIX, ids=IDS)
def test_to_a_stranger_nothing_is_there(as_, addresses, method, what, body, allowed, success):
    before = rows()

    response = getattr(as_("stranger"), method)(addresses[what], body)

    assert response.status_code == 404
    assert rows() == before


@pytest.mark.parametrize(("method", "what", "body", "allowed", "success"), MATRIX, ids=IDS)
def test_who_is_not_logged_in_is_asked_to(api_client, addresses, method, what, body, allowed, success):
    response = getattr(api_client, method)(addresses[what], body)

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")


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
