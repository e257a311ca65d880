"""A project with its lead, and a Jira on this machine that it is connected with."""

import pytest

from apps.importers.connections import connect
from apps.importers.sources.registry import place_of
from apps.importers.tests.trackers import jira_site
from apps.importers.tests.trackers.server import LOCAL, tracker
from apps.projects.models import TeamMember
from apps.projects.tests.factories import ProjectFactory, TeamMemberFactory


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


@pytest.fixture
def lead(project):
    return TeamMemberFactory(project=project, role=TeamMember.Role.LEAD).user


@pytest.fixture
def jira(settings):
    settings.TRACKER_ALLOWED_NETWORKS = list(LOCAL)
    settings.CONNECTION_KEYS = ["first key"]
    with tracker(jira_site.cloud) as served:
        yield served


@pytest.fixture
def connection(project, lead, jira, now):
    return connect(project, place_of("jira", jira.url, "SHOP"), "ada@example.org:secret-token", by=lead, now=now)
