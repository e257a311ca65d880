"""What runs while somebody is erased brings nobody back: it begins anew, and what it had read is kept nowhere."""

from datetime import timedelta

import pytest

from apps.accounts.tests.factories import UserFactory
from apps.importers import runs
from apps.importers.keeping import TakenAway
from apps.importers.models import ImportRun
from apps.importers.records import ImportedIssue, Person
from apps.importers.services import import_issues
from apps.ml.models import MLModel, TrainingRun
from apps.ml.services.training.claims import ClaimLost
from apps.ml.services.training.jobs import run_training, train_here
from apps.ml.storage import get_object_store
from apps.projects.models import Issue
from apps.projects.tests.factories import TeamMemberFactory
from apps.upkeep.erasing import erase_person
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


@pytest.fixture(params=[(step, way, everybody) for step in (2, 6, 7, 8, 9) for way in (0, 1) for everybody in (0, 1)])
def case(request):
    """At which step somebody is erased, whether by deleting the account, and whether all projects are learned from."""
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
