"""What pages say of a small project that came from a file."""

import pytest
from django.test import Client

from apps.accounts.tests.factories import UserFactory
from apps.dashboard.pages.sprint import NamedRisk
from apps.dashboard.pages.sprints import sprint_list
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
    sentence = "Sprint is 28% behind expected progress. Others wait"
    behind = Finding("burndown_velocity", "high", sentence, "completion_percent", 50.0, 22.5, ())

    told = "Sprint is 28 percentage points behind expected progress: 22.5% is done, 50% was expected."
    assert NamedRisk(behind, ()).headline == told
    assert NamedRisk(behind, ()).rest == "Others wait"


def test_what_a_first_model_lacks_is_told_by_what_it_learns_from(lead, project):
    IssueFactory.create_batch(3, project=project, completed=True, actual_hours=2, story_points=1)
    IssueFactory(project=project, completed=True, actual_hours=2, story_points=None)

    assert "50 finished issues train one: 4 have hours, 3 have points" in lead.get("/projects/SHOP/").content.decode()


def test_sprints_without_days_stand_in_the_order_of_their_numbers(project):
    for name in ("Sprint 10", "Sprint 9", "Sprint 1", "Sprint 2"):
        SprintFactory(project=project, name=name, status=Sprint.Status.PLANNED, start_date=None, end_date=None)

    names = [each.sprint.name for each in sprint_list(project)]

    assert names == ["Sprint 10", "Sprint 9", "Sprint 2", "Sprint 1"]


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("parts", "When each part is done"),
        ("references", "Stories to compare with"),
        ("moved", "Why the date moved"),
        ("said", "What we said"),
    ],
)
def test_a_part_on_a_page_of_its_own_is_named_by_its_title(lead, project, page, title):
    told = lead.get(f"/projects/SHOP/{page}/").content.decode()

    assert f"<title>{title} – {project.name} – Scrum ML</title>" in told


def test_what_is_open_in_a_sprint_that_runs_is_not_carried_over_yet(lead, project):
    sprint = SprintFactory(project=project, name="Sprint 1", status=Sprint.Status.ACTIVE)
    IssueFactory(project=project, sprint=sprint)

    told = lead.get("/projects/SHOP/sprints/1/").content.decode()

    assert "Still open" in told
    assert "Carried over" not in told
