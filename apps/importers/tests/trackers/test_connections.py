"""Connections: tokens at rest, places, imports in the background, incremental ones, and taking one back."""

import base64
from contextlib import contextmanager
from datetime import timedelta
from random import Random

import pytest

from apps.accounts.tests.factories import UserFactory
from apps.common.exceptions import Conflict
from apps.importers import connections, keeping, runs, tasks, write_back
from apps.importers.boxes import opened, sealed
from apps.importers.connections import change, connect, forget_tokens
from apps.importers.models import Connection, ImportRun, WriteBack
from apps.importers.records import ImportRefused
from apps.importers.sources.client import TrackerRefused
from apps.importers.sources.registry import CONNECTORS, place_in, place_of
from apps.importers.tests.trackers import jira_site
from apps.importers.tests.trackers.server import Reply
from apps.importers.tests.trackers.test_writing import whole
from apps.importers.waiting import due_runs, take_on
from apps.projects.models import Issue, IssueChange, Project, Sprint
from apps.projects.services import update_issue
from apps.projects.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


# --- Tokens -----------------------------------------------------------------------------------------------------------
def test_a_token_is_stored_encrypted_and_opens_with_every_key(settings):
    settings.CONNECTION_KEYS = ["old"]
    box = sealed("secret-token")
    assert "secret" not in box
    settings.CONNECTION_KEYS = ["new", "old"]
    assert opened(box) == "secret-token"
    settings.CONNECTION_KEYS = ["new"]
    with pytest.raises(ImportRefused, match="give it again"):
        opened(box)


def test_a_project_has_so_many_connections(now, monkeypatch):
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 2)
    project = ProjectFactory()
    for scope in ("acme/shop", "acme/site"):
        connect(project, place_of("github", "", scope), "t", by=None, now=now)

    with pytest.raises(connections.TooManyConnections, match="twenty connections at most"):
        connect(project, place_of("github", "", "acme/blog"), "t", by=None, now=now)


def test_who_switches_a_connection_off_brings_back_no_token_that_an_erasure_let_go(connection):
    read_before = Connection.objects.get(pk=connection.pk)
    assert forget_tokens(given_by=[], is_meant=lambda token: True) == 1

    change(read_before, is_active=False)

    assert Connection.objects.get(pk=connection.pk).sealed_token == ""


def test_after_an_import_the_token_lies_under_the_newest_key(connection, settings, now):
    settings.CONNECTION_KEYS = ["second key", "first key"]
    runs.execute(runs.ask_sync(connection, by=None, now=now).pk, now=now)
    settings.CONNECTION_KEYS = ["second key"]
    connection.refresh_from_db()
    assert opened(connection.sealed_token) == "ada@example.org:secret-token"


def test_jira_is_sent_address_and_token_as_it_wants_them(connection, jira, now):
    runs.execute(runs.ask_sync(connection, by=None, now=now).pk, now=now)
    kind, _, value = jira.requests[0].headers["authorization"].partition(" ")
    assert (kind, base64.b64decode(value).decode()) == ("Basic", "ada@example.org:secret-token")


# --- Places -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("github:owner/repo", ("github", "https://api.github.com", "owner/repo")),
        ("https://github.com/owner/repo/issues", ("github", "https://api.github.com", "owner/repo")),
        (
            "https://acme.atlassian.net/jira/software/projects/SHOP/boards/7",
            ("jira", "https://acme.atlassian.net", "SHOP"),
        ),
        ("https://acme.atlassian.net/browse/SHOP-12", ("jira", "https://acme.atlassian.net", "SHOP")),
        ("jira_dc:https://jira.acme.org/jira/projects/SHOP", ("jira_dc", "https://jira.acme.org", "SHOP")),
        ("https://gitlab.com/group/sub/project/-/issues", ("gitlab", "https://gitlab.com/api/v4", "group/sub/project")),
        ("gitlab:https://git.acme.org/a/b", ("gitlab", "https://git.acme.org/api/v4", "a/b")),
        ("https://linear.app/acme/team/TM/active", ("linear", "https://api.linear.app", "TM")),
        ("https://dev.azure.com/acme/Shop", ("azure", "https://dev.azure.com/acme", "Shop")),
    ],
)
def test_a_place_is_understood_as_people_paste_it(text, expected):
    place = place_in(text)
    assert (place.connector.name, place.base_url, place.scope) == expected


def test_a_project_of_jira_is_nothing_but_a_key():
    with pytest.raises(ImportRefused, match="no place"):
        place_of("jira", "https://acme.atlassian.net", 'SHOP" OR project = "SECRET')


def test_a_name_of_a_file_is_no_place():
    assert place_in("export.csv") is None
    assert place_in("C:/exports/jira.csv") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("https://tracker.acme.org/x", "Say it"),
        ("github:repo", "owner/repository"),
        ('jira:https://a.atlassian.net/x"y', "no place"),
        ("jira_dc:https://user@jira.acme.org/projects/SHOP", "user name"),
        ("jira_dc:https://jira.acme.org\\.b.org/projects/SHOP", "backslash"),
        ("https://[::1/browse/SHOP-1", "no address"),
        ("jira_dc:https://[/projects/SHOP", "no address"),
    ],
)
def test_a_place_that_is_none_says_what_would_be_right(text, told):
    with pytest.raises(ImportRefused, match=told):
        place_in(text)


def test_the_kinds_of_the_table_are_those_that_can_be_asked():
    assert set(Connection.Kind.values) == set(CONNECTORS)


# --- Imports ----------------------------------------------------------------------------------------------------------
def test_an_import_runs_once_and_tells_what_it_did(connection, now):
    asked = runs.ask_sync(connection, by=None, now=now)
    run = runs.execute(asked.pk, now=now)
    assert (run.status, run.rows_read, run.report["new"]) == ("completed", 4, 4)
    assert any("labels" in line["what"] for line in run.report["ledger"])
    assert runs.execute(asked.pk, now=now) is None
    assert {str(issue) for issue in Issue.objects.all()} == {"A-1", "A-2", "A-3", "A-4"}


def test_a_second_import_asks_only_for_what_was_touched_and_changes_nothing(connection, jira, now):
    runs.execute(runs.ask_sync(connection, by=None, now=now).pk, now=now)
    before, asked = whole(connection.project), len(jira.requests)
    run = runs.execute(runs.ask_sync(connection, by=None, now=now).pk, now=now + HOUR)
    assert (run.report["new"], run.report["changed"], run.report["unchanged"]) == (0, 0, 4)
    assert whole(connection.project) == before
    queries = [request.body["jql"] for request in jira.requests[asked:] if "search" in request.path]
    assert all("updated >=" in query for query in queries)


def test_after_a_clock_was_set_back_everything_is_asked_for_once(connection, jira, now):
    runs.execute(runs.ask_sync(connection, by=None, now=now + 24 * HOUR).pk, now=now + 24 * HOUR)
    for hours, is_asked_for_what_was_touched in ((1, False), (2, True)):
        asked = len(jira.requests)
        runs.execute(runs.ask_sync(connection, by=None, now=now + hours * HOUR).pk, now=now + hours * HOUR)
        queries = [request.body["jql"] for request in jira.requests[asked:] if "search" in request.path]
        assert queries
        assert all(("updated >=" in query) == is_asked_for_what_was_touched for query in queries)


def test_a_refused_token_fails_the_import_in_words_and_leaves_the_next_one_whole(connection, jira, now):
    jira.answer = lambda request: Reply({"message": "no"}, 401)
    run = runs.execute(runs.ask_sync(connection, by=None, now=now).pk, now=now)
    assert run.status == "failed"
    assert "expired" in run.error
    assert "secret" not in run.error
    connection.refresh_from_db()
    assert connection.synced_until is None


def test_a_worker_that_lives_shows_it_and_one_that_was_killed_is_noticed_in_two_minutes(connection, now, monkeypatch):
    run, beats = runs.ask_sync(connection, by=None, now=now), []

    @contextmanager
    def beating(beat):
        beats.append(beat)
        yield

    def slow(*_, **__):
        [beat] = beats
        beat(now + HOUR)
        run.refresh_from_db()
        assert run.seen_at == now + HOUR
        assert due_runs(now=now + HOUR + timedelta(seconds=119)) == []
        assert due_runs(now=now + HOUR + timedelta(seconds=121)) == [run.pk]
        raise Conflict("Enough.")

    monkeypatch.setattr(keeping, "beating", beating)
    monkeypatch.setattr(runs, "sync", slow)

    assert runs.execute(run.pk, now=now).error == "Enough."
    beats[0](now + 2 * HOUR)
    run.refresh_from_db()
    assert run.seen_at == now + HOUR, "who is done gives no more signs of life"


def test_a_worker_that_died_leaves_a_run_that_is_taken_up_again(connection, now):
    run = runs.ask_sync(connection, by=None, now=now)
    ImportRun.objects.filter(pk=run.pk).update(status="running", seen_at=now)
    assert runs.execute(run.pk, now=now + HOUR / 60) is None
    assert list(due_runs(now=now + HOUR)) == [run.pk]
    assert runs.execute(run.pk, now=now + HOUR).status == "completed"


def test_two_imports_of_a_project_do_not_run_at_once(connection, now):
    first = runs.ask_sync(connection, by=None, now=now)
    ImportRun.objects.filter(pk=first.pk).update(status="running", seen_at=now)
    second = runs.ask_sync(connection, by=None, now=now)
    assert second.pk != first.pk
    assert runs.execute(second.pk, now=now) is None


def test_whose_tracker_lets_us_wait_holds_up_their_own_imports_only(connection, now):
    mallory, other = UserFactory.create_batch(2, is_superuser=True)
    Connection.objects.update(created_by=mallory)
    waiting = runs.ask_sync(connection, by=mallory, now=now)
    ImportRun.objects.filter(pk=waiting.pk).update(status="running", seen_at=now)
    place = place_of(connection.kind, connection.base_url, connection.scope)
    second, theirs = (connect(ProjectFactory(), place, "t", by=by, now=now) for by in (mallory, other))

    assert runs.execute(runs.ask_sync(second, by=None, now=now).pk, now=now) is None
    assert runs.execute(runs.ask_sync(theirs, by=None, now=now).pk, now=now) is not None
    assert (
        runs.execute(runs.ask_upload(connection.project, name="a.csv", content=b"", by=None, now=now).pk, now=now)
        is None
    )


def test_of_one_persons_files_one_is_read_at_a_time_and_others_go_on(now):
    somebody, other = UserFactory.create_batch(2, is_superuser=True)
    running = runs.ask_upload(ProjectFactory(), name="a.csv", content=b"id,title", by=somebody, now=now)
    ImportRun.objects.filter(pk=running.pk).update(status=ImportRun.Status.RUNNING, seen_at=now)
    second, theirs = (
        runs.ask_upload(ProjectFactory(), name="b.csv", content=b"id,title\nA-1,x\n", by=by, now=now)
        for by in (somebody, other)
    )

    assert runs.execute(second.pk, now=now) is None
    assert runs.execute(theirs.pk, now=now).status == ImportRun.Status.COMPLETED
    ImportRun.objects.filter(pk=running.pk).update(status=ImportRun.Status.COMPLETED)
    assert runs.execute(second.pk, now=now).status == ImportRun.Status.COMPLETED


def test_an_import_that_waits_is_not_asked_for_twice(connection, now):
    assert runs.ask_sync(connection, by=None, now=now).pk == runs.ask_sync(connection, by=None, now=now).pk


def test_an_import_that_waits_becomes_whole_for_who_asks_for_everything(connection, lead, now):
    waits = runs.ask_sync(connection, by=None, now=now)

    assert runs.ask_sync(connection, by=lead, now=now, is_full=True).pk == waits.pk
    assert runs.ask_sync(connection, by=None, now=now).is_full
    waits.refresh_from_db()
    assert (waits.is_full, waits.created_by) == (True, None)


def test_an_import_that_has_begun_since_is_not_the_one_that_waits(connection, now):
    waits = runs.ask_sync(connection, by=None, now=now)
    ImportRun.objects.update(status=ImportRun.Status.RUNNING)

    assert not take_on(waits, by=None, is_full=True)
    assert runs.ask_sync(connection, by=None, now=now).pk != waits.pk


def test_every_connection_in_use_is_imported_by_the_clock(connection, now, monkeypatch):
    sent = []
    monkeypatch.setattr(tasks.run_import, "apply_async", lambda args, **options: sent.append(args[0]))
    assert tasks.sync_connections() == 1
    Connection.objects.update(is_active=False)
    ImportRun.objects.all().delete()
    assert tasks.sync_connections() == 0
    assert len(sent) == 1


def test_a_dry_run_changes_nothing_and_the_next_import_is_still_whole(connection, now):
    run = runs.execute(runs.ask_sync(connection, by=None, now=now, is_dry_run=True).pk, now=now)
    assert (run.report["new"], run.report["dry_run"], Issue.objects.count(), Sprint.objects.count()) == (4, True, 0, 0)
    connection.refresh_from_db()
    assert connection.synced_until is None


# --- Taken back -------------------------------------------------------------------------------------------------------
def test_taking_the_first_import_back_leaves_nothing_of_it(connection, now):
    run = runs.execute(runs.ask_sync(connection, by=None, now=now).pk, now=now)
    assert runs.undo(run) == 0
    counts = (Issue.objects.count(), IssueChange.objects.count(), Sprint.objects.count())
    assert (counts, run.status) == ((0, 0, 0), "undone")
    connection.refresh_from_db()
    assert connection.synced_until is None


def test_taking_a_later_import_back_restores_what_was_before(connection, jira, now):
    runs.execute(runs.ask_sync(connection, by=None, now=now).pk, now=now)
    before = whole(connection.project)

    def later(request):
        found = jira_site.cloud(request)
        if "search" in request.path:
            said = {"status": jira_site.STATUSES[2], "resolutiondate": "2026-03-21T09:00:00.000+0000", "summary": "New"}
            found["issues"] = [
                row | {"fields": row["fields"] | said} if row["key"] == "A-2" else row for row in found["issues"]
            ]
        if "changelog" in request.path and request.body.get("nextPageToken") != "more":
            for log in found["issueChangeLogs"]:
                if log["issueId"] == "102":
                    moved = jira_site.history("2026-03-21T09:00:00.000+0000", jira_site.moved("In Progress", "Done"))
                    log["changeHistories"] = [moved, *log["changeHistories"]]
        return found

    jira.answer = later
    run = runs.execute(runs.ask_sync(connection, by=None, now=now + HOUR).pk, now=now + HOUR)
    assert run.report["changed"] == 1
    assert whole(connection.project) != before
    assert runs.undo(run) == 0
    assert whole(connection.project) == before


def test_what_was_worked_on_here_since_stays(connection, lead, now):
    run = runs.execute(runs.ask_sync(connection, by=None, now=now).pk, now=now)
    update_issue(Issue.objects.get(external_id="A-2"), by=lead, now=now + HOUR, title="Ours")
    # The issue, and the sprint that it is in.
    assert runs.undo(run) == 2
    assert [sprint.name for sprint in Sprint.objects.all()] == ["Two"]
    assert [str(issue) for issue in Issue.objects.all()] == ["A-2"]


def test_the_latest_import_is_taken_back_first(connection, project, now):
    first = runs.execute(runs.ask_sync(connection, by=None, now=now).pk, now=now)
    later = ImportRun.objects.create(project=project, source="jira", status="completed", created_at=now + HOUR)
    later.touches.create(issue=Issue.objects.first(), before={"title": "x"})
    with pytest.raises(Conflict, match="later import"):
        runs.undo(first)
    assert Project.objects.get(pk=project.pk).issues.count() == 4


def test_after_an_import_what_is_switched_on_is_written_and_a_refusal_is_no_failure_of_the_import(
    connection, now, monkeypatch
):
    asked = []

    def refusing(linked, **options):
        asked.append(linked)
        raise TrackerRefused("no right to edit")

    monkeypatch.setattr(runs, "write_all", refusing)
    assert runs.execute(runs.ask_sync(connection, by=None, now=now).pk, now=now).status == "completed"
    runs.execute(runs.ask_sync(connection, by=None, now=now, is_dry_run=True).pk, now=now)
    assert asked == [connection]


def test_only_what_is_switched_on_is_written(connection, now, monkeypatch):
    written = []
    monkeypatch.setattr(write_back, "carry_out", lambda told, steps, **options: written.append(told.figure))
    for figure, is_active in (("points", False), ("forecast_date", True)):
        WriteBack.objects.create(
            project=connection.project, place=connection.place, connection=connection, figure=figure, label="ml:",
            is_active=is_active,
        )  # fmt: skip
    write_back.write_all(connection, now=now, report=write_back.WriteReport(), rng=Random(1))
    assert written == ["forecast_date"]
