"""What is deleted in a tracker, or moved away: told by an import that reads everything, closed where that is asked."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from apps.importers import runs
from apps.importers.records import RowError
from apps.importers.sources.registry import place_of
from apps.importers.tests.trackers import jira_site
from apps.importers.tests.trackers.test_writing import imported, issue
from apps.importers.tracked import EVERYTHING, Gap
from apps.projects.models import Issue, WorkflowStatus

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
NO_PAGE = Gap("a page leads back to an earlier one", EVERYTHING)


@pytest.fixture
def gone(jira):
    """Keys of issues that the Jira of this machine has no more."""
    keys = set()

    def answer(request):
        if request.path == "/rest/api/3/search/jql":
            return {"issues": [each for each in jira_site.ISSUES if each["key"] not in keys], "isLast": True}
        return jira_site.cloud(request)

    jira.answer = answer
    return keys


def synced(connection, at, **options):
    return runs.execute(runs.ask_sync(connection, by=None, now=at, **options).pk, now=at)


def statuses():
    return dict(Issue.objects.values_list("external_id", "status__name"))


def test_a_whole_import_tells_what_is_gone_in_the_tracker_and_closes_nothing(connection, gone, now):
    synced(connection, now)
    before = statuses()
    gone |= {"A-2", "A-4"}

    told = synced(connection, now + HOUR, is_full=True).report

    assert (told["missing"], told["missing_shown"], told["removed"]) == (2, ["A-2", "A-4"], 0)
    assert statuses() == before


def test_an_import_of_what_was_touched_has_not_looked(connection, gone, now):
    assert synced(connection, now).report["missing"] == 0
    gone |= {"A-2", "A-4"}

    told = synced(connection, now + HOUR).report

    assert (told["missing"], told["missing_shown"]) == (None, [])


def test_what_is_gone_is_closed_as_removed_where_that_is_asked_and_comes_back_with_the_import(
    connection, jira, gone, now, monkeypatch
):
    place = place_of("jira", jira.url, "SHOP")
    monkeypatch.setattr("apps.importers.management.commands.import_issues.place_in", lambda text: place)
    synced(connection, now)
    gone |= {"A-2", "A-4"}
    before, out = statuses(), StringIO()

    call_command(
        "import_issues", "https://acme.atlassian.net/browse/SHOP-1", "--mark-missing", project="SHOP", stdout=out
    )

    assert "2 issues of earlier imports are not there any more: A-2, A-4. 2 closed as removed." in out.getvalue()
    assert statuses() == before | {"A-2": "Removed", "A-4": "Removed"}
    runs.undo(connection.imports.latest("created_at"))
    assert statuses() == before


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ({"Removed": "to_do"}, "Removed (dropped)"),
        ({"removed": "done"}, "Removed (dropped)"),
        ({"REMOVED": "dropped"}, "REMOVED"),
        ({"Removed": "to_do", "Removed (dropped)": "done"}, "Removed (dropped) 2"),
    ],
)
def test_a_status_of_that_name_counts_for_what_it_means(project, there, found):
    imported(project, issue("1"), issue("2"))
    for position, (name, category) in enumerate(there.items(), start=50):
        WorkflowStatus.objects.create(project=project, name=name, category=category, position=position)

    first = imported(project, issue("1"), mark_missing=True)
    again = imported(project, issue("1"), mark_missing=True)

    gone = Issue.objects.get(external_id="A-2")
    assert (gone.status.name, gone.status.category, gone.dropped_at is not None) == (found, "dropped", True)
    assert (first.removed, again.removed) == (1, 0)


@pytest.mark.parametrize(
    "told",
    [
        [],
        [NO_PAGE],
        [issue("1"), NO_PAGE],
        [issue("1"), RowError(0, "", "cannot be read")],
        [RowError(0, "A-1", "cannot be read")],
    ],
    ids=["nothing", "no page", "not each page", "a row without a name", "nothing that can be read"],
)
def test_an_answer_that_is_empty_or_not_whole_closes_nothing(project, told):
    imported(project, issue("1"), issue("2"))
    before = statuses()

    report = imported(project, *told, mark_missing=True)

    assert (report.missing, report.removed) == (None, 0)
    assert statuses() == before


@pytest.mark.parametrize("name", ["A-2", "2"])
def test_an_issue_whose_row_cannot_be_read_is_not_gone(project, name):
    imported(project, issue("1"), issue("2"), issue("3"))

    report = imported(project, issue("1"), RowError(0, name, "cannot be read"), mark_missing=True)

    assert (report.missing_shown, report.removed) == (["A-3"], 1)
    assert statuses()["A-2"] != "Removed"
