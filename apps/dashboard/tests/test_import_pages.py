"""What the page of imports tells leads of a tracker: what is gone there, and how everything is read anew."""

import pytest
from django.urls import reverse

from apps.importers.connections import connect
from apps.importers.models import ImportRun
from apps.importers.sources.registry import place_of
from apps.projects.tests.factories import ProjectFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory()


@pytest.fixture
def lead(project, client):
    client.force_login(TeamMemberFactory(project=project, role="lead").user)
    return client


@pytest.fixture
def connection(project, settings, now):
    settings.CONNECTION_KEYS = ["a key"]
    return connect(project, place_of("github", "", "acme/shop"), "token", by=None, now=now)


def page_of(lead, project, **report):
    run = ImportRun.objects.create(project=project, source="github", status="completed", report=report)
    found = lead.get(reverse("dashboard:import-run", kwargs={"key": project.key, "run_id": run.pk}))
    return found.content.decode()


def test_what_is_gone_in_the_tracker_is_told_with_what_is_left_to_do(lead, project):
    told = page_of(lead, project, missing=1_021, missing_shown=["#7", "#9"], removed=0)
    assert "1,021 issues of earlier imports are not there any more: #7, #9, …." in told
    assert "Close or delete here what is gone." in told


def test_what_was_closed_is_told_as_closed(lead, project):
    told = page_of(lead, project, missing=2, missing_shown=["#7", "#9"], removed=1)
    assert "are not there any more: #7, #9." in told
    assert "1 was open and is closed as removed." in told


@pytest.mark.parametrize("missing", [0, None], ids=["nothing is gone", "nobody looked"])
def test_where_nothing_is_known_to_be_gone_nothing_is_told_of_it(lead, project, missing):
    assert "any more" not in page_of(lead, project, missing=missing, missing_shown=[])


def test_a_lead_asks_for_everything(lead, project, connection):
    address = reverse("dashboard:import-sync", kwargs={"key": project.key, "connection_id": connection.pk})

    lead.post(address, {"all": "1"})

    assert ImportRun.objects.get().is_full
