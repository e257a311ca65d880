"""A project with its lead, and a Jira on this machine that it is connected with."""

import pytest

from apps.importers import write_back
from apps.importers.connections import connect
from apps.importers.models import WriteBack
from apps.importers.sources.registry import place_of
from apps.importers.tests.trackers import jira_site
from apps.importers.tests.trackers.server import LOCAL, tracker
from apps.importers.tests.trackers.written_site import PLACES, Site, Writing
from apps.projects.models import TeamMember
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory


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


# --- Figures that are written ----------------------------------------------------------------------------------------
@pytest.fixture
def site(settings):
    settings.TRACKER_ALLOWED_NETWORKS = list(LOCAL)
    settings.CONNECTION_KEYS = ["first key"]
    return Site()


@pytest.fixture
def served(site):
    with tracker(site) as found:
        yield found


@pytest.fixture
def linked(project, served, lead, now):
    """A connection, and two open issues and a finished one of its tracker."""
    connection = connect(project, place_of("jira", served.url, "SHOP"), "ada@example.org:token", by=lead, now=now)
    for key, options in (("A-1", {}), ("A-2", {}), ("A-3", {"completed": True})):
        IssueFactory(project=project, source="jira", external_id=key, source_id=key, **options)
    IssueFactory(project=project)
    return connection


@pytest.fixture
def hours(monkeypatch):
    """What would be predicted, by key."""
    said = {"A-1": "3", "A-2": "5"}
    monkeypatch.setitem(
        write_back.FIGURES,
        "hours",
        lambda project, issues, now: {each.pk: said[each.external_id] for each in issues if each.external_id in said},
    )
    return said


@pytest.fixture(params=PLACES)
def place(request):
    return PLACES[request.param]


@pytest.fixture
def writing(place, linked, hours, served, now):
    """One issue in each place into which figures are written."""
    hours.clear()
    kind, target = place
    connection, key = linked, "A-1"
    if kind != "jira":
        found = place_of(kind, served.url, {"jira_dc": "SHOP"}.get(kind, "o/r"))
        connection, key = connect(linked.project, found, "token", by=linked.created_by, now=now), "#7"
        IssueFactory(project=linked.project, source=connection.source, external_id="#7", source_id="7")
    told = WriteBack.objects.create(
        project=connection.project, place=connection.place, connection=connection, figure="hours",
        field=target.field, label=target.label,
    )  # fmt: skip
    return Writing(key, told, hours, served.answer, served, now)
