"""Who may see what."""

import pytest
from django.contrib.auth.models import AnonymousUser

from apps.accounts.tests.factories import UserFactory
from apps.projects import selectors
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db

NOBODY = [AnonymousUser, UserFactory, lambda: TeamMemberFactory().user]


@pytest.fixture
def member():
    return TeamMemberFactory(role="viewer")


@pytest.fixture
def rows(member):
    """What belongs to the member's project, by the selector that shows it."""
    project = member.project
    return {
        selectors.projects_visible_to: project,
        selectors.issues_visible_to: IssueFactory(project=project),
        selectors.sprints_visible_to: SprintFactory(project=project),
    }


def test_a_member_sees_the_project_once_and_no_other(member, rows):
    TeamMemberFactory(project=member.project)
    IssueFactory(sprint=SprintFactory())

    for visible_to, row in rows.items():
        assert list(visible_to(member.user)) == [row]


@pytest.mark.parametrize("somebody", NOBODY)
def test_nobody_else_sees_anything_of_it(rows, somebody):
    user = somebody()

    for visible_to, row in rows.items():
        assert row not in visible_to(user)
    assert selectors.role_of(user, rows[selectors.projects_visible_to]) is None


def test_administrators_see_everything_and_act_as_lead(rows):
    user = UserFactory(is_superuser=True)

    for visible_to, row in rows.items():
        assert row in visible_to(user)
    assert selectors.role_of(user, ProjectFactory()) == "lead"
    assert selectors.sees_everything(user)


def test_staff_see_nothing_by_that_alone(rows):
    user = UserFactory(is_staff=True)

    assert not any(row in visible_to(user) for visible_to, row in rows.items())
    assert selectors.role_of(user, ProjectFactory()) is None
    assert not selectors.sees_everything(user)


def test_who_was_deactivated_sees_nothing(member, rows):
    member.user.is_active = False

    assert not any(visible_to(member.user).exists() for visible_to in rows)


@pytest.mark.parametrize("role", ["viewer", "member", "lead"])
def test_a_role_is_what_the_team_says(role):
    member = TeamMemberFactory(role=role)

    assert selectors.role_of(member.user, member.project) == role


def test_each_is_one_query(member, rows, django_assert_num_queries):
    for visible_to in rows:
        with django_assert_num_queries(1):
            list(visible_to(member.user))


def test_sprints_without_dates_come_last():
    project = ProjectFactory()
    undated = SprintFactory(project=project, start_date=None)
    dated = SprintFactory(project=project)

    assert list(selectors.sprints_of(project)) == [dated, undated]
