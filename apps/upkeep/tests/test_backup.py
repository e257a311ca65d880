"""Database and model store come back as a pair, whichever half was older."""

import gzip
import hashlib
import os
import re
import shutil
import stat
import tarfile
from io import BytesIO

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.utils import timezone
from rest_framework.test import APIClient

from apps.access.keys import create_key
from apps.accounts.log_ins import log_in
from apps.accounts.models import LogIn, User
from apps.accounts.tests.factories import UserFactory
from apps.ml.core.records import IssueFacts
from apps.ml.models import Installation, MLModel, PredictionHistory
from apps.ml.services import ModelLoader
from apps.ml.services.effort.answering import answer_effort
from apps.ml.services.upkeep import places
from apps.ml.services.upkeep.installation import neighbours, take_over, this_installation
from apps.ml.services.upkeep.verification import verify_store
from apps.ml.storage import get_object_store
from apps.ml.storage.marks import mark
from apps.ml.storage.objects import ObjectStore
from apps.projects.models import Issue, IssueChange, Project, TeamMember
from apps.projects.tests.factories import IssueFactory, TeamMemberFactory
from apps.upkeep import backup as backups
from apps.upkeep.backup import BackupRefused, InUse, backup, restore
from apps.upkeep.erasing import erase_person, erase_project
from apps.upkeep.objects import HeldElsewhere

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(trained, tmp_path):
    """A backup of a team with a model."""
    TeamMemberFactory(project=trained.project)
    path = tmp_path / "kept.backup"
    backup(path, now=timezone.now())
    return path


def everything():
    """Rows of the tables that matter, as the database has them."""
    found = {}
    for model in (User, Project, Issue, IssueChange, MLModel):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {model._meta.db_table} ORDER BY id")
            found[model] = cursor.fetchall()
    return found


def answers(project_id):
    ModelLoader().clear_cache()
    given = answer_effort(IssueFacts("Change the label of part 3"), project_id)
    return given.model is not None, given.answer.predicted_hours


def test_every_row_comes_back_as_it_was_and_the_model_answers_the_same(file, trained):
    before, said = everything(), answers(trained.project_id)
    IssueFactory(project=trained.project)
    MLModel.objects.all().delete()
    shutil.rmtree(get_object_store().directory / "ml_models")

    put = restore(file, replace=True)

    assert everything() == before
    assert put.objects == 3
    assert verify_store(now=timezone.now()).is_sound
    assert answers(trained.project_id) == said
    assert said[0]


@pytest.mark.parametrize("of_before", [False, True], ids=["made now", "made before log-ins were left out"])
def test_no_log_in_that_has_ended_is_open_again_and_what_else_comes_back_is_told(
    trained, tmp_path, monkeypatch, capsys, of_before
):
    user, path = UserFactory(), tmp_path / "kept.backup"
    refresh = str(log_in(user, now=timezone.now()))
    create_key(user, name="CI", scopes=["read"], project=None, days=9, now=timezone.now())
    with monkeypatch.context() as patched:
        if of_before:
            patched.setattr(backups, "LEFT_OUT", frozenset({"sessions.session"}))
        backup(path, now=timezone.now())
    LogIn.objects.all().delete()

    call_command("restore", str(path), replace=True)

    assert not LogIn.objects.exists()
    assert APIClient().post("/api/v1/auth/token/refresh/", {"refresh": refresh}).status_code == 401
    assert "1 API keys, 0 invitations and 0 share links are as they were" in capsys.readouterr().out


def test_rows_can_be_written_after_it(file, trained):
    restore(file, replace=True)

    before = PredictionHistory.objects.count()

    issue = IssueFactory(project=Project.objects.get(pk=trained.project_id))
    PredictionHistory.objects.create(project_id=trained.project_id, prediction_type="forecast", method="x")

    assert Project.objects.get(pk=trained.project_id).issues.filter(pk=issue.pk).exists()
    assert PredictionHistory.objects.count() == before + 1


def test_a_store_that_is_older_is_made_whole(file, trained):
    """The store is the older half: put back from before the training, or empty."""
    for folder in ("ml_models", "ml_datasets", "ml_written_by"):
        shutil.rmtree(get_object_store().directory / folder)

    restore(file, replace=True)

    assert verify_store(now=timezone.now()).findings == ()
    assert answers(trained.project_id)[0]


def test_the_restored_database_is_another_installation(file, trained):
    before = this_installation()

    restore(file, replace=True)

    assert this_installation() != before
    assert neighbours() == []


def test_a_backup_that_is_put_back_on_another_machine_takes_one_name(file, trained, monkeypatch):
    """Not one for the other place and then one for the restore, which would be nobody's."""
    original = str(this_installation())
    Installation.objects.all().delete()
    monkeypatch.setattr(places, "place", lambda: ["sqlite/another machine/srv/db.sqlite3"])

    restore(file, replace=True)

    assert neighbours() == [original]


def test_what_a_copy_beside_the_original_erases_stays_the_originals(file, trained, capsys):
    """An empty database takes the backup, on the same store."""
    original, keys = this_installation(), {trained.s3_key, trained.serving_key, trained.dataset_key}
    Installation.objects.all().delete()
    call_command("restore", file, "--replace")
    assert f"--take-over {original}" in capsys.readouterr().out

    with pytest.raises(HeldElsewhere, match=f"Nothing is changed yet: installation {original}"):
        erase_project(trained.project.key, now=timezone.now())
    assert MLModel.objects.exclude(s3_key="").exists()
    call_command("erase_project", trained.project.key, "--others-keep")
    told = capsys.readouterr().out

    assert all(f"Still in what another installation keeps: {key}" in told for key in keys)
    assert "Erased. In all else the search finds nothing any more." in told
    assert all(get_object_store().exists(key) for key in keys)
    assert not MLModel.objects.exclude(s3_key="").exists()


def test_whose_installation_is_lost_takes_its_objects_over_and_then_erases(file, trained):
    """The backup went into an empty database on the same store; what was trained since the backup has no row."""
    lost, since = this_installation(), f"ml_datasets/{trained.project_id}/training_set_20260303.jsonl"
    person = TeamMember.objects.filter(project=trained.project_id).get().user
    get_object_store().put(since, f'{{"title": "Ask {person.full_name}"}}'.encode())
    mark(get_object_store(), lost, since)
    Installation.objects.all().delete()
    restore(file, replace=True)
    with pytest.raises(HeldElsewhere, match=f"--take-over {lost}"):
        erase_person(person.email, now=timezone.now())

    take_over(str(lost))
    erase_person(person.email, now=timezone.now())

    assert not get_object_store().exists(since)
    assert neighbours() == []


def test_an_object_that_the_store_lacks_is_named(trained, tmp_path, capsys):
    get_object_store().delete(trained.dataset_key)

    with pytest.raises(SystemExit) as ended:
        call_command("backup", str(tmp_path / "kept.backup"))

    assert ended.value.code == 1
    assert f"MISSING  {trained.dataset_key}" in capsys.readouterr().out


def test_what_the_store_gives_for_an_object_is_in_the_backup_only_if_it_is_that_object(trained, tmp_path, capsys):
    (get_object_store().directory / trained.serving_key).write_bytes(b"<Error><Code>InternalError</Code></Error>")

    with pytest.raises(SystemExit) as ended:
        call_command("backup", str(tmp_path / "kept.backup"))

    assert ended.value.code == 1
    assert f"DAMAGED  {trained.serving_key}" in capsys.readouterr().out
    put = restore(tmp_path / "kept.backup", replace=True)
    assert (put.missing, put.objects) == ((trained.serving_key,), 2)


def test_a_store_that_gives_an_error_for_an_object_once_is_asked_again(trained, tmp_path, monkeypatch):
    real, asked = ObjectStore.get, []

    def first_an_error(self, key):
        asked.append(key)
        return b"<Error/>" if asked.count(key) == 1 else real(self, key)

    monkeypatch.setattr(ObjectStore, "get", first_an_error)

    made = backup(tmp_path / "kept.backup", now=timezone.now())

    assert (made.damaged, made.objects) == ((), 3)


def test_an_object_that_is_no_file_is_named_and_ends_neither_backup_nor_verification(trained, tmp_path, capsys):
    place = get_object_store().directory / trained.s3_key
    place.unlink()
    os.mkfifo(place)

    made = backup(tmp_path / "kept.backup", now=timezone.now())
    found = verify_store(now=timezone.now())

    assert (made.missing, made.objects) == ((trained.s3_key,), 2)
    assert [(each.fault, each.key) for each in found.findings] == [("damaged", trained.s3_key)]


def test_a_database_in_use_is_not_replaced_unasked(file):
    with pytest.raises(InUse):
        restore(file)
    with pytest.raises(CommandError, match="--replace does that"):
        call_command("restore", str(file))


def test_the_file_is_for_its_owner_only(file):
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.glob("*kept*")] == ["kept.backup"]


def changed(file, tmp_path, name, change):
    """The backup with one member changed."""
    path = tmp_path / "changed.backup"
    with tarfile.open(file) as before, tarfile.open(path, "w") as after:
        for member in before:
            data = before.extractfile(member).read()
            data = change(data) if member.name.startswith(name) else data
            member.size = len(data)
            after.addfile(member, BytesIO(data))
    return path


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("database", lambda data: data[:-9] + b"x" * 9, "database is damaged"),
        ("objects/ml_models", lambda data: data[:-1] + b"x", "is damaged"),
        ("manifest", lambda data: data.replace(b"ml.0001_initial", b"ml.0001_other"), "other migrations"),
        ("manifest", lambda data: data.replace(b'"format": 1', b'"format": 9'), "format 9"),
        ("manifest", lambda data: b"{}", "none of ours"),
        ("manifest", lambda data: b"[]", "none of ours"),
        ("manifest", lambda data: b"null", "none of ours"),
        ("manifest", lambda data: b"[" * 300_000, "cannot be read"),
        ("manifest", lambda data: data.replace(b'"missing": []', b'"missing": 5'), "none of ours"),
        ("manifest", lambda data: re.sub(rb'"objects": {[^}]*}', b'"objects": [1]', data), "none of ours"),
        ("manifest", lambda data: re.sub(rb'"objects": {[^}]*}', b'"objects": {"a": 1}', data), "none of ours"),
    ],
)
def test_a_file_that_is_damaged_or_of_another_version_changes_nothing(file, tmp_path, name, change, told):
    before = everything()

    with pytest.raises(BackupRefused, match=told):
        restore(changed(file, tmp_path, name, change), replace=True)

    assert everything() == before


def test_rows_that_the_database_does_not_take_are_told_in_one_line(file, tmp_path):
    """Such as a NUL or a longer text, which SQLite takes and PostgreSQL does not."""
    before = everything()

    def twice(data):
        rows = gzip.decompress(data).splitlines(keepends=True)
        return gzip.compress(b"".join([*rows, *(row for row in rows if b'"projects.project"' in row)]))

    broken = changed(file, tmp_path, "database", twice)
    with tarfile.open(broken) as archive:
        digest = hashlib.sha256(archive.extractfile("database.jsonl.gz").read()).hexdigest()
    again = tmp_path / "again"
    again.mkdir()
    fitting = changed(
        broken,
        again,
        "manifest",
        lambda data: re.sub(rb'"database_sha256": "\w+"', f'"database_sha256": "{digest}"'.encode(), data),
    )

    with pytest.raises(BackupRefused, match="does not take"):
        restore(fitting, replace=True)

    assert everything() == before


@pytest.mark.django_db(transaction=True)
def test_a_database_that_cannot_be_written_is_not_the_files_fault(file, monkeypatch):
    """A full disk, or somebody who holds it: `manage.py` tells of these in its own words."""

    def locked(_):
        raise OperationalError("database is locked")

    monkeypatch.setattr(backups, "_put_rows", locked)

    with pytest.raises(OperationalError):
        restore(file, replace=True)


@pytest.mark.django_db(transaction=True)
def test_a_new_installation_without_a_name_yet_is_backed_up(tmp_path, model_store_dir):
    Installation.objects.all().delete()

    call_command("backup", str(tmp_path / "first.backup"))

    assert Installation.objects.count() == 1


def test_what_is_no_backup_is_refused(tmp_path):
    (tmp_path / "letter.txt").write_text("Dear all")

    with pytest.raises(CommandError, match="cannot be read as a backup"):
        call_command("restore", str(tmp_path / "letter.txt"), "--replace")


def test_a_store_with_other_bytes_under_a_key_is_left_alone(file, trained):
    get_object_store().delete(trained.s3_key)
    get_object_store().put(trained.s3_key, b"of somebody else")

    with pytest.raises(BackupRefused, match="has another object"):
        restore(file, replace=True)

    assert get_object_store().get(trained.s3_key) == b"of somebody else"


def test_a_training_set_whose_name_another_has_by_now_comes_back_under_a_name_of_its_own(file, trained):
    """An erasure removed it, and the next training of its day took the name."""
    store, key = get_object_store(), trained.dataset_key
    before = store.get(key)
    store.delete(key)
    store.put(key, b"of the next training")

    for _ in range(2):
        restore(file, replace=True)

    came_back = MLModel.objects.get(pk=trained.pk).dataset_key
    assert came_back != key
    assert (store.get(came_back), store.get(key)) == (before, b"of the next training")
    assert verify_store(now=timezone.now()).is_sound


def test_a_file_that_is_there_is_replaced_only_when_asked_to(file, capsys):
    before = file.read_bytes()

    with pytest.raises(CommandError, match="is there already"):
        call_command("backup", str(file))
    assert file.read_bytes() == before
    call_command("backup", str(file), "--force")
    assert "the keys: keep .env" in capsys.readouterr().out


def test_who_forgot_the_key_is_told(file, trained, settings, capsys):
    settings.ML_SIGNING_KEYS = ["another key, of the installation that it was put back into"]

    with pytest.raises(SystemExit):
        call_command("verify_ml_models")

    assert "After a restore, bring the key that signed them" in capsys.readouterr().out
