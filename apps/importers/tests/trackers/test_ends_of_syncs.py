"""What is done to a connection while an import by it runs, which may be hours, is still so when that has ended."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.accounts.tests.factories import UserFactory
from apps.common.exceptions import Conflict
from apps.importers import connections, runs, syncing
from apps.importers.boxes import opened
from apps.importers.connections import change, forget_tokens
from apps.importers.models import Connection, ImportRun
from apps.projects.models import Issue, TeamMember
from apps.projects.tests.factories import TeamMemberFactory

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def execute(connection, now):
    return runs.execute(runs.ask_sync(connection, by=None, now=now).pk, now=now)


def row(connection):
    return Connection.objects.get(pk=connection.pk)


@pytest.fixture
def meanwhile(monkeypatch):
    """Does something after the next import has written everything, and before it has ended."""

    def meanwhile(action):
        written = syncing.import_told

        def and_then(*args, **options):
            report = written(*args, **options)
            monkeypatch.setattr(connections, "import_told", written)
            action()
            return report

        monkeypatch.setattr(connections, "import_told", and_then)

    return meanwhile


# --- Tokens -----------------------------------------------------------------------------------------------------------
def test_a_token_that_is_given_while_an_import_runs_stays(connection, meanwhile, now):
    other = TeamMemberFactory(project=connection.project, role=TeamMember.Role.LEAD).user
    meanwhile(lambda: change(row(connection), by=other, token="new-token"))

    assert execute(connection, now).status == "completed"

    left = row(connection)
    assert (opened(left.sealed_token), left.created_by, left.synced_until) == ("new-token", other, now)


def test_a_token_that_an_erasure_lets_go_while_an_import_runs_stays_gone(connection, meanwhile, now):
    meanwhile(lambda: forget_tokens(given_by=[], is_meant=lambda token: True))

    execute(connection, now)

    assert row(connection).sealed_token == ""


# --- Taken back -------------------------------------------------------------------------------------------------------
def test_an_import_is_not_taken_back_while_the_next_one_runs(connection, meanwhile, now):
    first, refused = execute(connection, now), []

    def take_back():
        with pytest.raises(Conflict, match="Another import of this project runs") as refusal:
            runs.ask_undo(ImportRun.objects.get(pk=first.pk), by=None, now=timezone.now())
        refused.append(refusal)

    meanwhile(take_back)

    assert execute(connection, now + HOUR).status == "completed"

    assert refused
    assert Issue.objects.count() == 4


def test_what_was_taken_back_while_the_next_import_gave_no_sign_of_life_comes_again(connection, meanwhile, now):
    first = execute(connection, now)

    def take_back():
        silent = ImportRun.objects.filter(status="running")
        seen_at = silent.get().seen_at
        silent.update(seen_at=now - HOUR)
        assert runs.undo(ImportRun.objects.get(pk=first.pk)) == 0
        silent.update(seen_at=seen_at)

    meanwhile(take_back)
    assert execute(connection, now + HOUR).status == "completed"
    assert (row(connection).synced_until, Issue.objects.count()) == (None, 0)

    assert execute(connection, now + 2 * HOUR).report["new"] == 4
    assert row(connection).synced_until == now + 2 * HOUR


def test_what_was_taken_back_while_the_first_whole_import_was_silent_comes_again(connection, meanwhile, now):
    """The connection says nothing before and after: that an import was taken back is told by this alone."""
    first = execute(connection, now)
    Connection.objects.update(synced_until=None)

    def take_back():
        silent = ImportRun.objects.filter(status="running")
        silent.update(seen_at=now - HOUR)
        assert runs.undo(ImportRun.objects.get(pk=first.pk)) == 0

    meanwhile(take_back)
    execute(connection, now + HOUR)

    assert row(connection).synced_until is None


# --- Deleted, switched off --------------------------------------------------------------------------------------------
def failed_for_want_of_its_connection(run, caplog):
    assert not [record for record in caplog.records if record.exc_info]
    return (run.status, run.error.partition(":")[0]) == ("failed", "Its connection was deleted while it ran")


def test_a_connection_that_is_deleted_at_the_end_of_an_import_fails_it_and_it_is_taken_back(
    connection, meanwhile, now, caplog
):
    meanwhile(row(connection).delete)

    run = execute(connection, now)

    assert failed_for_want_of_its_connection(run, caplog)
    assert Issue.objects.count() == 4
    assert runs.undo(run) == 0
    assert not Issue.objects.exists()


def test_a_connection_that_is_deleted_in_the_midst_of_an_import_brings_no_further_batch(
    connection, now, caplog, monkeypatch
):
    written = syncing._write
    monkeypatch.setattr(syncing, "BATCH_ISSUES", 1)

    def between(*args):
        written(*args)
        Connection.objects.all().delete()

    monkeypatch.setattr(syncing, "_write", between)

    assert failed_for_want_of_its_connection(execute(connection, now), caplog)
    assert Issue.objects.count() == 1


def test_a_connection_that_is_switched_off_while_an_import_runs_stays_off_and_as_far_as_it_was(
    connection, meanwhile, now
):
    meanwhile(lambda: change(row(connection), by=UserFactory(), is_active=False))

    assert execute(connection, now).status == "completed"

    assert (row(connection).is_active, row(connection).synced_until) == (False, None)
