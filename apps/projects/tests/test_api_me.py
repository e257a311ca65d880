"""A person's own account names the projects they are in."""

import pytest

from apps.accounts.tests.factories import UserFactory
from apps.projects.tests.factories import TeamMemberFactory

pytestmark = pytest.mark.django_db

ME = "/api/v1/auth/me/"


@pytest.fixture
def user(api_client):
    person = UserFactory(email="ada@example.com", full_name="Ada Lovelace")
    api_client.force_authenticate(person)
    return person


def test_a_person_sees_their_account_and_their_projects(user, api_client):
    membership = TeamMemberFactory(user=user, role="lead", project__key="APOLLO")
    TeamMemberFactory()

    assert api_client.get(ME).json().items() >= {
        "email": "ada@example.com", "full_name": "Ada Lovelace", "is_staff": False,
        "projects": [
            {"id": str(membership.project_id), "key": "APOLLO", "name": membership.project.name, "role": "lead"}
        ],
    }.items()  # fmt: skip


def test_the_number_of_queries_does_not_grow(user, api_client, django_assert_num_queries):
    TeamMemberFactory.create_batch(5, user=user)

    with django_assert_num_queries(2):  # memberships, projects
        assert len(api_client.get(ME).json()["projects"]) == 5
