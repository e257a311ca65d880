"""Whose the objects of the store are after a restore, whole or broken off, and what is told of one that breaks off."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.ml.models import Installation, MLModel, TextSnapshot
from apps.ml.services import ModelTrainer
from apps.ml.services.upkeep import places
from apps.ml.services.upkeep.installation import neighbours, our_names, this_installation
from apps.ml.services.upkeep.strays import REMOVED_AFTER, Listing, sweep_store
from apps.ml.services.upkeep.verification import delete_orphans, verify_store
from apps.ml.storage import get_object_store
from apps.ml.storage.errors import StorageError
from apps.ml.storage.objects import ObjectStore
from apps.ml.storage.s3 import S3ModelStorageService
from apps.ml.tests.outages import put_breaks
from apps.projects.models import Project
from apps.projects.services import delete_project
from apps.projects.tests.factories import ProjectFactory, TeamMemberFactory
from apps.upkeep import backup as backups
from apps.upkeep.backup import backup, restore

pytestmark = pytest.mark.django_db
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.fixture
def file(trained, tmp_path):
    """A backup of some days ago, of a team with a model and an index of its titles."""
    TeamMemberFactory(project=trained.project)
    store_index(trained.project_id)
    Installation.objects.update(active_at=timezone.now() - timedelta(days=3))
    path = tmp_path / "kept.backup"
    backup(path, now=timezone.now())
    return path


def store_index(project_id):
    stored = S3ModelStorageService(our_names()).upload_index(project_id, b"titles", now=timezone.now())
    where = {"key": stored.key, "digest": stored.digest, "signature": stored.signature}
    TextSnapshot.objects.update_or_create(project_id=project_id, defaults=where)


def empty_store():
    """The backup is put back elsewhere."""
    store = get_object_store()
    for prefix in ("ml_models", "ml_datasets", "ml_indexes", "ml_written_by"):
        for found in store.list(prefix):
            store.delete(found.key)


def stored_before(moment, *, files):
    """As stores tell it: in whole seconds."""
    for file in files:
        os.utime(file, (int(moment.timestamp()),) * 2)


def files():
    return {path for path in Path(settings.MODEL_STORE_DIR).rglob("*") if path.is_file()}


def nights(*days):
    """The nights in so many days; how much they removed."""
    begin = timezone.now() + timedelta(hours=2)
    return [sweep_store(now=begin + timedelta(days=day)) for day in days]


def objects():
    return set(Listing.of(get_object_store()).objects)


def unmarked():
    """Objects that nobody has marked."""
    listing = Listing.of(get_object_store())
    return set(listing.objects) - set(listing.marks)


def test_an_index_of_before_is_gone_a_week_after_a_restore_and_what_rows_name_stays(file, trained):
    restore(file, replace=True)

    assert nights(0, REMOVED_AFTER.days) == [0, 1]
    assert objects() == {trained.s3_key, trained.serving_key, trained.dataset_key}


def test_what_was_trained_since_the_backup_stays_and_an_index_of_then_goes(file, trained):
    """It is newer than all that the database knows: perhaps the wrong backup was put back."""
    before = files()
    model = ModelTrainer().train_effort_prediction_model(trained.project_id)
    store_index(trained.project_id)
    stored_before(timezone.now() - timedelta(hours=1), files=files() - before)

    restore(file, replace=True)

    assert nights(0, REMOVED_AFTER.days - 1) == [0, 0]
    assert nights(REMOVED_AFTER.days) == [2]
    assert not get_object_store().list("ml_indexes")
    assert get_object_store().exists(model.s3_key)
    found = verify_store(now=timezone.now() + timedelta(hours=2))
    assert {finding.key for finding in found.findings} == {model.s3_key, model.serving_key, model.dataset_key}
    assert {finding.fault for finding in found.findings} == {"newer"}
    assert delete_orphans(found) == []
    assert not MLModel.objects.filter(pk=model.pk).exists()


@pytest.mark.parametrize("store", ["as it was", "empty"])
def test_of_a_project_that_is_deleted_before_the_first_night_nothing_stays(file, trained, store):
    if store == "empty":
        empty_store()
    began = timezone.now()
    restore(file, replace=True)
    stored_before(began, files=files())
    delete_project(Project.objects.get(pk=trained.project_id))

    nights(0, REMOVED_AFTER.days)

    assert objects() == set()
    assert get_object_store().list("ml_written_by") == []


def test_the_commit_is_the_last_thing_that_a_restore_does(file, monkeypatch):
    """So nothing can break off behind it, and be told as if nothing were done."""
    real = backups.become_another

    def then_the_store_is_gone(*args, **names):
        real(*args, **names)
        for name in ("put", "get", "head", "list", "delete", "folders"):
            monkeypatch.setattr(ObjectStore, name, None)

    monkeypatch.setattr(backups, "become_another", then_the_store_is_gone)

    assert restore(file, replace=True).objects == 3


def test_a_store_that_is_gone_after_the_commit_hides_nothing_that_is_to_be_done(file, monkeypatch, capsys):
    def away():
        raise StorageError("S3 listing failed.")

    monkeypatch.setattr("apps.upkeep.management.commands.restore.neighbours", away)

    call_command("restore", str(file), "--replace")

    told = capsys.readouterr().out
    assert "3 objects are back" in told
    assert "and erase again" in told
    assert "Whether others write to this store is not known: S3 listing failed." in told
    call_command("restore", str(file), "--replace", "--json")
    assert '"others_use_the_store": null' in capsys.readouterr().out


@pytest.mark.parametrize("ended", [StorageError, KeyboardInterrupt])
@pytest.mark.parametrize("at", range(6))
def test_one_that_breaks_off_at_an_object_or_a_mark_changes_nothing_and_leaves_nothing_for_good(
    file, monkeypatch, at, ended
):
    empty_store()
    ProjectFactory(name="Since the backup")
    before = this_installation()

    with put_breaks(monkeypatch, at, ended), pytest.raises(ended):
        restore(file, replace=True)

    assert this_installation() == before
    assert Project.objects.filter(name="Since the backup").exists()
    assert neighbours() == []
    assert unmarked() == set()
    delete_project(Project.objects.get(name="Since the backup"))
    Project.objects.all().delete()
    Installation.objects.update(active_at=timezone.now())
    nights(0, REMOVED_AFTER.days)
    assert objects() == set()


@pytest.mark.engine
def test_a_server_that_refuses_marks_is_told_while_nothing_is_replaced(s3_proxy, trained, tmp_path):
    backup(tmp_path / "kept.backup", now=timezone.now())
    empty_store()
    ProjectFactory(name="Since the backup")
    s3_proxy.instead = lambda data: FORBIDDEN if is_for_marks(data) else None

    with pytest.raises(CommandError, match=r"S3 upload failed.*403 Forbidden"):
        call_command("restore", str(tmp_path / "kept.backup"), "--replace")

    assert Project.objects.filter(name="Since the backup").exists()
    assert objects() == set()
    s3_proxy.instead = lambda data: None
    call_command("restore", str(tmp_path / "kept.backup"), "--replace")
    assert objects() == {trained.s3_key, trained.serving_key, trained.dataset_key}
    assert verify_store(now=timezone.now()).findings == ()
    assert unmarked() == set()


def is_for_marks(data):
    line = data.partition(b"\r\n")[0]
    return line.startswith(b"PUT") and b"/ml_written_by/" in line


def test_a_copy_that_is_replaced_before_it_has_noticed_takes_nobodys_place(file, trained, monkeypatch):
    """Copied with other tools: its row still has the original's name, and the original goes on."""
    original = str(this_installation())
    monkeypatch.setattr(places, "place", lambda: ["sqlite/another machine/srv/copy/db.sqlite3"])

    restore(file, replace=True)

    assert original in neighbours()
    Project.objects.all().delete()
    nights(0, REMOVED_AFTER.days)
    assert {trained.s3_key, trained.serving_key, trained.dataset_key} <= objects()


def test_of_two_restores_beside_each_other_the_last_knows_the_first(file, trained, monkeypatch):
    """Else the first is another installation for ever, and no erasure is done without leave of one that never was."""
    real, others = backups._put_objects, []
    monkeypatch.setattr(backups, "_put_objects", _once_beside(real, lambda: others.append(restore(file, replace=True))))

    restore(file, replace=True)

    assert others
    assert neighbours() == []


def _once_beside(step, does):
    begun = []

    def steps(*given):
        if not begun:
            begun.append(step)
            does()
        return step(*given)

    return steps
