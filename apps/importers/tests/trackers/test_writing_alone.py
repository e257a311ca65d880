"""Figures are written after an import in its turn, for as long as that may take; and by one process at a time."""

import random
from datetime import timedelta
from functools import partial
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.common.exceptions import Conflict
from apps.importers import runs, waiting, write_back
from apps.importers.connections import alone_at, client_for
from apps.importers.models import Connection, ImportRun, WriteBack
from apps.importers.sources.writers import Target
from apps.importers.tests.trackers import jira_site
from apps.importers.tests.trackers.server import Reply
from apps.importers.waiting import LOST_AFTER, Turns, origin_of
from apps.importers.write_back import WriteReport, carry_out, prepared, steps_of
from apps.projects.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
COUNTS = {"written": 0, "kept": 0, "refused": 0, "left": 0, "ended_by": ""}


@pytest.fixture
def switched_on(linked, site, served, hours):
    """Hours of two issues, written after every import, which finishes the first of them."""
    served.answer = lambda request: site(request) if "/issue/" in request.path else jira_site.cloud(request)
    hours.update({"A-1": "3", "A-2": "5"})
    return WriteBack.objects.create(
        project=linked.project, place=linked.place, connection=linked, figure="hours", label="ml-hours:",
        is_active=True,
    )  # fmt: skip


@pytest.fixture
def imported(linked, lead, now):
    """An import, with what is written after it."""

    def run():
        return runs.execute(runs.ask_sync(linked, by=lead, now=now).pk, now=now)

    return run


@pytest.fixture
def slept(monkeypatch):
    """Pauses that would be made."""
    found = []
    monkeypatch.setattr(write_back, "client_for", partial(client_for, sleep=found.append))
    return found


def limited(served, seconds, *, times=99):
    """Writes are answered so often with a limit."""
    answer, left = served.answer, [None] * times

    def limit(request):
        if request.method == "PUT" and left:
            left.pop()
            return Reply(status=429, headers={"Retry-After": str(seconds)})
        return answer(request)

    served.answer = limit


def written(told, now):
    return carry_out(told, steps_of(told, now=now), now=now, rng=random.Random(0))


# --- In the import's turn ---------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("switched_on")
def test_while_figures_are_written_the_turn_of_their_import_is_taken(imported, linked, lead, monkeypatch, now):
    seen, carried_out = [], write_back.carry_out

    def look(*args, **options):
        other = ImportRun.objects.create(project=ProjectFactory(), source="csv", created_by=lead)
        same = ImportRun.objects.create(project=linked.project, source="csv")
        turns = Turns.at(timezone.now())
        room = [turns.has_room_for(origin_of(each.pk)) for each in (other, same)]
        seen.append((room, turns.trackers, runs.last_sign_of_life() is not None))
        return carried_out(*args, **options)

    monkeypatch.setattr(write_back, "carry_out", look)
    # By the clock, as workers have it.
    run = runs.execute(runs.ask_sync(linked, by=lead, now=timezone.now()).pk, now=timezone.now())

    assert seen == [([False, False], 1, True)]
    assert (run.status, run.report["written_back"]) == ("completed", COUNTS | {"written": 1})
    assert Turns.at(timezone.now()) == Turns()


@pytest.mark.usefixtures("switched_on")
def test_a_tracker_that_wants_hours_is_left_and_how_much_is_left_is_told(imported, served, slept, caplog):
    limited(served, 3_000)

    run = imported()

    assert (run.status, slept) == ("completed", [])
    assert run.report["written_back"] == COUNTS | {"left": 1, "ended_by": "budget_spent"}
    assert "budget_spent" in caplog.text


def test_all_figures_together_wait_no_longer_than_one_minute(imported, served, switched_on, slept, monkeypatch):
    monkeypatch.setitem(write_back.FIGURES, "points", write_back.FIGURES["hours"])
    WriteBack.objects.create(
        project=switched_on.project, place=switched_on.place, connection=switched_on.connected, figure="points",
        label="ml-points:", is_active=True,
    )  # fmt: skip
    limited(served, 25)

    run = imported()

    assert sum(slept) == 50
    assert run.report["written_back"]["ended_by"] == "budget_spent"


@pytest.mark.usefixtures("switched_on")
def test_what_is_not_written_in_time_is_left_for_the_next_import(imported, monkeypatch, site):
    monkeypatch.setattr(write_back, "AFTER_IMPORT_SECONDS", -1.0)

    assert imported().report["written_back"] == COUNTS | {"left": 1, "ended_by": "budget_spent"}
    assert site.changes == []


@pytest.mark.usefixtures("switched_on")
def test_what_two_workers_died_of_the_third_leaves(imported, linked, lead, site, now):
    run = runs.ask_sync(linked, by=lead, now=now)
    ImportRun.objects.filter(pk=run.pk).update(attempts=runs.MOST_ATTEMPTS - 1)

    run = runs.execute(run.pk, now=now)

    assert (run.status, run.report["written_back"]) == ("completed", COUNTS | {"ended_by": "workers_died"})
    assert site.changes == []


def test_where_nothing_is_switched_on_nothing_is_told(imported, switched_on):
    WriteBack.objects.update(is_active=False)

    assert "written_back" not in imported().report


# --- One at a time ----------------------------------------------------------------------------------------------------
def test_who_writes_by_a_connection_keeps_others_out_who_are_told(switched_on, linked, site, now):
    with alone_at(linked):
        with pytest.raises(Conflict, match=r"Since \d\d:\d\d UTC a command write_back writes figures"):
            written(switched_on, now)
        with pytest.raises(CommandError, match="write when that is over"):
            call_command("write_back", "SHOP", "hours", "--label", "ml-hours:", "--write", stdout=StringIO())
    assert site.changes == []

    switched_on.refresh_from_db()
    assert written(switched_on, now).written == 2


def test_a_command_beside_an_import_is_told_that_it_is_one(switched_on, imported, monkeypatch, now):
    told, written_one = [], write_back._written

    def beside(*args):
        with pytest.raises(Conflict) as refused:
            written(switched_on, now)
        told.append(refused.value.message)
        written_one(*args)

    monkeypatch.setattr(write_back, "_written", beside)
    monkeypatch.setattr(waiting, "CLOCKS_DIFFER", timedelta(days=36_500))

    assert imported().report["written_back"]["written"] == 1
    assert ["an import writes figures by this connection" in each for each in told] == [True]


def test_an_import_beside_a_command_is_completed_and_leaves_it_to_that(switched_on, imported, linked, site):
    with alone_at(linked):
        run = imported()

    assert (run.status, run.report["written_back"]["ended_by"]) == ("completed", "conflict")
    assert site.changes == []


@pytest.mark.parametrize("off", [-LOST_AFTER - timedelta(minutes=1), timedelta(hours=1)], ids=["silent", "ahead"])
def test_a_process_that_was_killed_keeps_nobody_out(off, switched_on, now):
    Connection.objects.update(writing_since=now, writing_seen_at=timezone.now() + off)

    assert written(switched_on, now).written == 2
    assert Connection.objects.get().writing_since is None


def test_whose_place_another_took_writes_nothing_more(switched_on, site, now, monkeypatch):
    written_one = write_back._written

    def and_then(*args):
        written_one(*args)
        Connection.objects.update(writing_since=now)

    monkeypatch.setattr(write_back, "_written", and_then)

    with pytest.raises(Conflict, match="another writes by it"):
        written(switched_on, now)

    assert len(site.changes) == 1
    assert Connection.objects.get().writing_since == now, "It is the other's."


def test_whatever_ends_it_lets_others_in(switched_on, linked, served, now):
    limited(served, 10_000)
    report = WriteReport()
    with pytest.raises(write_back.BudgetSpent):
        carry_out(switched_on, steps_of(switched_on, now=now), now=now, rng=random.Random(0), report=report)

    assert (report.written, report.left) == (0, 2)
    assert Connection.objects.get().writing_since is None


def test_the_command_tells_what_is_left(linked, served, hours):
    limited(served, 10_000)
    out = StringIO()

    with pytest.raises(CommandError, match="wants us to wait 10,000 s"):
        call_command("write_back", "SHOP", "hours", "--field", "customfield_9", "--write", stdout=out)

    assert "0 issues written into customfield_9. Left for the next time: 2." in out.getvalue()
    assert prepared(linked, "hours", Target(field="customfield_9")).written.count() == 0
