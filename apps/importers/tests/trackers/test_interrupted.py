"""Trackers that break off, refuse in the middle or repeat themselves: what came stays, and the next import is whole."""

import pytest

from apps.importers import runs, syncing
from apps.importers.tests.trackers import jira_site
from apps.importers.tests.trackers.server import Reply
from apps.projects.models import Issue, IssueChange, Sprint

pytestmark = pytest.mark.django_db
SEARCH = "/rest/api/3/search/jql"


def execute(connection, now):
    return runs.execute(runs.ask_sync(connection, by=None, now=now).pk, now=now)


def state():
    """Everything that an import makes, without ids."""
    issues = Issue.objects.order_by("external_id").values_list(
        "external_id",
        "title",
        "status__name",
        "sprint__name",
        "story_points",
        "started_at",
        "resolved_at",
        "dropped_at",
    )
    changes = IssueChange.objects.order_by("issue__external_id", "changed_at", "field").values_list(
        "issue__external_id", "field", "changed_at"
    )
    sprints = Sprint.objects.order_by("external_id").values_list("external_id", "status", "started_at", "completed_at")
    return list(issues), list(changes), list(sprints)


@pytest.fixture
def whole(connection, now):
    """What an import without any trouble makes; taken back again."""
    run = execute(connection, now)
    expected = state()
    runs.undo(run)
    connection.refresh_from_db()
    assert not Issue.objects.exists()
    return expected


@pytest.fixture
def no_pause(monkeypatch):
    monkeypatch.setattr("apps.importers.sources.client.Client.pause", lambda self, seconds: None)


def test_a_token_that_expires_in_the_middle_fails_in_words_and_the_next_import_is_whole(
    whole, connection, jira, now, monkeypatch
):
    monkeypatch.setattr(syncing, "BATCH_ISSUES", 1)

    def expired(request):
        is_second = request.path == SEARCH and request.body.get("nextPageToken")
        return Reply({"message": "expired"}, 401) if is_second else jira_site.cloud(request)

    jira.answer = expired
    run = execute(connection, now)
    assert run.status == "failed"
    assert "has expired" in run.error
    assert Issue.objects.count() == run.rows_read == 2
    connection.refresh_from_db()
    assert connection.synced_until is None

    jira.answer = jira_site.cloud
    assert execute(connection, now).status == "completed"
    assert state() == whole


@pytest.mark.parametrize(
    "trouble", [Reply(raw=b"{" * 400, cut=True), Reply({}, 429, {"Retry-After": "1"}), Reply({}, 503)]
)
@pytest.mark.usefixtures("no_pause")
def test_every_answer_troubled_once_makes_the_same_import(trouble, whole, connection, jira, now):
    troubled = set()

    def answer(request):
        key = (request.path, str(request.body), str(request.params))
        if key not in troubled:
            troubled.add(key)
            return trouble
        return jira_site.cloud(request)

    jira.answer = answer
    assert execute(connection, now).status == "completed"
    assert state() == whole


def test_a_page_that_comes_twice_under_a_new_token_changes_nothing(whole, connection, jira, now):
    def repeating(request):
        if request.path != SEARCH:
            return jira_site.cloud(request)
        token = request.body.get("nextPageToken", "0")
        found = jira_site.cloud(
            type(request)(request.method, SEARCH, {}, {}, request.body | {"nextPageToken": token[:1]})
        )
        return found if token != "0" else found | {"nextPageToken": "0 again"}

    jira.answer = repeating
    run = execute(connection, now)
    assert (run.status, run.report["new"]) == ("completed", 4)
    assert state() == whole
