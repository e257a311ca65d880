"""What a project hides: points until the team has voted, and people's names."""

import pytest
from rest_framework.test import APIClient

from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db


def lead_of(project) -> APIClient:
    client = APIClient()
    client.force_authenticate(TeamMemberFactory(project=project, role="lead").user)
    return client


def test_points_are_hidden_until_the_team_has_sized_the_issue():
    project = ProjectFactory(hides_until_voted=True)
    client, open_issue = lead_of(project), IssueFactory(project=project)
    voted = IssueFactory(project=project, story_points=3)

    def ask(**more: object):
        asked = {"title": "Paint the door", "project_id": project.id, **more}
        return client.post("/api/v1/ml/recommend-story-points/", asked, format="json")

    assert (ask().status_code, ask(issue_id=open_issue.id).json()["code"]) == (409, "hidden_until_voted")
    assert ask(issue_id=voted.id).status_code == 200
    assert ask(issue_id=IssueFactory(story_points=3).id).status_code == 404


@pytest.mark.parametrize(("hides", "name", "email"), [(False, "Mo Member", True), (True, "Person 1", False)])
def test_suggestions_name_nobody_where_names_are_hidden(hides, name, email):
    project = ProjectFactory(hides_names=hides)
    client, issue = lead_of(project), IssueFactory(project=project)
    project.team.all().delete()
    member = TeamMemberFactory(project=project, user__full_name="Mo Member", role="lead")
    client.force_authenticate(member.user)

    asked = {"issue_id": issue.id, "project_id": project.id}
    [first] = client.post("/api/v1/ml/suggest-assignment/", asked, format="json").json()["suggestions"]

    assert (first["user_name"], bool(first["user_email"])) == (name, email)


def test_settings_of_a_project_are_checked_field_by_field():
    project = ProjectFactory()
    client = lead_of(project)
    address = f"/api/v1/projects/{project.id}/"

    done = client.patch(address, {"target_date": "2026-06-01", "blocked_labels": ["vendor"]}, format="json")
    wrong = client.patch(address, {"waiting_statuses": "Review"}, format="json")
    made = client.post("/api/v1/projects/", {"key": "NEW", "name": "New", "target_date": "2026-06-01"}, format="json")

    assert (done.json()["target_date"], done.json()["blocked_labels"]) == ("2026-06-01", ["vendor"])
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (400, "/waiting_statuses")
    assert made.json()["target_date"] == "2026-06-01"
