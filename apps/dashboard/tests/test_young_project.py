"""What pages say of a small project that came from a file."""

import pytest
from django.test import Client

from apps.accounts.tests.factories import UserFactory
from apps.dashboard.pages.sprint import NamedRisk
from apps.ml.core.findings import Finding
from apps.projects.models import Sprint, TeamMember
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


@pytest.fixture
def lead(project, client) -> Client:
    client.force_login(TeamMemberFactory(project=project, role=TeamMember.Role.LEAD).user)
    return client


def test_a_sprint_that_is_planned_for_no_day_is_named(lead, project):
    IssueFactory(project=project)
    assert "none runs or is planned" in lead.get("/projects/SHOP/").content.decode()

    SprintFactory(project=project, name="Sprint 3", status=Sprint.Status.PLANNED, start_date=None, end_date=None)

    page = lead.get("/projects/SHOP/").content.decode()
    assert "Sprint 3 is planned, without dates" in page
    assert "none runs or is planned" not in page


def test_why_nobody_is_suggested_is_said_where_the_team_is_an_imports(lead, project):
    IssueFactory(project=project)
    note = "has no account is suggested for nothing"
    assert note not in lead.get("/projects/SHOP/backlog/").content.decode()

    named = UserFactory(email="a@x.imported.invalid", full_name="Ada", is_active=False, is_placeholder=True)
    TeamMemberFactory(project=project, user=named)

    assert note in lead.get("/projects/SHOP/backlog/").content.decode()


def test_how_far_a_sprint_is_behind_is_said_with_both_figures():
    sentence = "Sprint is 28% behind expected progress"
    behind = Finding("burndown_velocity", "high", f"{sentence}. Others wait", "completion_percent", 50.0, 22.5, ())

    assert NamedRisk(behind, ()).headline == f"{sentence}: 22.5% is done, 50% was expected."
    assert NamedRisk(behind, ()).rest == "Others wait"
