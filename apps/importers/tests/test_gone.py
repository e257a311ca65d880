"""A project that is deleted while an import of it is asked for, begun or taken back takes nobody else along."""

import pytest

from apps.common.exceptions import Conflict
from apps.importers import runs
from apps.importers.connections import connect
from apps.importers.models import ImportRun
from apps.importers.sources.registry import place_of
from apps.projects.models import Project
from apps.projects.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(now):
    return runs.ask_upload(ProjectFactory(), name="a.csv", content=b"id,title\nA-1,x\n", by=None, now=now)


@pytest.fixture
def goes_first(monkeypatch):
    """The project goes just before an import would hold it."""
    hold = runs.hold_project

    def gone(project_id):
        Project.objects.filter(pk=project_id).delete()
        return hold(project_id)

    monkeypatch.setattr(runs, "hold_project", gone)


def test_a_worker_finds_nothing_to_do(run, now, goes_first):
    assert runs.execute(run.pk, now=now) is None
    assert not ImportRun.objects.exists()


def test_what_is_to_be_taken_back_is_told_as_gone(run, now, goes_first):
    with pytest.raises(Conflict):
        runs.undo(run)


def test_an_import_that_is_gone_is_told_so_where_its_project_is_there(run):
    ImportRun.objects.filter(pk=run.pk).delete()

    with pytest.raises(Conflict):
        runs.undo(run)


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_gone_stops_no_others_hour(now, monkeypatch):
    gone, stays = (connect(ProjectFactory(), place_of("github", "", "a/b"), "t", by=None, now=now) for _ in range(2))

    def read_before(rows):
        found = [gone, stays]
        Project.objects.filter(pk=gone.project_id).delete()
        return found

    monkeypatch.setattr(runs, "in_use", read_before)

    asked = runs.ask_due_syncs(now=now)

    assert [each.connection_id for each in asked] == [stays.pk]
