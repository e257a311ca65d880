"""What was written into a tracker is ours, whatever becomes of the issue, the import or the connection here."""

import random

import pytest
from django.utils import timezone

from apps.importers import runs, write_back
from apps.importers.connections import connect
from apps.importers.models import ImportRun, WriteBack, WrittenValue
from apps.importers.records import ImportRefused
from apps.importers.sources.registry import place_of
from apps.importers.sources.writers import Target
from apps.importers.tests.trackers import jira_site
from apps.importers.tests.trackers.server import LOCAL, Reply, tracker
from apps.importers.tests.trackers.written_site import FIELDS, Site
from apps.importers.write_back import carry_out, prepared, steps_of, taken_back
from apps.projects.models import Issue

pytestmark = pytest.mark.django_db
FIELD, LABEL = Target(field="customfield_9"), Target(label="ml-hours:")


@pytest.fixture
def site(settings):
    settings.TRACKER_ALLOWED_NETWORKS, settings.CONNECTION_KEYS = list(LOCAL), ["first key"]
    return Site()


@pytest.fixture
def served(site):
    """A Jira whose issues are imported, and in which what is written stands."""

    def answer(request):
        if request.path.endswith("/field"):
            return [*jira_site.FIELDS, FIELDS[1]]
        return site(request) if "/issue/" in request.path else jira_site.cloud(request)

    with tracker(answer) as found:
        yield found


@pytest.fixture(params=[FIELD, LABEL], ids=["field", "label"])
def target(request):
    return request.param


@pytest.fixture(autouse=True)
def said(monkeypatch):
    told = {"A-2": "3"}
    monkeypatch.setitem(
        write_back.FIGURES,
        "hours",
        lambda project, issues, now: {each.pk: told[each.external_id] for each in issues if each.external_id in told},
    )
    return told


@pytest.fixture
def again(project, served, lead, now):
    """Connected with the same place, as often as it is called."""
    return lambda: connect(project, place_of("jira", served.url, "SHOP"), "ada@example.org:token", by=lead, now=now)


@pytest.fixture
def sync(lead, now):
    """An import by the clock, with what is written after it."""

    def run(connection):
        done = runs.execute(runs.ask_sync(connection, by=lead, now=now).pk, now=now)
        assert done.status == ImportRun.Status.COMPLETED, done.error
        connection.refresh_from_db()
        return done

    return run


def switched_on(connection, target):
    told = prepared(connection, "hours", target)
    told.is_active = True
    told.save()
    return told


def standing(site, target):
    """What stands in the tracker, by the own id of each issue."""
    if target is FIELD:
        return {key: held["customfield_9"] for key, held in site.fields.items() if held["customfield_9"] is not None}
    return {key: held["labels"] for key, held in site.fields.items() if held["labels"]}


def back(told):
    return carry_out(told, taken_back(told), now=timezone.now(), rng=random.Random(0))


def written(told):
    return carry_out(told, steps_of(told, now=timezone.now()), now=timezone.now(), rng=random.Random(0))


def test_an_import_that_is_taken_back_leaves_figures_that_the_next_one_renews(again, sync, said, site, target):
    connection = again()
    told = switched_on(connection, target)
    sync(connection)
    first = standing(site, target)
    assert len(first) == 1

    runs.undo(ImportRun.objects.get())
    assert not Issue.objects.filter(external_id="A-2").exists()
    said["A-2"] = "13"
    sync(connection)

    renewed = standing(site, target)
    assert (renewed.keys(), renewed != first) == (first.keys(), True)
    assert written(told).kept == []
    assert back(told).written == 1
    assert standing(site, target) == {}


def test_what_an_import_wrote_is_taken_back_after_it_without_another(again, sync, site):
    connection = again()
    told = switched_on(connection, FIELD)
    sync(connection)
    runs.undo(ImportRun.objects.get())

    assert back(told).written == 1
    assert (standing(site, FIELD), WrittenValue.objects.count()) == ({}, 0)


def test_an_issue_that_is_deleted_and_imported_again_is_known(again, sync, said, site):
    connection = again()
    told = switched_on(connection, FIELD)
    sync(connection)
    Issue.objects.filter(external_id="A-2").delete()
    said["A-2"] = "13"

    type(connection).objects.update(synced_until=None)
    connection.refresh_from_db()
    sync(connection)

    assert list(standing(site, FIELD).values()) == [13]
    assert written(told).kept == []


def test_a_connection_that_is_made_anew_has_what_the_one_before_wrote(again, sync, said, site, target):
    connection = again()
    switched_on(connection, target)
    sync(connection)
    connection.delete()
    said["A-2"] = "13"

    connection = again()
    told = WriteBack.objects.get()
    assert (told.connection, told.is_active) == (connection, False), "Nobody has said that it goes on."
    sync(connection)
    assert not any(label.startswith("ml-hours:") for issue in Issue.objects.all() for label in issue.labels)
    with pytest.raises(ImportRefused, match="take that back first"):
        prepared(connection, "hours", LABEL if target is FIELD else FIELD)
    assert written(told).written == 1
    assert back(told).written == 1
    assert standing(site, target) == {}


def test_another_place_has_nothing_of_it(again, sync, served, lead, now):
    connection = again()
    switched_on(connection, FIELD)
    sync(connection)
    connection.delete()

    other = connect(
        connection.project, place_of("jira", served.url, "OTHER"), "ada@example.org:token", by=lead, now=now
    )

    assert not other.write_backs.exists()


def test_with_the_project_all_of_it_goes(again, sync, project):
    connection = again()
    switched_on(connection, FIELD)
    sync(connection)
    assert WrittenValue.objects.exists()
    connection.delete()

    project.delete()

    assert not WriteBack.objects.exists()
    assert not WrittenValue.objects.exists()


def test_an_issue_with_another_key_is_the_same(again, sync, said):
    connection = again()
    told = switched_on(connection, FIELD)
    sync(connection)
    issue = Issue.objects.get(external_id="A-2")
    Issue.objects.filter(pk=issue.pk).update(external_id="B-7")
    said["B-7"] = "13"

    assert written(told).written == 1
    noted = WrittenValue.objects.get(source_id=issue.source_id)
    assert (noted.external_id, noted.value) == ("B-7", "13")


def test_what_is_gone_here_and_there_is_noted_no_longer(again, sync, site, served, now):
    connection = again()
    told = switched_on(connection, FIELD)
    sync(connection)
    Issue.objects.filter(external_id="A-2").delete()
    told.written.create(external_id="A-1", source_id="101", value="4", written_at=now)
    answer = served.answer
    served.answer = lambda request: Reply({}, 404) if "/issue/" in request.path else answer(request)

    report = back(told)

    assert sorted(key for key, _ in report.refused) == ["A-1", "A-2"]
    assert [each.external_id for each in WrittenValue.objects.all()] == ["A-1"], "The token may just not see that one."
