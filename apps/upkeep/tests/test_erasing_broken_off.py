"""An erasure that breaks off after its first commit says so, and is done to its end by whoever goes on.

By then the account is a pseudonym: what is to be looked for stands nowhere but in what was kept, sealed.
"""

from contextlib import contextmanager
from dataclasses import fields
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.ml.models import TrainingRun
from apps.ml.services.upkeep.diagnosis import diagnose
from apps.ml.storage import StorageError, get_object_store
from apps.ml.tests.factories import MLModelFactory
from apps.projects.models import Issue, Project
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from apps.upkeep import erasing
from apps.upkeep.models import ErasureRecord
from apps.upkeep.records import verify_record
from apps.upkeep.sought import Sought
from apps.upkeep.tasks import LEFT_TO_ITSELF, finish_erasures
from apps.upkeep.texts import found_in_database, search_store
from apps.upkeep.unfinished import Unfinished, read

pytestmark = [
    pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model_store_dir", "no_training_begins")
]  # fmt: skip
EMAIL, NAME = "ann@example.com", "Ann Smith"
FAULT = OperationalError("terminating connection due to administrator command\nand more")
GOES_ON = "run the command again"


@pytest.fixture
def team():
    team = TeamMemberFactory(user=UserFactory(email=EMAIL, full_name=NAME)).project
    IssueFactory(project=team, title=f"Ask {NAME}")
    MLModelFactory(project=None, is_active=True)
    return team


@pytest.fixture
def broken(team, monkeypatch):
    """Runs a step with a fault in it, and what is written between the first search and the next."""

    @contextmanager
    def broken(step, fault=FAULT, *, at=1):
        with monkeypatch.context() as patched:
            _breaks(patched, step, fault, at)
            _writes_meanwhile(patched, team)
            yield

    return broken


def _breaks(patched, step, fault, at):
    """At the end of its call with that number."""
    true, calls = getattr(erasing, step), []

    def breaks(*given, **more):
        calls.append(step)
        answer = true(*given, **more)
        if len(calls) == at:
            raise fault
        return answer

    patched.setattr(erasing, step, breaks)


def _writes_meanwhile(patched, team):
    true, made = erasing._once_more, []

    def meanwhile(*given, **more):
        if not made:
            made.append(IssueFactory(project=team, title=f"Written meanwhile: ask {NAME}"))
            key = f"ml_datasets/{team.pk}/training_set_20260302.jsonl"
            get_object_store().put(key, f'{{"title": "Ask {NAME}"}}'.encode())
        return true(*given, **more)

    # After the first search, before its commit: as whoever writes beside it.
    patched.setattr(erasing, "_once_more", meanwhile)


def is_named():
    return bool(found_in_database([EMAIL, NAME]) or search_store([EMAIL, NAME]).found)


def erase(email=EMAIL, **options):
    call_command("erase_person", email, **options)


def the_record():
    """Signed, and nothing of what was looked for is kept."""
    record = ErasureRecord.objects.get()
    return verify_record(record) and record.unfinished is None


#: Where it breaks after the first commit, and by which call: on its way, in the second and the third transaction, in
#: the last searches, and while the trainings begin anew.
LATER = [
    ("wait_for_imports", 1), ("wait_for_questions", 1), ("forget_what_was_read", 2), ("drop_models", 2),
    ("search_objects", 2), ("drop_models", 3), ("search_objects", 3), ("_asked_for", 1),
]  # fmt: skip


@pytest.mark.parametrize("fault", [FAULT, StorageError("The model store is away.")], ids=["database", "store"])
@pytest.mark.parametrize(("step", "at"), LATER)
def test_it_says_what_is_done_and_the_same_command_does_the_rest(broken, step, at, fault):
    with broken(step, fault, at=at), pytest.raises(CommandError, match=GOES_ON) as told:
        erase()

    assert "as before" not in str(told.value)
    assert (str(fault).splitlines()[0]) in str(told.value)
    assert not User.objects.filter(email=EMAIL).exists()

    erase()

    assert not is_named()
    assert the_record()


@pytest.fixture
def broken_off(broken):
    """An erasure that broke off in its second transaction."""
    with broken("forget_what_was_read", at=2), pytest.raises(CommandError, match=GOES_ON):
        erase()


@pytest.fixture
def an_hour_later():
    def later():
        ErasureRecord.objects.update(erased_at=ErasureRecord.objects.get().erased_at - LEFT_TO_ITSELF * 2)

    return later


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), SystemExit(1)], ids=["interrupted", "ended"])
def test_of_whom_a_person_or_the_machine_stops_the_same_command_does_the_rest(broken, fault):
    with broken("wait_for_imports", fault), pytest.raises(type(fault)) as told:
        erase()
    assert isinstance(fault, SystemExit) or GOES_ON in str(told.value)
    assert is_named()

    erase()

    assert not is_named()
    assert the_record()


def test_what_is_written_again_and_again_is_looked_for_when_that_has_ended(team, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(erasing, "wait_for_questions", lambda: IssueFactory(project=team, title=f"Again {NAME}"))
        with pytest.raises(CommandError, match=f"again and again.*{GOES_ON}"):
            erase()

    erase()

    assert not is_named()
    assert the_record()


def test_the_clock_does_the_rest_and_leaves_to_itself_what_may_be_under_way(broken_off, an_hour_later):
    assert finish_erasures() == 0
    assert is_named()

    an_hour_later()

    assert finish_erasures() == 1
    assert not is_named()
    assert the_record()
    assert finish_erasures() == 0


def test_what_the_clock_cannot_end_is_logged_without_a_name(broken_off, broken, an_hour_later, caplog):
    an_hour_later()

    with broken("search_objects", StorageError("The model store is away.")):
        assert finish_erasures() == 0

    (told,) = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert "The model store is away." in told
    assert not any(text in told for text in (EMAIL, NAME))
    assert finish_erasures() == 1


@pytest.mark.parametrize("by_the_clock", [False, True])
@pytest.mark.parametrize("place", [("wait_for_imports", 1), ("drop_models", 2), ("search_objects", 1)])
def test_the_deletion_of_an_account_is_done_to_its_end_too(broken, an_hour_later, caplog, place, by_the_clock):
    ann, (step, at) = User.objects.get(email=EMAIL), place
    with broken(step, at=at):
        ann.delete()

    (told,) = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert "terminating connection" in told
    assert is_named()
    assert not User.objects.filter(email__contains="erased-").exists()

    if by_the_clock:
        an_hour_later()
        assert finish_erasures() == 1
    else:
        erase()

    assert not is_named()
    assert the_record()


@pytest.mark.parametrize("email", ["bob@example.com", "ann@example.community"])
def test_the_erasure_of_somebody_else_is_another(broken_off, team, email):
    TeamMemberFactory(project=team, user=UserFactory(email=email, full_name="Bob Best"))

    erase(email)

    assert ErasureRecord.objects.exclude(unfinished=None).count() == 1
    assert Issue.objects.filter(title=f"Written meanwhile: ask {NAME}").exists()
    with pytest.raises(CommandError, match="no text names it"):
        erase("nobody@example.com")
    erase()
    assert not is_named()


def test_what_is_kept_is_readable_by_nobody_and_nothing_of_it_is_lost(now):
    whole = Sought(["a", "b"], (uuid4(),), frozenset({uuid4()}), are_addresses=False, left=["c"], own=(uuid4(),))
    assert all(getattr(whole, each.name) != each.default for each in fields(Sought)), "A new field is to be kept, too."
    record = ErasureRecord(kind="person", subject="s", erased_at=now)
    rest = Unfinished(record, [], set(), erasing.Dropped(set(), set()))
    person = User(pk=uuid4())
    served, kept = {("effort_prediction", None), ("effort_prediction", uuid4())}, {"ml_models/a"}

    rest.add([Sought([EMAIL]), whole], [person, User(is_placeholder=True)], erasing.Dropped(served, kept), {"a": 2})
    rest.add([Sought([EMAIL])], [], erasing.Dropped(set(), set()), {"a": 1, "b": 1})

    stored = ErasureRecord.objects.get()
    assert EMAIL.encode() not in bytes(stored.unfinished)
    assert stored.counts == {"a": 3, "b": 1}
    again = read(stored)
    assert again.sought == [Sought([EMAIL]), whole]
    assert again.sought[1].own == whole.own
    assert (again.accounts, again.dropped) == ({person.pk}, erasing.Dropped(served, kept))


def test_what_is_to_be_trained_anew_is_asked_for_once(broken, now):
    with broken("wait_for_imports"), pytest.raises(CommandError):
        erase()
    run = TrainingRun.objects.get()
    TrainingRun.objects.update(state="failed", finished_at=now)

    erase()

    assert TrainingRun.objects.get() == run


def test_who_comes_back_keeps_the_account_until_the_command_erases_it(broken_off, an_hour_later, team, caplog):
    again = TeamMemberFactory(project=team, user=UserFactory(email=EMAIL, full_name="Ann Again")).user
    issue = IssueFactory(project=team, title=f"Ask {EMAIL}")
    an_hour_later()

    assert finish_erasures() == 0

    assert "has opened an account" in caplog.text
    again.refresh_from_db()
    issue.refresh_from_db()
    assert (again.email, issue.title) == (EMAIL, f"Ask {EMAIL}")
    erase()
    assert not is_named()
    assert not Issue.objects.filter(title__contains="Ann Again").exists()
    assert the_record()


def test_whoever_lost_the_key_is_told_and_can_give_up(broken_off, an_hour_later, settings, caplog, capsys):
    settings.CONNECTION_KEYS = ["another"]
    an_hour_later()

    assert finish_erasures() == 0
    assert "CONNECTION_KEYS" in caplog.text
    with pytest.raises(CommandError, match="CONNECTION_KEYS"):
        erase()
    settings.CONNECTION_KEYS = ["another", settings.SECRET_KEY]
    with pytest.raises(CommandError, match="no text names it"):
        erase("bob@example.com", give_up=False)
    erase(give_up=True)

    assert "Forgotten: what 1" in capsys.readouterr().out
    assert the_record()
    erase(give_up=True)
    assert "nothing is kept" in capsys.readouterr().out


def test_a_deletion_is_prevented_by_no_lost_key(broken_off, team, settings):
    settings.CONNECTION_KEYS = ["another"]
    TeamMemberFactory(project=team, user=UserFactory(email=EMAIL, full_name="Ann Again")).user.delete()

    assert not User.objects.filter(email=EMAIL).exists()
    assert ErasureRecord.objects.filter(unfinished=None).count() == 1


def test_whoever_goes_on_beside_somebody_else_forgets_nothing_of_theirs(broken_off):
    """Two at once have one record: who ends first leaves what the other has added."""
    first, second = read(ErasureRecord.objects.get()), read(ErasureRecord.objects.get())
    second.add([Sought(["Ann Other"])], [], erasing.Dropped(set(), set()), {})

    assert not first.conclude(first.sought, [])

    assert Sought(["Ann Other"]) in read(ErasureRecord.objects.get()).sought
    assert Sought(["Ann Other"]) in first.sought
    first.add([Sought(["Ann Third"])], [], erasing.Dropped(set(), set()), {})
    kept = read(ErasureRecord.objects.get()).sought
    assert Sought(["Ann Other"]) in kept
    assert Sought(["Ann Third"]) in kept


def test_the_diagnosis_tells_of_it_until_it_is_done(broken_off):
    def told():
        return [each for each in diagnose() if "An erasure" in each.message]

    (warning,) = told()
    assert (warning.level, str(ErasureRecord.objects.get().pk) in warning.message) == ("warning", True)

    erase()

    assert told() == []


@pytest.mark.parametrize("by_the_clock", [False, True])
@pytest.mark.parametrize("step", ["wait_for_questions", "search_objects", "_asked_for"])
def test_the_erasure_of_a_project_is_done_to_its_end_too(team, broken, an_hour_later, step, by_the_clock):
    with broken(step), pytest.raises(CommandError, match=GOES_ON):
        call_command("erase_project", team.key)
    assert not Project.objects.exists()

    if by_the_clock:
        an_hour_later()
        assert finish_erasures() == 1
    else:
        call_command("erase_project", team.key)

    assert the_record()
    with pytest.raises(CommandError, match="There is no such"):
        call_command("erase_project", team.key)


def test_a_new_project_with_the_key_of_one_whose_erasure_broke_off_stays_until_it_is_meant(team, broken, capsys):
    """Who runs the command again, as it says, means the first."""
    with broken("search_objects"), pytest.raises(CommandError, match=GOES_ON):
        call_command("erase_project", team.key)
    # It is told while no project has the key, and while another has it.
    call_command("erase_project", team.key, dry_run=True)
    again = IssueFactory(project=ProjectFactory(key=team.key)).project
    call_command("erase_project", team.key, dry_run=True)
    assert "projects.issue" not in capsys.readouterr().out

    with pytest.raises(CommandError, match=rf"the key {team.key}, and stays.* run the command again"):
        call_command("erase_project", team.key)

    assert the_record()
    assert Issue.objects.filter(project=again).count() == 1
    call_command("erase_project", team.key)
    assert not Project.objects.exists()


def test_a_dry_run_tells_of_what_is_left(broken_off, capsys):
    erase(dry_run=True, json=True)

    assert '"projects.issue": 1' in capsys.readouterr().out
    assert is_named()


@pytest.mark.parametrize("step", ["require_sole_hold", "take_away"])
def test_a_database_that_fails_before_anything_is_changed_is_no_traceback(broken, step):
    with broken(step), pytest.raises(CommandError, match="un the command again"):
        erase()

    assert User.objects.filter(email=EMAIL).exists()
    erase()
    assert not is_named()
