"""The administration pages open, and even an administrator leaves traces."""

import pytest
from django.urls import reverse

from apps.accounts.tests.factories import PASSWORD, UserFactory
from apps.projects import services
from apps.projects.models import IssueChange
from apps.projects.tests.factories import IssueFactory, SprintFactory, TeamMemberFactory


@pytest.fixture
def admin(client, db):
    user = UserFactory(is_staff=True, is_superuser=True)
    assert client.login(username=user.email, password=PASSWORD)
    return user


@pytest.fixture
def issue(admin, now):
    issue = IssueFactory(sprint=None, title="Fix login", story_points=3)
    SprintFactory(project=issue.project)
    TeamMemberFactory(project=issue.project)
    return services.update_issue(issue, by=admin, now=now, estimated_hours=4.0)


@pytest.mark.parametrize("model", ["project", "sprint", "issue", "issuechange"])
def test_every_list_and_every_form_opens(client, issue, model):
    row = {"project": issue.project, "sprint": issue.project.sprints.get(), "issue": issue}.get(
        model, issue.changes.first()
    )

    assert client.get(reverse(f"admin:projects_{model}_changelist"), {"q": "a"}).status_code == 200
    assert client.get(reverse(f"admin:projects_{model}_change", args=[row.pk])).status_code == 200


def test_history_can_be_looked_at_only(client, issue):
    change = issue.changes.get()
    address = reverse("admin:projects_issuechange_change", args=[change.pk])

    assert client.get(reverse("admin:projects_issuechange_add")).status_code == 403
    assert client.post(address, {"new_value": "100"}).status_code == 403
    assert client.post(reverse("admin:projects_issuechange_delete", args=[change.pk])).status_code == 403
    change.refresh_from_db()
    assert change.new_value == "4"


def test_an_administrators_change_goes_on_record(client, admin, issue):
    form = {
        "title": "Fix login now", "story_points": "8", "estimated_hours": "4.0", "labels": "[]",
        "changes-TOTAL_FORMS": "0", "changes-INITIAL_FORMS": "0",
    }  # fmt: skip

    response = client.post(reverse("admin:projects_issue_change", args=[issue.pk]), form)

    assert response.status_code == 302, response.content
    issue.refresh_from_db()
    assert (issue.title, issue.story_points) == ("Fix login now", 8)
    assert issue.changes.get(field=IssueChange.Field.STORY_POINTS).changed_by == admin
