"""What runs while somebody is erased brings nobody back: it begins anew, and what it had read is kept nowhere."""

from datetime import timedelta

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.importers import runs
from apps.importers.keeping import TakenAway
from apps.importers.models import ImportRun
from apps.importers.records import ImportedIssue, Person
from apps.importers.services import import_issues
from apps.ml.models import MLModel, TextSnapshot, TrainingRun
from apps.ml.services import model_trainer
from apps.ml.services.training.claims import ClaimLost
from apps.ml.services.training.jobs import run_training, train_here
from apps.ml.services.upkeep.strays import sweep_store
from apps.ml.storage import get_object_store
from apps.ml.storage.errors import StorageError
from apps.ml.storage.s3 import S3ModelStorageService
from apps.projects.models import Issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from apps.upkeep import alone, erasing
from apps.upkeep.erasing import ErasureIncomplete, erase_person, erase_project
from apps.upkeep.models import ErasureRecord
from apps.upkeep.texts import found_in_database, search_store

pytestmark = pytest.mark.django_db
EMAIL, NAME = "ann@example.com", "Ann Smith"
FILE = f"id,title,status,assignee\nA-1,Ask {NAME},To do,{NAME}\n".encode()


@pytest.fixture(autouse=True)
def sent(monkeypatch):
    """Which trainings the workers are told of."""
    ids = []
    monkeypatch.setattr("apps.upkeep.erasing.send_trainings", ids.extend)
    return ids


@pytest.fixture
def ann(team):
    return TeamMemberFactory(project=team, user=UserFactory(email=EMAIL, full_name=NAME)).user


@pytest.fixture
def erase(ann, now):
    """Once, in either way."""
    done = []

    def erase(*, delete=False):
        if not done:
            done.append(ann.delete() if delete else erase_person(EMAIL, now=now))

    return erase


# --- Trainings ----------------------------------------------------------------------------------------------------
@pytest.fixture
def named(team, ann):
    """Finished work whose titles name her."""
    for issue in Issue.objects.filter(project=team, resolved_at__isnull=False):
        Issue.objects.filter(pk=issue.pk).update(title=f"{issue.title} of {NAME}")


@pytest.fixture(params=[(step, way, (way + at) % 2) for at, step in enumerate((2, 6, 7, 8, 9)) for way in (0, 1)])
def case(request):
    """At which step somebody is erased, whether by deleting the account, and whether all projects are learned from.

    Each of them with each of another, not all three with all.
    """
    return request.param


@pytest.mark.usefixtures("named")
def test_a_training_begins_anew_and_keeps_nothing(team, erase, sent, now, case):
    step, delete, is_global = case
    scope = None if is_global else team.pk

    def progress(at, _text):
        if at == step:
            erase(delete=delete)

    with pytest.raises(ClaimLost):
        train_here("effort_prediction", scope, cause="test", now=now, progress=progress)

    assert search_store([EMAIL, NAME]).found == ()
    assert [each.key for prefix in ("ml_models", "ml_datasets") for each in get_object_store().list(prefix)] == []
    assert not MLModel.objects.filter(is_active=True).exists()
    run = TrainingRun.objects.get()
    assert run.state == TrainingRun.State.QUEUED
    if not delete:
        assert sent == [run.pk]

    run_training(run.pk, now=now + timedelta(minutes=1), rng=None)

    assert MLModel.objects.get(is_active=True).project_id == scope
    assert search_store([EMAIL, NAME]).found == ()


class _Killed(BaseException):
    """Nothing is done any more, as by kill -9."""


def _fails(error):
    def fail(*_, **__):
        raise error

    return fail


def _ends_at_step_8(error):
    def progress(step, _text):
        if step == 8:
            raise error

    return progress


#: Which of these breaks, and with which fault, once the training set that an erasure comes before is stored.
ENDS = {
    "the store": ("upload_model", StorageError("timeout")),
    "half a store": ("_put", StorageError("timeout")),
    "the database": ("", OperationalError("server closed the connection")),
    "a limit": ("", SoftTimeLimitExceeded()),
    "a stop": ("", SystemExit()),
    "a bug": ("", ZeroDivisionError()),
}


@pytest.fixture
def stores_after_an_erasure(erase, monkeypatch):
    """A slow store: the erasure has ended, and is proven, before anything is uploaded."""
    true = S3ModelStorageService.upload_dataset

    def slow(*given, **named):
        erase()
        return true(*given, **named)

    monkeypatch.setattr(S3ModelStorageService, "upload_dataset", slow)


@pytest.mark.usefixtures("named", "stores_after_an_erasure")
@pytest.mark.parametrize("end", ENDS)
def test_whatever_ends_a_training_takes_away_what_it_stored(team, now, end, monkeypatch):
    name, error = ENDS[end]
    true = S3ModelStorageService._put

    def half(storage, key, data):
        if key.endswith("serving.npz"):
            raise error
        true(storage, key, data)

    if name:
        monkeypatch.setattr(S3ModelStorageService, name, half if name == "_put" else _fails(error))

    with pytest.raises(type(error)):
        train_here("effort_prediction", team.pk, cause="test", now=now, progress=_ends_at_step_8(error))

    assert [each.key for prefix in ("ml_models", "ml_datasets") for each in get_object_store().list(prefix)] == []


@pytest.mark.usefixtures("named", "stores_after_an_erasure")
def test_what_a_killed_worker_stored_goes_with_the_next_sweep(team, now, monkeypatch):
    monkeypatch.setattr(model_trainer._Job, "discard", lambda job: None)
    with pytest.raises(_Killed):
        train_here("effort_prediction", team.pk, cause="test", now=now, progress=_ends_at_step_8(_Killed()))
    assert search_store([EMAIL, NAME]).found != ()
    # Stores tell the time by their own clock.
    TextSnapshot.objects.update(forgotten_at=timezone.now())

    sweep_store(now=timezone.now() + timedelta(hours=2))

    assert search_store([EMAIL, NAME]).found == ()


@pytest.mark.parametrize("is_global", [True, False])
def test_what_a_killed_worker_stored_after_the_erasure_of_a_project_goes_with_the_next_sweep(
    team, now, monkeypatch, is_global
):
    """Also where no project is left."""
    true = S3ModelStorageService.upload_dataset

    def slow(*given, **named):
        # Stores tell the time by their own clock.
        erase_project(team.key, now=timezone.now())
        return true(*given, **named)

    monkeypatch.setattr(S3ModelStorageService, "upload_dataset", slow)
    monkeypatch.setattr(model_trainer._Job, "discard", lambda job: None)
    scope = None if is_global else team.pk
    with pytest.raises(_Killed):
        train_here("effort_prediction", scope, cause="test", now=now, progress=_ends_at_step_8(_Killed()))
    assert get_object_store().list("ml_datasets") != []

    sweep_store(now=timezone.now() + timedelta(hours=2))

    assert get_object_store().list("ml_datasets") == []


@pytest.mark.usefixtures("named", "stores_after_an_erasure")
def test_what_was_too_young_for_the_sweep_after_its_erasure_goes_though_another_came_since(team, now, monkeypatch):
    monkeypatch.setattr(model_trainer._Job, "discard", lambda job: None)
    with pytest.raises(_Killed):
        train_here("effort_prediction", team.pk, cause="test", now=now, progress=_ends_at_step_8(_Killed()))
    ErasureRecord.objects.update(erased_at=timezone.now())
    tomorrow = timezone.now() + timedelta(hours=25)
    erase_project(ProjectFactory().key, now=tomorrow)

    sweep_store(now=tomorrow)

    assert search_store([EMAIL, NAME]).found == ()


@pytest.mark.usefixtures("named")
def test_a_row_that_may_be_there_keeps_its_objects(team, now, monkeypatch):
    # It is counted after the commit.
    monkeypatch.setattr(model_trainer, "TRAININGS", None)

    with pytest.raises(AttributeError):
        train_here("effort_prediction", team.pk, cause="test", now=now)

    assert get_object_store().exists(MLModel.objects.get().dataset_key)


# --- Imports ------------------------------------------------------------------------------------------------------
def test_an_import_writes_nothing_more_and_begins_anew(team, erase, now, monkeypatch):
    monkeypatch.setattr("apps.importers.services.BATCH_ROWS", 1)
    run = ImportRun.objects.create(project=team, source="csv", status="running", started_at=now, upload=FILE)

    def rows():
        for number in range(3):
            yield ImportedIssue(line=2, external_id=f"A-{number}", title=f"Ask {NAME} {number}", assignee=Person(NAME))
            if number == 1:
                erase()

    with pytest.raises(TakenAway):
        import_issues(rows(), project_key=team.key, mapped=frozenset({"title", "assignee"}), now=now, run=run)

    run.refresh_from_db()
    assert (run.status, run.upload, run.report, run.error) == ("queued", None, {}, "")
    assert found_in_database([EMAIL, NAME]) == {}
    assert runs.execute(run.pk, now=now).error.startswith("Its file was removed by an erasure")


@pytest.mark.parametrize("case", [(is_dry_run, fails) for is_dry_run in (False, True) for fails in (False, True)])
def test_no_report_and_no_file_comes_back(team, erase, now, monkeypatch, case):
    is_dry_run, fails = case
    run = runs.ask_upload(team, name="a.csv", content=FILE, by=None, now=now, is_dry_run=is_dry_run)

    def carried_out(_run, _now):
        erase()
        if fails:
            raise RuntimeError
        return {"samples": [NAME]}

    monkeypatch.setattr(runs, "_carried_out", carried_out)

    assert runs.execute(run.pk, now=now) is None

    run.refresh_from_db()
    assert (run.status, run.upload, run.report, run.attempts) == ("queued", None, {}, 0)
    assert found_in_database([EMAIL, NAME]) == {}


def test_what_is_tried_keeps_its_file_where_nobody_is_erased(team, now):
    run = runs.ask_upload(team, name="a.csv", content=FILE, by=None, now=now, is_dry_run=True)

    assert runs.execute(run.pk, now=now).status == "completed"

    run.refresh_from_db()
    assert bytes(run.upload) == FILE


def test_an_import_that_another_process_took_up_is_not_ended_by_the_first(team, now, monkeypatch):
    run = runs.ask_upload(team, name="a.csv", content=FILE, by=None, now=now)

    def lost(_run, _now):
        ImportRun.objects.filter(pk=run.pk).update(started_at=now + timedelta(minutes=3))
        return {}

    monkeypatch.setattr(runs, "_carried_out", lost)

    assert runs.execute(run.pk, now=now) is None
    run.refresh_from_db()
    assert run.status == "running"


# --- Whom an import first names -----------------------------------------------------------------------------------
@pytest.fixture
def meanwhile(monkeypatch):
    """What is done between the search, which takes seconds of a large installation, and the first change; or later.

    An import that begins when all others are stopped is not, and sees no record of the erasure before its commit.
    """
    doing = {}

    def first_does(true, moment):
        def wrapped(*args):
            doing.pop(moment, lambda: None)()
            return true(*args)

        return wrapped

    for module in (alone, erasing):
        monkeypatch.setattr(module, "wait_for_others", first_does(alone.wait_for_others, "before"))
    monkeypatch.setattr(erasing, "forget_what_was_read", first_does(erasing.forget_what_was_read, "within"))
    return doing


def names_her(project, now):
    """An import of a whole file."""
    rows = [
        ImportedIssue(line=2, external_id="A-1", title="The label", assignee=Person(NAME, EMAIL)),
        ImportedIssue(line=3, external_id="A-2", title=f"Ask {NAME}, {EMAIL}"),
    ]
    import_issues(rows, project_key=project.key, mapped=frozenset({"title", "assignee"}), now=now)


@pytest.mark.parametrize("case", [(moment, way) for moment in ("before", "within") for way in (0, 1)])
def test_whom_an_import_first_names_after_the_search_is_erased_whole(
    erase, now, case, meanwhile, django_capture_on_commit_callbacks
):
    moment, delete = case
    other = ProjectFactory()
    meanwhile[moment] = lambda: names_her(other, now)

    with django_capture_on_commit_callbacks(execute=True):
        erase(delete=delete)

    assert found_in_database([EMAIL, NAME]) == {}
    named = Issue.objects.get(project=other, external_id="A-1").assignee
    assert (named.email[:7], named.full_name, named.named_address) == ("erased-", "", "")


def test_where_a_team_took_somebody_in_after_the_search_the_name_goes_too(ann, erase, meanwhile):
    issue = IssueFactory(title=f"Ask {NAME}")
    meanwhile["before"] = lambda: TeamMemberFactory(project=issue.project, user=ann)

    erase()

    issue.refresh_from_db()
    assert NAME not in issue.title


def test_whoever_opens_an_account_anew_keeps_it_and_the_log_says_so(
    ann, meanwhile, caplog, django_capture_on_commit_callbacks
):
    def moves():
        # Two rows never have one address; this one goes.
        User.objects.filter(pk=ann.pk).update(email="gone@example.com")
        UserFactory(email=EMAIL, full_name="Ann Again")

    meanwhile["within"] = moves

    with django_capture_on_commit_callbacks(execute=True):
        ann.delete()

    assert User.objects.get(email=EMAIL).is_active
    (told,) = [each for each in caplog.records if each.levelname == "ERROR"]
    assert "accounts.user" in told.getMessage()
    assert EMAIL not in told.getMessage()


@pytest.mark.usefixtures("ann")
def test_an_erasure_says_where_an_account_was_opened_anew(meanwhile, now):
    meanwhile["within"] = lambda: UserFactory(email=EMAIL, full_name="Ann Again")

    with pytest.raises(ErasureIncomplete, match=r"accounts\.user"):
        erase_person(EMAIL, now=now)

    assert User.objects.get(email=EMAIL).is_active
