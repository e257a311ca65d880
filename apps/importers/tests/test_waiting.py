"""Of one person, or of one project, no number of imports keeps those of others waiting, or fills the disk."""

from datetime import timedelta

import pytest
from django.db import InterfaceError, OperationalError

from apps.accounts.tests.factories import UserFactory
from apps.common.exceptions import Conflict
from apps.importers import runs, tasks, waiting
from apps.importers.models import Connection, ImportRun
from apps.importers.waiting import due_runs
from apps.importers.writing.batches import BatchWriter
from apps.projects.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def ask(now):
    def ask(*, by, project=None, content=b"id,title\nA-1,x\n", minutes=0, **more):
        project = project or ProjectFactory()
        return runs.ask_upload(project, name="a.csv", content=content, by=by, now=now + minutes * MINUTE, **more)

    return ask


@pytest.fixture
def many():
    return UserFactory(is_superuser=True)


@pytest.fixture
def other():
    return UserFactory(is_superuser=True)


def test_of_a_person_with_many_one_is_sent_and_everybody_elses_first_beside_it(ask, many, other, now):
    first, *_ = [ask(by=many, minutes=minutes) for minutes in range(5)]
    late = ask(by=other, minutes=10)

    assert due_runs(now=now) == [first.pk, late.pk]


def test_what_cannot_begin_is_not_sent(ask, many, other, now):
    project = ProjectFactory()
    running = ask(by=many)
    ImportRun.objects.filter(pk=running.pk).update(status="running", seen_at=now)
    ask(by=many)
    ask(by=other, project=running.project)
    free = ask(by=other, project=project, minutes=1)
    ask(by=UserFactory(is_superuser=True), project=project, minutes=2)

    assert due_runs(now=now) == [free.pk]


def test_a_minute_sends_no_more_than_workers_can_carry_out(ask, now):
    for _ in range(waiting.MOST_SENT + 5):
        ask(by=UserFactory(is_superuser=True))

    assert len(due_runs(now=now)) == waiting.MOST_SENT


def test_what_waited_for_one_import_is_sent_when_it_is_over_and_nothing_else(ask, many, other, now, monkeypatch):
    sent = []
    monkeypatch.setattr(tasks.run_import, "apply_async", lambda args, **options: sent.append((args, options)))
    done, same_person = ask(by=many), ask(by=many, minutes=1)
    ask(by=many, minutes=2)
    same_project = ask(by=other, project=done.project, minutes=3)
    ask(by=UserFactory(is_superuser=True), minutes=4)

    tasks.run_import(str(done.pk))

    assert [args for args, _ in sent] == [(str(same_person.pk),), (str(same_project.pk),)]
    # The minute sends again what is still waiting: messages that nobody reads heap up nowhere.
    assert {options["expires"] for _, options in sent} == {tasks.SENT_AGAIN_SECONDS}
    sent.clear()
    tasks.run_import(str(done.pk))
    assert sent == [], "it was done already"


def test_one_import_too_many_is_refused_with_what_to_do(ask, many, other):
    for _ in range(waiting.MOST_WAITING):
        ask(by=many)

    with pytest.raises(Conflict, match="ask again when some of them are done"):
        ask(by=many)
    assert ask(by=other)


def test_files_that_were_tried_make_room_for_new_ones_and_those_that_wait_do_not(ask, many, other, monkeypatch):
    monkeypatch.setattr(waiting, "MOST_KEPT_BYTES", 100)
    tried = [ask(by=many, content=b"x" * 40, is_dry_run=True, minutes=minutes) for minutes in range(2)]
    ImportRun.objects.update(status="completed")

    waits = ask(by=many, content=b"x" * 60, minutes=2)

    assert kept(tried[1], waits) == [True, True]
    assert kept(tried[0]) == [False]
    ask(by=many, content=b"x" * 40, minutes=3)
    with pytest.raises(Conflict, match="too large together"):
        ask(by=many, content=b"x", minutes=4)
    assert ask(by=other, content=b"x" * 100)


def test_what_was_let_go_for_a_file_that_is_refused_is_kept(ask, many, monkeypatch):
    monkeypatch.setattr(waiting, "MOST_KEPT_BYTES", 100)
    ask(by=many, content=b"x" * 80)
    tried = ask(by=many, content=b"x" * 20, is_dry_run=True)
    ImportRun.objects.filter(pk=tried.pk).update(status="completed")

    with pytest.raises(Conflict):
        ask(by=many, content=b"x" * 50)

    assert kept(tried) == [True]


def test_all_files_together_leave_room_on_the_disk(ask, monkeypatch):
    monkeypatch.setattr(waiting, "MOST_KEPT_BYTES_OF_ALL", 100)
    for _ in range(2):
        ask(by=UserFactory(is_superuser=True), content=b"x" * 50)

    with pytest.raises(Conflict, match="this installation"):
        ask(by=UserFactory(is_superuser=True), content=b"x")


def test_files_that_others_only_tried_refuse_nobody(ask, other, monkeypatch):
    monkeypatch.setattr(waiting, "MOST_KEPT_BYTES_OF_ALL", 100)
    tried = [
        ask(by=UserFactory(is_superuser=True), content=b"x" * 50, is_dry_run=True, minutes=minutes)
        for minutes in range(2)
    ]
    ImportRun.objects.update(status="completed")

    waits = ask(by=other, content=b"x", minutes=2)

    assert kept(*tried, waits) == [False, True, True]


def test_a_file_that_is_asked_for_again_is_counted_once(ask, many, now, monkeypatch):
    monkeypatch.setattr(waiting, "MOST_KEPT_BYTES", 100)
    tried = ask(by=many, content=b"x" * 80, is_dry_run=True)
    ImportRun.objects.update(status="completed")

    again = runs.ask_again(tried, by=many, now=now)

    assert kept(tried, again) == [False, True]


def test_a_file_is_asked_for_again_as_it_is_and_not_as_it_was_read(ask, many, now):
    tried = ask(by=many, content=b"x" * 80, is_dry_run=True)
    ImportRun.objects.update(status="completed", upload=None)

    with pytest.raises(Conflict, match="gone"):
        runs.ask_again(tried, by=many, now=now)

    assert ImportRun.objects.count() == 1


def connected() -> Connection:
    """A project's place in a tracker, given by somebody of its own."""
    return Connection.objects.create(
        project=ProjectFactory(),
        kind="jira",
        source="jira",
        sealed_token="sealed",
        created_by=UserFactory(is_superuser=True),
    )


def kept(*asked: ImportRun) -> list[bool]:
    return [ImportRun.objects.get(pk=run.pk).upload is not None for run in asked]


def test_what_killed_three_workers_is_not_given_to_a_fourth(ask, many, now):
    run = ask(by=many)
    ImportRun.objects.filter(pk=run.pk).update(status="running", seen_at=now, attempts=runs.MOST_ATTEMPTS)

    ended = runs.execute(run.pk, now=now + 3 * MINUTE)

    assert (ended.status, ended.error) == ("failed", runs.WORKERS_DIED)
    assert due_runs(now=now + 10 * MINUTE) == []


def test_two_workers_that_died_leave_an_import_to_a_third(ask, many, now):
    run = ask(by=many)
    ImportRun.objects.filter(pk=run.pk).update(status="running", seen_at=now, attempts=runs.MOST_ATTEMPTS - 1)

    assert runs.execute(run.pk, now=now + 3 * MINUTE).status == "completed"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("fault", "is_dry_run"), [(OperationalError, False), (InterfaceError, False), (OperationalError, True)]
)
def test_a_database_that_is_away_for_a_moment_puts_an_import_off(ask, now, monkeypatch, fault, is_dry_run):
    run, real = (
        ask(by=UserFactory(is_superuser=True), content=b"title,created\nOne,2026-01-05\n", is_dry_run=is_dry_run),
        BatchWriter.write,
    )

    def away(*args):
        raise fault("terminating connection due to administrator command")

    monkeypatch.setattr(BatchWriter, "write", away)
    assert runs.execute(run.pk, now=now) is None
    run.refresh_from_db()
    assert (run.status, run.attempts, run.upload is None) == ("queued", 1, False)

    monkeypatch.setattr(BatchWriter, "write", real)
    ended = runs.execute(run.pk, now=now)

    assert (ended.status, ended.project.issues.count()) == ("completed", 0 if is_dry_run else 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_dry_run", [False, True])
def test_what_a_worker_gives_up_because_it_is_told_to_another_goes_on_with(ask, now, monkeypatch, is_dry_run):
    """As SIGQUIT to a process of it raises: the import has not failed."""
    content = b"title,created\nOne,2026-01-05\n"
    run = ask(by=UserFactory(is_superuser=True), content=content, is_dry_run=is_dry_run)

    def told_to_end(*args):
        raise SystemExit(-253)

    with monkeypatch.context() as ending:
        ending.setattr(BatchWriter, "write", told_to_end)
        with pytest.raises(SystemExit):
            runs.execute(run.pk, now=now)
    run.refresh_from_db()
    assert (run.status, run.error, run.upload is None) == ("queued", "", False)

    ended = runs.execute(run.pk, now=now)

    assert (ended.status, ended.project.issues.count()) == ("completed", 0 if is_dry_run else 1)


def test_a_run_whose_worker_had_a_clock_that_was_ahead_is_lost_and_blocks_nobody(ask, many, now):
    tomorrow = ask(by=many)
    ImportRun.objects.filter(pk=tomorrow.pk).update(status="running", seen_at=now + timedelta(days=1))
    ask(by=many, minutes=1)

    assert due_runs(now=now) == [tomorrow.pk]
    assert runs.execute(tomorrow.pk, now=now).status == "completed"


def test_trackers_that_make_us_wait_leave_places_for_files(ask, many, now):
    for _ in range(waiting.MOST_TRACKERS):
        connection = connected()
        run = runs.ask_sync(connection, by=connection.created_by, now=now)
        ImportRun.objects.filter(pk=run.pk).update(status="running", seen_at=now)
    one_more = runs.ask_sync(connected(), by=None, now=now)
    file = ask(by=many, minutes=1)

    assert due_runs(now=now) == [file.pk]
    assert runs.execute(one_more.pk, now=now) is None
    assert runs.execute(file.pk, now=now).status == "completed"
    ImportRun.objects.filter(status="running").first().delete()
    assert due_runs(now=now) == [one_more.pk]
