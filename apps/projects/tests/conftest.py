"""A project with one person of each role, and a client logged in as any of them."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.projects.models import Project, TeamMember
from apps.projects.tests.factories import ProjectFactory, TeamMemberFactory


@pytest.fixture
def project(db) -> Project:
    return ProjectFactory(key="APOLLO")


@pytest.fixture
def lead(project) -> TeamMember:
    """The only member, where a test asks for nobody else."""
    return TeamMemberFactory(project=project, role=TeamMember.Role.LEAD)


@pytest.fixture
def people(project) -> dict[str, User]:
    """By role; 'stranger' leads another project."""
    team = {role: TeamMemberFactory(project=project, role=role).user for role in ("lead", "member", "viewer")}
    return {**team, "stranger": TeamMemberFactory(role="lead").user, "staff": UserFactory(is_superuser=True)}


@pytest.fixture
def as_(people) -> Callable[[str], APIClient]:
    """`as_("member")` is a client of that person."""

    def client(role: str) -> APIClient:
        api_client = APIClient()
        api_client.force_authenticate(people[role])
        return api_client

    return client


@pytest.fixture
def url(project) -> Callable[..., str]:
    """`url("issues", issue.id)` is an address in the project."""

    def address(*parts: object) -> str:
        return "/".join(["/api/v1/projects", str(project.id), *map(str, parts)]) + "/"

    return address
