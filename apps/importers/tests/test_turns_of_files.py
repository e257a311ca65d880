"""What an older file says is never written over what a newer one said, however often its import begins anew."""

from datetime import timedelta

import pytest
from django.db import OperationalError

from apps.accounts.tests.factories import UserFactory
from apps.common.exceptions import Conflict
from apps.importers import runs, services
from apps.importers.models import Connection, ImportRun
from apps.importers.records import ImportedIssue
from apps.importers.services import import_issues
from apps.importers.waiting import LOST_AFTER, Overtaken, due_runs
from apps.importers.writing.batches import BatchWriter
from apps.projects.models import Issue
from apps.projects.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


@pytest.fixture
def give(project, now):
    """A file that says a title of A-1, given so many minutes from now, by somebody of its own."""

    def give(title, minutes, *, name="a.csv", by=None, **more):
        content = f"id,title,created\nA-1,{title},2026-01-05\n".encode()
        return runs.ask_upload(
            project,
            name=name,
            content=content,
            by=by or UserFactory(is_superuser=True),
            now=now + minutes * MINUTE,
            **more,
        )

    return give


def by_hand(title, now):
    """What an operator imports on a command line."""
    row = ImportedIssue(line=2, external_id="A-1", title=title, created_at=now)
    return import_issues([row], project_key="SHOP", mapped={"title"}, now=now)


def title():
    return Issue.objects.get().title


def test_a_newer_file_waits_for_an_older_one_whose_worker_was_lost(give, now):
    old, new = give("old", 0), give("new", 1)
    ImportRun.objects.filter(pk=old.pk).update(status="running", started_at=now, seen_at=now, attempts=1)
    later = now + 2 * LOST_AFTER

    assert due_runs(now=later) == [old.pk]
    assert runs.execute(new.pk, now=later) is None
    assert runs.execute(old.pk, now=later).status == "completed"
    assert runs.execute(new.pk, now=later).status == "completed"
    assert title() == "new"


def test_an_older_file_whose_person_is_busy_elsewhere_holds_up_nobody_and_is_overtaken(give, now):
    """A slow tracker elsewhere, for hours, say."""
    busy = UserFactory(is_superuser=True)
    elsewhere = runs.ask_upload(ProjectFactory(), name="a.csv", content=b"x", by=busy, now=now)
    ImportRun.objects.filter(pk=elsewhere.pk).update(status="running", started_at=now, seen_at=now)
    old, new = give("old", 0, by=busy), give("new", 1)

    assert due_runs(now=now) == [new.pk]
    assert runs.execute(old.pk, now=now) is None
    assert runs.execute(new.pk, now=now).status == "completed"
    ImportRun.objects.filter(pk=elsewhere.pk).update(status="completed")
    overtaken = runs.execute(old.pk, now=now)

    assert (overtaken.status, overtaken.error) == ("failed", Overtaken().message)
    assert title() == "new"


def test_what_is_only_tried_and_what_a_tracker_tells_wait_for_no_file(give, project, now):
    busy = UserFactory(is_superuser=True)
    ImportRun.objects.create(project=ProjectFactory(), status="running", seen_at=now, created_by=busy)
    give("old", 0, by=busy)
    tried = give("tried", 1, is_dry_run=True)
    connection = Connection.objects.create(
        project=project, kind="jira", source="csv", sealed_token="sealed", created_by=UserFactory(is_superuser=True)
    )
    synced = runs.ask_sync(connection, by=None, now=now + 2 * MINUTE)

    assert due_runs(now=now) == [tried.pk]
    assert runs.execute(tried.pk, now=now).status == "completed"
    assert due_runs(now=now) == [synced.pk]


def test_a_file_that_was_overtaken_before_it_began_is_not_imported_and_told(give, now):
    old = give("old", 0)
    by_hand("new", now + MINUTE)

    ended = runs.execute(old.pk, now=now + 2 * MINUTE)

    assert (ended.status, ended.error, ended.upload) == ("failed", Overtaken().message, None)
    assert title() == "new"
    with pytest.raises(Conflict, match="upload it again"):
        runs.ask_again(ended, by=None, now=now)


@pytest.mark.parametrize("length", [194, 195, 220, 10_000])
def test_a_file_with_a_long_name_stays_what_its_ending_says(project, give, now, length):
    line = b'{"id": "A-1", "title": "of a line", "created_at": "2026-01-05", "status": "Done"}'
    lines = runs.ask_upload(project, name="x" * length + ".jsonl", content=line, by=None, now=now)

    assert runs.execute(lines.pk, now=now).status == "completed"
    assert title() == "of a line"
    assert len(give("cells", 1, name=f"a.{'x' * length}").upload_name) <= 200


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("gpj\u202evsc.csv", "gpj vsc.csv"),
        ("a\x07b.csv", "a b.csv"),
        ("a\nb.jsonl", "a b.jsonl"),
        ("\u062a\u0642\u0631\u064a\u0631.csv", "\u062a\u0642\u0631\u064a\u0631.csv"),
        ("\u200b", ""),
    ],
)
def test_a_file_is_called_as_people_can_read_it(give, name, kept):
    assert give("cells", 1, name=name).upload_name == kept


@pytest.mark.parametrize("status", ["queued", "running"])
def test_a_file_that_waits_or_is_being_imported_is_asked_for_by_nobody_again(give, now, status):
    waits = give("only", 0)
    ImportRun.objects.filter(pk=waits.pk).update(status=status)

    with pytest.raises(Conflict, match="its turn comes"):
        runs.ask_again(waits, by=None, now=now, is_dry_run=True)

    ImportRun.objects.filter(pk=waits.pk).update(status="queued")
    assert runs.execute(waits.pk, now=now).status == "completed"


@pytest.mark.django_db(transaction=True)
def test_a_file_that_begins_anew_after_a_newer_one_leaves_what_that_said(give, now, monkeypatch):
    old, write = give("old", 0), BatchWriter.write

    def away(*args):
        raise OperationalError("terminating connection due to administrator command")

    monkeypatch.setattr(BatchWriter, "write", away)
    assert runs.execute(old.pk, now=now) is None
    monkeypatch.setattr(BatchWriter, "write", write)
    by_hand("new", now + MINUTE)

    assert runs.execute(old.pk, now=now + 2 * MINUTE).error == Overtaken().message
    assert title() == "new"


def test_one_that_was_written_in_part_is_taken_back_after_what_overtook_it(give, project, now):
    by_hand("first", now - MINUTE)
    old = give("old", 0)
    ImportRun.objects.filter(pk=old.pk).update(status="running", started_at=now, seen_at=now)
    written = ImportRun.objects.get(pk=by_hand("old", now).import_id)
    written.touches.update(run=old)
    written.delete()
    newer = by_hand("new", now + MINUTE)

    ended = runs.execute(old.pk, now=now + 2 * LOST_AFTER)

    assert ended.status == "failed"
    with pytest.raises(Conflict, match="take that one back first"):
        runs.undo(ended)
    runs.undo(ImportRun.objects.get(pk=newer.import_id))
    assert title() == "old"
    runs.undo(ended)
    assert title() == "first"


def test_one_that_is_overtaken_in_the_midst_stops_before_its_next_step(project, now, monkeypatch):
    content = b"id,title,created\nA-2,Other,2026-01-05\nA-1,old,2026-01-05\n"
    old, shown = runs.ask_upload(project, name="a.csv", content=content, by=None, now=now), services.shown

    def then(*args):
        shown(*args)
        monkeypatch.setattr(services, "shown", shown)
        by_hand("new", now + MINUTE)

    monkeypatch.setattr(services, "BATCH_ROWS", 1)
    monkeypatch.setattr(services, "shown", then)

    assert runs.execute(old.pk, now=now).error == Overtaken().message
    assert sorted(project.issues.values_list("external_id", "title")) == [("A-1", "new"), ("A-2", "Other")]


# --- A clock that was ahead and is set back --------------------------------------------------------------------------
def test_a_file_that_is_given_after_the_clock_was_set_back_is_imported(give, now):
    first = give("ahead", 60)
    assert runs.execute(first.pk, now=now + 60 * MINUTE).status == "completed"

    assert runs.execute(give("set back", 0).pk, now=now).status == "completed"
    assert runs.execute(give("again", 1).pk, now=now + MINUTE).status == "completed"
    assert title() == "again"


def test_files_that_wait_come_as_they_were_given_though_the_clock_was_set_back(give, now):
    given = [give("first", 60), give("second", 90), give("third", 0)]

    assert due_runs(now=now) == [given[0].pk]
    for each in given:
        assert runs.execute(each.pk, now=now).status == "completed"
    assert title() == "third"


def test_what_was_imported_by_hand_after_the_clock_was_set_back_overtakes_what_waits(give, now):
    old = give("old", 60)
    by_hand("new", now)

    assert runs.execute(old.pk, now=now + MINUTE).error == Overtaken().message
    assert title() == "new"


def test_a_later_import_is_taken_back_first_though_the_clock_was_set_back(give, now):
    first = runs.execute(give("ahead", 60).pk, now=now + 60 * MINUTE)
    later = runs.execute(give("set back", 0).pk, now=now)

    with pytest.raises(Conflict, match="take that one back first"):
        runs.undo(ImportRun.objects.get(pk=first.pk))
    runs.undo(later)
    assert title() == "ahead"


def test_who_is_at_an_import_keeps_it_though_another_begins_by_a_clock_that_was_set_back(project, now):
    running = ImportRun.objects.create(project=project, source="csv", status="running", started_at=now + 60 * MINUTE)

    by_hand("set back", now)

    running.refresh_from_db()
    assert running.started_at == now + 60 * MINUTE


@pytest.mark.parametrize(
    ("status", "source"), [("failed", "csv"), ("undone", "csv"), ("queued", "csv"), ("completed", "jira")]
)
def test_what_wrote_nothing_or_comes_from_elsewhere_overtakes_nobody(give, project, now, status, source):
    old = give("old", 0)
    ImportRun.objects.create(project=project, status=status, source=source, created_at=now + MINUTE)

    assert runs.execute(old.pk, now=now + 2 * MINUTE).status == "completed"
    assert title() == "old"


def test_files_of_two_kinds_are_of_two_sources(give):
    assert [give("one", 0, name=name).source for name in ("a.csv", "b.JSONL", "c.ndjson", "d")] == [
        "csv", "jsonlines", "jsonlines", "csv"
    ]  # fmt: skip
