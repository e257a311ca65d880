"""Whoever presses Ctrl-C reads what is done by then and what is left, and the code is that of an interrupt."""

import os
import signal

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection

from apps.accounts.tests.factories import UserFactory
from apps.ml.tests.factories import MLModelFactory
from apps.projects.tests.factories import IssueFactory, TeamMemberFactory
from apps.upkeep import alone, erasing, unfinished
from apps.upkeep.models import ErasureRecord
from manage import CommandLine

pytestmark = [
    pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model_store_dir", "no_training_begins")
]  # fmt: skip
EMAIL, NAME = "ann@example.com", "Ann Smith"
LATER, NOTHING, ALL = "first part erased is gone for good", "The database is as before", "All is erased, and proven"
#: In whose midst, and what is done by then.
PLACES = [
    ((erasing, "take_away"), NOTHING), ((erasing, "wait_for_questions"), LATER),
    ((erasing, "is_concluded"), ALL),
]  # fmt: skip


@pytest.fixture
def commands():
    team = TeamMemberFactory(user=UserFactory(email=EMAIL, full_name=NAME)).project
    IssueFactory(project=team, title=f"Ask {NAME}")
    MLModelFactory(project=None, is_active=True)
    return {"erase_person": EMAIL, "erase_project": team.key}


@pytest.fixture
def stopped(monkeypatch):
    """Runs a command with an interrupt at the end of a step; with which code it ends."""

    def stopped(place, *command):
        def breaks(*given, **more):
            true(*given, **more)
            raise KeyboardInterrupt

        true = getattr(*place)
        with monkeypatch.context() as patched:
            patched.setattr(*place, breaks)
            with pytest.raises(SystemExit) as end:
                CommandLine(["manage.py", *command]).execute()
        return end.value.code

    return stopped


@pytest.mark.parametrize("command", ["erase_person", "erase_project"])
@pytest.mark.parametrize("at", PLACES, ids=[name for (_, name), _ in PLACES])
def test_it_says_what_is_done_and_ends_as_an_interrupt(stopped, commands, capsys, command, at):
    place, done = at

    assert stopped(place, command, commands[command]) == 130

    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith("Stopped. ")
    assert done in said
    assert ("run the command again" in said) == (done != ALL)
    assert not any(text in said for text in (EMAIL, NAME))
    if done != ALL:
        call_command(command, commands[command])
    assert ErasureRecord.objects.get().unfinished is None


@pytest.mark.usefixtures("commands")
def test_whoever_stops_it_while_files_are_emptied_reads_that_all_is_erased(stopped, capsys):
    assert stopped((alone, "_pages_left"), "erase_person", EMAIL) == 130

    assert ALL in capsys.readouterr().err


@pytest.mark.usefixtures("commands")
@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL calls no functions of ours")
def test_whoever_stops_a_search_that_the_database_asks_us_for_reads_the_same(monkeypatch, capsys):
    """SQLite takes whatever a function raises for a fault of its own."""

    def searched(*_):
        connection.connection.create_function("stopped", 0, lambda: os.kill(os.getpid(), signal.SIGINT))
        with connection.cursor() as cursor:
            cursor.execute("SELECT stopped()")

    monkeypatch.setattr(erasing, "is_concluded", lambda *_, **__: searched())
    # In a background of a shell it is another one.
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as end:
        CommandLine(["manage.py", "erase_person", EMAIL]).execute()

    assert end.value.code == 130
    assert LATER in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.usefixtures("commands")
def test_an_erasure_of_before_is_not_taken_for_this_one(stopped, capsys):
    call_command("erase_person", EMAIL)
    TeamMemberFactory(user=UserFactory(email=EMAIL, full_name=NAME))

    stopped((erasing, "take_away"), "erase_person", EMAIL)

    assert NOTHING in capsys.readouterr().err


def test_where_the_database_is_away_by_then_it_says_that_it_cannot_tell(stopped, commands, capsys, monkeypatch):
    def away(kind, name):
        raise OperationalError("the server is away")

    monkeypatch.setattr(erasing, "wait_for_questions", lambda: monkeypatch.setattr(unfinished, "unfinished_of", away))

    assert stopped((erasing, "wait_for_questions"), "erase_project", commands["erase_project"]) == 130

    said = capsys.readouterr().err
    assert "the server is away" in said
    assert "cannot be told: run the command again" in said
