"""Two at once at imports, erasures, models, keys and connections, on a database with two writers: nothing is double."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections
from django.utils import timezone

from apps.access.keys import MOST_KEYS, create_key
from apps.access.models import ApiKey
from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.common.exceptions import Conflict
from apps.importers import runs
from apps.importers.connections import connect
from apps.importers.keeping import begun, step
from apps.importers.models import Connection, ImportRun, ImportTouch
from apps.importers.records import Person
from apps.importers.sources.registry import place_of
from apps.importers.undoing import batches, taking_back
from apps.importers.waiting import due_runs
from apps.importers.writing.people import Team
from apps.importers.writing.traces import Traces
from apps.ml.models import MLModel
from apps.ml.services.evaluation.kept_replays import ask_for_replays
from apps.ml.services.models.registry import activate, roll_back
from apps.ml.services.upkeep.installation import neighbours
from apps.ml.tests.factories import MLModelFactory
from apps.notifications.models import Delivery, Webhook
from apps.notifications.services.announcing import ping
from apps.notifications.tests.factories import WebhookFactory
from apps.projects import leads
from apps.projects.models import Issue
from apps.projects.services import create_project
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from apps.upkeep import erasing
from apps.upkeep.backup import backup, restore
from apps.upkeep.erasing import NobodyFound, erase_person
from apps.upkeep.models import ErasureRecord
from apps.upkeep.texts import found_in_database
from tests.at_once import at_once, begun_beside, somebody_waits

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer; the PostgreSQL run has these"),
]
AT_ONCE = 4
#: What a caller is told, and no fault.
ANSWERS = (Conflict, ValidationError, NobodyFound)
FILE = b"id,title,status,assignee\nA-1,Change the label,Done,Ada\nA-2,Change the form,To do,Bob\n"


@pytest.mark.parametrize("attempt", range(3))
def test_the_same_file_twice_at_once_makes_each_issue_once(now, attempt):
    project = ProjectFactory()
    asked = [runs.ask_upload(project, name="a.csv", content=FILE, by=None, now=now) for _ in range(AT_ONCE)]

    first = at_once(*(lambda run=run: runs.execute(run.pk, now=now) for run in asked), answers=ANSWERS)
    # What found another import of the project running waits for the next minute.
    later = [runs.execute(run, now=now) for run in due_runs(now=now)]

    assert {run.status for run in [*first, *later] if run} == {"completed"}
    assert sorted(Issue.objects.values_list("external_id", flat=True)) == ["A-1", "A-2"]
    assert sorted(User.objects.filter(is_placeholder=True).values_list("full_name", flat=True)) == ["Ada", "Bob"]


@pytest.mark.parametrize("attempt", range(3))
@pytest.mark.parametrize("same", [True, False])
def test_two_erasures_at_once_both_end_and_leave_nothing(now, attempt, same, monkeypatch):
    monkeypatch.setattr("apps.upkeep.erasing.send_trainings", lambda run_ids: len(list(run_ids)))
    project = ProjectFactory()
    people = [("ada@example.com", "Ada Lovelace"), ("bob@example.com", "Bob Babbage")]
    for email, name in people:
        TeamMemberFactory(project=project, user=UserFactory(email=email, full_name=name))
        IssueFactory(project=project, title=f"Ask Ada Lovelace and Bob Babbage ({email})")
    asked = [people[0][0]] * 2 if same else [email for email, _ in people]

    answers = at_once(*(lambda email=email: erase_person(email, now=now) for email in asked), answers=ANSWERS)

    assert any(isinstance(answer, ErasureRecord) for answer in answers)
    assert all(isinstance(answer, (ErasureRecord, NobodyFound)) for answer in answers), answers
    gone = people[:1] if same else people
    assert found_in_database([text for each in gone for text in each]) == {}
    assert Issue.objects.count() == len(people)


@pytest.mark.parametrize("attempt", range(3))
def test_roll_backs_at_once_leave_exactly_one_active_model(now, attempt):
    project = ProjectFactory()
    for minute in range(3):
        activate(MLModelFactory(project=project), now=now.replace(minute=minute))

    at_once(*[lambda: roll_back("effort_prediction", project.pk, now=now.replace(minute=9))] * AT_ONCE, answers=ANSWERS)

    assert MLModel.objects.filter(project=project, is_active=True, status="active").count() == 1


@pytest.mark.parametrize("attempt", range(3))
def test_no_more_keys_than_anybody_may_have(now, attempt):
    user = UserFactory()

    def make():
        return create_key(user, name="k", scopes=["read"], project=None, days=1, now=now)

    for _ in range(MOST_KEYS - 2):
        make()
    answers = at_once(*[make] * AT_ONCE, answers=ANSWERS)

    assert [isinstance(answer, Conflict) for answer in answers].count(True) == AT_ONCE - 2
    assert ApiKey.objects.filter(user=user).count() == MOST_KEYS


@pytest.mark.parametrize("attempt", range(3))
def test_no_more_projects_than_anybody_may_make(now, attempt, monkeypatch):
    monkeypatch.setattr(leads, "MOST_PROJECTS", 2)
    user = UserFactory()

    answers = at_once(
        *[lambda n=n: create_project(key=f"P{n}", name="p", by=user, now=now) for n in range(AT_ONCE)], answers=ANSWERS
    )

    assert [isinstance(answer, leads.TooManyProjects) for answer in answers].count(True) == AT_ONCE - 2
    assert user.made_projects.count() == 2


@pytest.mark.parametrize("attempt", range(3))
def test_a_place_is_connected_once(now, attempt):
    project, place = ProjectFactory(), place_of("github", "", "acme/shop")

    answers = at_once(*[lambda: connect(project, place, "t", by=None, now=now)] * AT_ONCE, answers=ANSWERS)

    assert [isinstance(answer, Connection) for answer in answers].count(True) == 1
    assert Connection.objects.count() == 1


@pytest.mark.parametrize("attempt", range(3))
def test_of_tests_of_a_webhook_asked_for_at_once_one_is_sent(now, attempt):
    webhook = WebhookFactory()

    at_once(*[lambda: ping(Webhook.objects.get(pk=webhook.pk), now=now)] * AT_ONCE, answers=ANSWERS)

    assert Delivery.objects.filter(webhook=webhook).count() == 1


@pytest.mark.parametrize("attempt", range(3))
def test_of_replays_asked_for_at_once_one_is_made(now, attempt):
    project = ProjectFactory()

    asked = at_once(*[lambda: ask_for_replays(project.pk, now=now)] * AT_ONCE)

    assert sorted(asked) == [False] * (AT_ONCE - 1) + [True]


@pytest.mark.parametrize("delete", [False, True])
def test_an_import_that_begins_in_an_erasure_and_ends_after_it_leaves_nobody(now, delete, monkeypatch):
    """It is not stopped, since it ran not yet, and sees no record of the erasure, which is not committed."""
    monkeypatch.setattr("apps.upkeep.erasing.send_trainings", lambda run_ids: len(list(run_ids)))
    email, name, project, written = "ada@example.com", "Ada Lovelace", ProjectFactory(), Event()
    ada = UserFactory(email=email, full_name=name)
    true = erasing.forget_what_was_read

    def names_her():
        try:
            with step(begun(project, "csv", now=now), Traces()):
                Team(project, now=now).learn([Person(name, email)])
                written.set()
                until = time.monotonic() + 10
                while not somebody_waits() and time.monotonic() < until:
                    time.sleep(0.01)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:

        def forget(now):
            true(now)
            told.append(pool.submit(names_her))
            assert written.wait(timeout=10)

        told = []
        monkeypatch.setattr(erasing, "forget_what_was_read", forget)
        ada.delete() if delete else erase_person(email, now=now)
        told[0].result()

    assert found_in_database([email, name]) == {}
    assert User.objects.get(is_placeholder=True).email.startswith("erased-")


@pytest.mark.parametrize("moment", ["before its change", "after its change"])
def test_a_file_that_is_confirmed_beside_an_erasure_goes_with_it(now, moment, monkeypatch):
    """It was read when it named her still, and is asked for while the erasure holds it, or has let it go."""
    monkeypatch.setattr("apps.upkeep.erasing.send_trainings", lambda run_ids: len(list(run_ids)))
    email, name, project = "ada@example.com", "Ada Lovelace", ProjectFactory()
    lead = TeamMemberFactory(project=project, role="lead").user
    TeamMemberFactory(project=project, user=UserFactory(email=email, full_name=name))
    content = f"id,title\nA-1,Ask {name} {email}\n".encode()
    tried = runs.ask_upload(project, name=f"{name}.csv", content=content, by=lead, now=now, is_dry_run=True)
    runs.execute(tried.pk, now=now)
    tried.refresh_from_db()
    step = {"before its change": "_erase_texts", "after its change": "drop_models"}[moment]
    true, answers, over = getattr(erasing, step), [], Event()
    if moment == "after its change":
        # A large file is being written until the erasure has ended.
        true_make_room = runs.make_room
        monkeypatch.setattr(runs, "make_room", lambda run: (over.wait(timeout=30), true_make_room(run)))
    with ThreadPoolExecutor(1) as pool:

        def meanwhile(*args):
            if not answers:
                answers.append(begun_beside(pool, lambda: runs.ask_again(tried, by=lead, now=now)))
            return true(*args)

        monkeypatch.setattr(erasing, step, meanwhile)
        erase_person(email, now=now)
        over.set()
        answers[0].result()

    assert ImportRun.objects.exclude(upload=None).count() == 0
    assert found_in_database([email, name]) == {}
    for run in due_runs(now=now):
        runs.execute(run, now=now)
    assert Issue.objects.count() == 0


@pytest.fixture
def renamed(now, monkeypatch):
    """An import that took a name out of titles, to be taken back."""
    monkeypatch.setattr("apps.upkeep.erasing.send_trainings", lambda run_ids: len(list(run_ids)))
    project, run = ProjectFactory(), None
    TeamMemberFactory(project=project, user=UserFactory(email="ada@example.com", full_name="Ada Lovelace"))
    for hour, title in enumerate(("Ask Ada Lovelace ada@example.com", "Ask somebody")):
        at, content = now.replace(hour=hour), f"id,title,status\nA-1,{title},To do\n".encode()
        run = runs.ask_upload(project, name="a.csv", content=content, by=None, now=at)
        assert runs.execute(run.pk, now=at).status == "completed"
    return ImportRun.objects.get(pk=run.pk)


@pytest.mark.parametrize("delete", [False, True])
@pytest.mark.parametrize(
    "moment", [(batches, "lock_rows"), (taking_back._Present, "past_of"), (taking_back, "_leave_names")]
)
def test_an_erasure_that_begins_while_an_import_is_taken_back_leaves_nobody(now, renamed, moment, delete, monkeypatch):
    """What the import had found is read by then, and written later."""
    true, told = getattr(*moment), []
    ada = User.objects.get(email="ada@example.com")

    with ThreadPoolExecutor(1) as pool:

        def beside(*given):
            told.append(begun_beside(pool, ada.delete if delete else lambda: erase_person(ada.email, now=now)))
            return true(*given)

        monkeypatch.setattr(*moment, beside)
        assert runs.undo(renamed) == 0
        told[0].result()

    assert found_in_database(["ada@example.com", "Ada Lovelace"]) == {}
    assert Issue.objects.get().title.startswith("Ask erased-")


def test_an_import_that_is_taken_back_in_the_midst_of_an_erasure_brings_nobody_back(now, renamed, monkeypatch):
    true, told = erasing.forget_what_was_read, []

    with ThreadPoolExecutor(1) as pool:

        def beside(now):
            true(now)
            told.append(begun_beside(pool, lambda: runs.undo(renamed)))

        monkeypatch.setattr(erasing, "forget_what_was_read", beside)
        erase_person("ada@example.com", now=now)
        assert told[0].result() == 0

    assert found_in_database(["ada@example.com", "Ada Lovelace"]) == {}
    assert Issue.objects.get().title.startswith("Ask erased-")


@pytest.mark.parametrize("delete", [False, True])
def test_an_erasure_waits_for_a_batch_of_what_is_taken_back_and_not_for_the_whole(now, renamed, delete, monkeypatch):
    monkeypatch.setattr(taking_back, "ISSUES_AT_ONCE", 1)
    monkeypatch.setattr(runs, "MOST_ROWS_AT_ONCE", 0)
    email, moments = "ada@example.com", []
    # A second issue that the import renamed, as the first.
    touch = renamed.touches.get()
    other = IssueFactory(project=renamed.project, title="Ask somebody")
    ImportTouch.objects.create(run=renamed, issue=other, before=touch.before)
    true, told, ada = taking_back._Present.past_of, [], User.objects.get(email=email)
    assert runs.ask_undo(renamed, by=None, now=now) is None

    with ThreadPoolExecutor(1) as pool:

        def beside(*given):
            if not told:
                told.append(begun_beside(pool, ada.delete if delete else lambda: erase_person(email, now=now)))
            moments.append(ErasureRecord.objects.exists())
            return true(*given)

        monkeypatch.setattr(taking_back._Present, "past_of", beside)
        done = runs.execute(renamed.pk, now=now)
        told[0].result()

    assert (done.status, moments) == ("undone", [False, True])
    assert found_in_database([email, "Ada Lovelace"]) == {}
    assert [title.startswith("Ask erased-") for title in Issue.objects.values_list("title", flat=True)] == [True] * 2


@pytest.mark.parametrize("attempt", range(3))
def test_workers_at_once_take_an_import_back_once(now, renamed, attempt, monkeypatch):
    monkeypatch.setattr(runs, "MOST_ROWS_AT_ONCE", 0)
    asked = at_once(*[lambda: runs.ask_undo(renamed, by=None, now=now)] * AT_ONCE, answers=ANSWERS)

    done = at_once(*[lambda: runs.execute(renamed.pk, now=now)] * AT_ONCE, answers=ANSWERS)

    assert asked == [None] * AT_ONCE
    assert [run.status for run in done if run] == ["undone"]
    assert Issue.objects.get().title == "Ask Ada Lovelace ada@example.com"


@pytest.mark.parametrize("attempt", range(3))
def test_what_is_taken_back_and_what_is_imported_by_a_command_at_once_are_not_mixed(now, renamed, attempt, monkeypatch):
    monkeypatch.setattr(runs, "MOST_ROWS_AT_ONCE", 0)

    answers = at_once(
        lambda: runs.ask_undo(renamed, by=None, now=now),
        lambda: begun(renamed.project, "csv", now=now),
        answers=ANSWERS,
    )

    assert [isinstance(answer, Conflict) for answer in answers].count(True) == 1


def test_of_two_restores_at_once_none_is_another_installation(trained, tmp_path):
    backup(tmp_path / "kept.backup", now=timezone.now())

    at_once(*[lambda: restore(tmp_path / "kept.backup", replace=True)] * 2)

    assert neighbours() == []
