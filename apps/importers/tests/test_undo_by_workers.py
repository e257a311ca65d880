"""A large import is taken back by a worker: batch by batch, each whole, and never twice."""

from datetime import timedelta

import pytest
from django.db import OperationalError, transaction
from rest_framework.test import APIClient

from apps.accounts.tests.factories import UserFactory
from apps.common.exceptions import Conflict
from apps.importers import runs
from apps.importers.models import ImportRun
from apps.importers.records import ImportedIssue
from apps.importers.services import import_issues
from apps.importers.sources.csv.columns import SYNONYMS
from apps.importers.tests.snapshots import CREATED, everything
from apps.importers.undoing import batches, taking_back
from apps.importers.undoing.rows_back import take_rows_back
from apps.importers.waiting import LOST_AFTER, due_runs
from apps.projects.models import Issue, Sprint
from apps.projects.services import update_issue
from apps.projects.tests.factories import SprintFactory, TeamMemberFactory
from apps.projects.tests.leaving import WAYS

pytestmark = pytest.mark.django_db
LATER = 2 * LOST_AFTER


@pytest.fixture(autouse=True)
def sent(monkeypatch, by_ones):
    """Everything is large, and no worker is there but who is called."""
    monkeypatch.setattr(runs, "MOST_ROWS_AT_ONCE", 0)
    found = []
    monkeypatch.setattr("apps.importers.viewsets.send", found.extend)
    return found


@pytest.fixture
def lead():
    return TeamMemberFactory(role="lead", project__key="SHOP")


@pytest.fixture
def client(lead):
    client = APIClient()
    client.force_authenticate(lead.user)
    return client


@pytest.fixture
def load(lead, now):
    days = iter(range(99))

    def load(**issues):
        at = now - timedelta(days=99 - next(days))
        common = {"created_at": CREATED, "status": "To do", "issue_type": "story", "line": 2}
        rows = [
            ImportedIssue(external_id=key, **({"title": f"Title of {key}"} | common | said))
            for key, said in issues.items()
        ]
        report = import_issues(rows, project_key="SHOP", mapped=frozenset(SYNONYMS), now=at)
        ImportRun.objects.filter(pk=report.import_id).update(created_at=at, started_at=at)
        return ImportRun.objects.get(pk=report.import_id)

    return load


@pytest.fixture
def second(load):
    """Changed three issues and made two, one a part of the other, with a sprint of its own."""
    load(A={}, B={}, C={"title": "Old"})
    return load(A={"title": "New"}, B={"parent": "D"}, C={"title": "New"}, D={}, E={"parent": "D", "sprint": "One"})


def asked(run, by, now):
    assert runs.ask_undo(run, by=by, now=now) is None
    return run


def killed_after(n_batches, run, monkeypatch, now):
    """A worker that is killed in the midst of the batch after so many."""
    whole, batch = iter(range(n_batches)), batches.rows_of

    def rows_of(run):
        if next(whole, None) is None:
            raise SystemExit
        return batch(run)

    with monkeypatch.context() as patch:
        patch.setattr(batches, "rows_of", rows_of)
        with pytest.raises(SystemExit):
            runs.execute(run.pk, now=now)
    # By the clock of these stories.
    ImportRun.objects.filter(pk=run.pk).update(seen_at=now)


# --- Asked for ----------------------------------------------------------------------------------------------------
def test_who_asks_is_told_where_to_follow_it_and_there_how_it_ended(
    client, second, now, sent, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(f"/api/v1/imports/{second.pk}/undo/")
    n_rows = second.touches.count() + second.traces.count()

    assert (answer.status_code, answer.json()["status"]) == (202, "undoing")
    told = {"rows": n_rows, "rows_left": n_rows, "kept": 0, "error": ""}
    assert {name: answer.json()["taking_back"][name] for name in told} == told
    assert sent == [second.pk]
    update_issue(Issue.objects.get(external_id="A"), by=None, now=now, title="By hand")
    assert runs.execute(second.pk, now=now).status == "undone"
    found = client.get(answer["Location"]).json()
    assert (found["status"], found["taking_back"]["rows_left"], found["taking_back"]["kept"]) == ("undone", 0, 1)


def test_a_small_one_is_taken_back_at_once_and_answered_as_ever(client, second, sent, monkeypatch):
    monkeypatch.setattr(runs, "MOST_ROWS_AT_ONCE", 1_000)

    answer = client.post(f"/api/v1/imports/{second.pk}/undo/")

    assert (answer.status_code, answer.json(), sent) == (200, {"kept": 0}, [])
    assert client.get(f"/api/v1/imports/{second.pk}/").json()["taking_back"]["rows_left"] == 0


def test_who_asks_again_meanwhile_is_told_how_far_it_is(client, second, lead, now, monkeypatch):
    asked(second, lead.user, now)
    killed_after(2, second, monkeypatch, now)

    answer = client.post(f"/api/v1/imports/{second.pk}/undo/")

    back = answer.json()["taking_back"]
    assert answer.status_code == 202
    assert 0 < back["rows_left"] < back["rows"]


def test_while_another_import_of_the_project_runs_it_is_refused(second, lead, now):
    other = runs.ask_upload(lead.project, name="a.csv", content=b"id,title\n", by=lead.user, now=now)
    ImportRun.objects.filter(pk=other.pk).update(status="running", started_at=now, seen_at=now)

    with pytest.raises(Conflict, match="Another import of this project runs"):
        runs.ask_undo(second, by=lead.user, now=now)


# --- Carried out --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("n_batches", range(6))
def test_where_a_worker_was_killed_another_goes_on(load, lead, now, n_batches, monkeypatch):
    load(A={}, B={}, C={"title": "Old"})
    before = everything()
    second = load(A={"title": "New"}, B={"parent": "D"}, C={"title": "New"}, D={}, E={"parent": "D", "sprint": "One"})
    asked(second, lead.user, now)

    killed_after(n_batches, second, monkeypatch, now)

    # A batch is whole or not there; the next worker does those that are left, and no other.
    second.refresh_from_db()
    assert second.status == "undoing"
    assert due_runs(now=now) == []
    assert due_runs(now=now + LATER) == [second.pk]
    left = second.touches.values("issue").distinct().count()
    assert left == max(5 - n_batches, 0)
    done = []
    for name in ("put_changed_back", "take_made_back"):
        true = getattr(taking_back, name)
        phases = tuple(_counted(true, done) if phase is true else phase for phase in batches.PHASES)
        monkeypatch.setattr(batches, "PHASES", phases)
    assert runs.execute(second.pk, now=now + LATER).status == "undone"
    assert len(done) == left
    assert everything() == before


def _counted(phase, done):
    def counted(*given):
        kept = phase(*given)
        done.extend([kept] if kept is not None else [])
        return kept

    return counted


def test_a_worker_that_was_taken_for_dead_does_nothing_more(second, lead, now, monkeypatch):
    asked(second, lead.user, now)
    true, told = batches.rows_of, []

    def while_another_begins(run):
        if not told:
            told.append(None)
            with transaction.atomic():
                batches.claim(ImportRun.objects.get(pk=second.pk), now + LATER)
        return true(run)

    monkeypatch.setattr(batches, "rows_of", while_another_begins)

    assert runs.execute(second.pk, now=now) is None
    assert second.touches.values("issue").distinct().count() == 4
    assert runs.execute(second.pk, now=now + 2 * LATER).status == "undone"


def test_what_kills_three_workers_at_the_same_batch_is_stopped_and_told_and_can_be_asked_for_again(
    second, lead, client, now, monkeypatch
):
    asked(second, lead.user, now)
    killed_after(2, second, monkeypatch, now)
    for n in range(1, runs.MOST_ATTEMPTS):
        killed_after(0, second, monkeypatch, now + n * LATER)

    stopped = runs.execute(second.pk, now=now + 9 * LATER)

    assert (stopped.status, stopped.error) == ("failed", runs.WORKERS_DIED_UNDOING)
    back = client.get(f"/api/v1/imports/{second.pk}/").json()["taking_back"]
    assert (back["error"], 0 < back["rows_left"] < back["rows"]) == (runs.WORKERS_DIED_UNDOING, True)
    assert due_runs(now=now + 99 * LATER) == []
    asked(second, lead.user, now)
    done = runs.execute(second.pk, now=now)
    assert (done.status, done.error, done.taking_back.error) == ("undone", "", "")
    assert done.taking_back.rows == back["rows"]


@pytest.fixture
def of_earlier(lead, now):
    """Nothing tells of its issues any more, since somebody deleted them, and of its sprint only that it was."""
    return ImportRun.objects.create(
        project=lead.project, source="csv", status="completed", created_at=now, started_at=now,
        sprint_ids=[str(SprintFactory(project=lead.project).pk)],
    )  # fmt: skip


def test_an_import_of_earlier_of_which_only_sprints_are_left_is_taken_back(of_earlier, now):
    done = runs.undo_here(of_earlier, now=now)

    assert (done.status, done.taking_back.rows, done.taking_back.rows_left) == ("undone", 1, 0)
    assert not Sprint.objects.exists()


def test_a_last_batch_that_is_refused_once_is_tried_again_with_its_sprints(of_earlier, now, monkeypatch):
    refusals = iter([Conflict("A moment.")])

    def and_is_refused(run, back):
        kept = take_rows_back(run, back)
        for refusal in refusals:
            raise refusal
        return kept

    monkeypatch.setattr(batches, "PHASES", (*batches.PHASES[:-1], and_is_refused))

    assert runs.undo_here(of_earlier, now=now).status == "undone"
    assert not Sprint.objects.exists()


def test_a_database_that_is_away_puts_it_off(second, lead, now, monkeypatch):
    asked(second, lead.user, now)

    def away(run):
        raise OperationalError("terminating connection due to administrator command")

    with monkeypatch.context() as patch:
        patch.setattr(batches, "lock_rows", away)
        patch.setattr(runs, "close_old_connections", lambda: None)
        assert runs.execute(second.pk, now=now) is None

    assert due_runs(now=now) == [second.pk]
    assert runs.execute(second.pk, now=now).status == "undone"


def test_a_fault_of_ours_is_told_as_such_and_leaves_nothing_running(second, lead, now, monkeypatch):
    asked(second, lead.user, now)
    monkeypatch.setattr(batches, "PHASES", (lambda *given: 1 / 0,))

    stopped = runs.execute(second.pk, now=now)

    assert (stopped.status, stopped.error, stopped.taking_back.error) == ("completed", "", runs.OUR_FAULT)
    assert due_runs(now=now + LATER) == []


@pytest.mark.parametrize("left", WAYS)
def test_what_somebody_asked_for_who_leads_the_project_no_more_is_not_taken_back(second, lead, now, left):
    other = TeamMemberFactory(project=lead.project, role="lead")
    asked(second, lead.user, now)
    WAYS[left](lead)
    before = everything()

    stopped = runs.execute(second.pk, now=now)

    assert (stopped.status, stopped.taking_back.error) == ("completed", batches.NO_LEAD)
    assert everything() == before
    asked(second, other.user, now)
    assert runs.execute(second.pk, now=now).status == "undone"


def test_an_import_that_changed_names_and_is_stopped_in_its_midst_has_failed(load, lead, now, monkeypatch):
    """Its issues keep an entry each until the turn of names comes: what is done already is told all the same."""
    load(A={"source_id": "1"}, B={"source_id": "2"}, C={"source_id": "3"})
    before = everything()["Issue"]
    second = load(**{key: {"source_id": n, "title": "New"} for key, n in (("X", "1"), ("Y", "2"), ("Z", "3"))})
    asked(second, lead.user, now)
    killed_after(2, second, monkeypatch, now)
    WAYS["no lead any more"](lead)

    stopped = runs.execute(second.pk, now=now + LATER)

    assert (stopped.status, stopped.taking_back.rows_left) == ("failed", stopped.taking_back.rows - 1)
    asked(second, TeamMemberFactory(project=lead.project, role="lead").user, now + LATER)
    assert runs.execute(second.pk, now=now + LATER).status == "undone"
    assert everything()["Issue"] == before


# --- Beside other imports -----------------------------------------------------------------------------------------
def test_an_import_of_the_same_project_waits_until_it_is_taken_back(second, lead, now):
    content = b"id,title,created\nF,x,2026-01-05\n"
    asked(second, lead.user, now)
    by = UserFactory(is_superuser=True)
    waits = runs.ask_upload(lead.project, name="a.csv", content=content, by=by, now=now - timedelta(days=1))

    assert due_runs(now=now) == [second.pk]
    assert runs.execute(waits.pk, now=now) is None
    runs.execute(second.pk, now=now)
    assert due_runs(now=now, behind=second.pk) == [waits.pk]
    assert runs.execute(waits.pk, now=now).status == "completed"


def test_an_import_by_a_command_is_refused_meanwhile(second, load, lead, now):
    asked(second, lead.user, now)

    with pytest.raises(Conflict, match="is being taken back"):
        load(Z={})
    assert not Issue.objects.filter(external_id="Z").exists()
