"""Objects without a row: only what this installation wrote is removed, and only after the stated delay."""

import logging
import shutil
from datetime import timedelta
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.ml.models import Installation, MLModel, StrayObject
from apps.ml.services.upkeep.installation import (
    GAP,
    become_another,
    forget_gaps,
    neighbours,
    note_activity,
    take_over,
    this_installation,
    warn_of_neighbours,
)
from apps.ml.services.upkeep.strays import REMOVED_AFTER, sweep_store
from apps.ml.services.upkeep.verification import delete_orphans, verify_store
from apps.ml.storage import get_object_store
from apps.ml.storage.keys import mark_key
from apps.ml.storage.marks import mark
from apps.projects.services import delete_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def later():
    return timezone.now() + timedelta(hours=2)


def keys_of(model):
    return {model.s3_key, model.serving_key, model.dataset_key}


def be_a_stranger():
    """The same process is another installation now, with a database that knows no model."""
    MLModel.objects.all().delete()
    Installation.objects.all().delete()
    note_activity(timezone.now())


def test_another_installations_objects_are_listed_and_never_removed(trained, later, capsys, monkeypatch):
    keys = keys_of(trained)
    be_a_stranger()

    found = verify_store(now=later)

    assert {finding.key for finding in found.of("foreign")} == keys
    assert found.is_sound
    assert delete_orphans(found) == []
    assert sweep_store(now=later) == sweep_store(now=later + 2 * REMOVED_AFTER) == 0
    assert all(get_object_store().exists(key) for key in keys)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    call_command("verify_ml_models", "--delete-orphans")
    assert "3 objects are another installation's or nobody's, and stay." in capsys.readouterr().out


def test_both_are_told_at_start(trained, caplog):
    assert neighbours() == []
    be_a_stranger()

    with caplog.at_level(logging.WARNING):
        warn_of_neighbours()

    assert "holds objects of 1 other installations" in caplog.text
    assert "AWS_STORAGE_PREFIX" in caplog.text


def test_objects_that_nobody_has_marked_are_nobodys(trained, later):
    shutil.rmtree(get_object_store().directory / "ml_written_by")
    MLModel.objects.all().delete()

    assert {finding.fault for finding in verify_store(now=later).findings} == {"foreign"}


def test_what_rows_name_is_marked_where_it_was_written_before_there_were_marks(trained, later):
    shutil.rmtree(get_object_store().directory / "ml_written_by")

    sweep_store(now=later)

    assert all(get_object_store().exists(mark_key(this_installation(), key)) for key in keys_of(trained))


def test_a_deleted_projects_models_and_training_sets_are_removed_after_a_week(trained, team, later):
    keys = keys_of(trained)
    delete_project(team)

    assert sweep_store(now=later) == 0
    assert sweep_store(now=later + REMOVED_AFTER - timedelta(minutes=1)) == 0
    assert all(get_object_store().exists(key) for key in keys)
    assert sweep_store(now=later + REMOVED_AFTER) == 3

    assert not any(get_object_store().exists(key) for key in keys)
    assert get_object_store().list("ml_written_by") == []
    assert not StrayObject.objects.exists()


def test_what_gets_its_row_back_within_the_week_stays(trained, later):
    row = MLModel.objects.get()
    trained.delete()
    sweep_store(now=later)
    row.save(force_insert=True)

    assert sweep_store(now=later + REMOVED_AFTER) == 0
    assert not StrayObject.objects.exists()


def test_objects_that_are_newer_than_the_database_stay(trained, later):
    """Its backup of before the training was put back by hand."""
    trained.delete()
    Installation.objects.update(active_at=timezone.now() - timedelta(days=1))

    found = verify_store(now=later)

    assert {finding.fault for finding in found.findings} == {"newer"}
    assert not found.is_sound
    assert delete_orphans(found) == []


def test_they_stay_when_the_database_is_in_use_again(trained, later):
    trained.delete()
    Installation.objects.update(active_at=timezone.now() - GAP)
    note_activity(later)

    assert sweep_store(now=later + 2 * GAP) == 0
    assert Installation.objects.get().gaps == []
    note_activity(later + REMOVED_AFTER)

    assert sweep_store(now=later + REMOVED_AFTER) == 0
    assert {finding.fault for finding in verify_store(now=later + REMOVED_AFTER).findings} == {"newer"}


def test_they_stay_where_the_first_sweep_finds_them_young(trained, later):
    trained.delete()
    now = timezone.now()
    Installation.objects.update(active_at=now - 3 * GAP)
    note_activity(now + timedelta(minutes=2))

    assert sweep_store(now=now + timedelta(minutes=3)) == 0
    note_activity(later)

    assert {finding.fault for finding in verify_store(now=later).findings} == {"newer"}
    assert sweep_store(now=later) == 0
    assert sweep_store(now=later + REMOVED_AFTER) == 0


def test_a_gap_of_which_the_sweep_did_not_know_is_kept(trained, later):
    gap = [(later - 3 * GAP).isoformat(), (later - 2 * GAP).isoformat()]
    Installation.objects.update(gaps=[gap])

    forget_gaps([], until=later)
    assert Installation.objects.get().gaps == [gap]
    forget_gaps([gap], until=later)
    assert Installation.objects.get().gaps == []


def test_a_clock_that_was_ahead_says_nothing_once_it_is_set_back(trained, later):
    trained.delete()
    note_activity(later + timedelta(days=365))
    note_activity(timezone.now() - 3 * GAP)

    assert {finding.fault for finding in verify_store(now=later).findings} == {"newer"}


def test_a_database_in_steady_use_has_no_gaps(db, now):
    for minute in range(3):
        note_activity(now + timedelta(minutes=minute))

    assert Installation.objects.get().gaps == []


def test_a_restored_database_takes_whom_it_replaces_for_no_stranger(trained, later):
    become_another(Installation.objects.get())

    assert neighbours() == []
    trained.delete()
    assert {finding.fault for finding in verify_store(now=later).findings} == {"orphan"}


def be_a_copy(trained):
    """What a restore beside the original does: another installation, which holds the same objects."""
    original = str(this_installation())
    become_another()
    mark(get_object_store(), this_installation(), *keys_of(trained))
    return original


def test_a_copy_beside_the_original_is_told_of_it(trained):
    original = be_a_copy(trained)

    assert neighbours() == [original]


def test_what_the_original_holds_as_well_stays_when_the_copy_deletes_it(trained, team, later):
    keys, original = keys_of(trained), be_a_copy(trained)
    delete_project(team)

    found = verify_store(now=later)

    assert {finding.key for finding in found.of("shared")} == keys
    assert found.is_sound
    assert delete_orphans(found) == []
    assert all(get_object_store().exists(key) for key in keys)
    assert {mark.split("/")[1] for mark in marks()} == {original}
    assert {finding.fault for finding in verify_store(now=later).findings} == {"foreign"}


def test_the_nightly_sweep_of_a_copy_leaves_it_too_and_the_original_removes_it(trained, team, later):
    keys, original = keys_of(trained), be_a_copy(trained)
    delete_project(team)
    sweep_store(now=later)

    assert sweep_store(now=later + REMOVED_AFTER) == 0
    assert all(get_object_store().exists(key) for key in keys)

    Installation.objects.update(identifier=original)
    sweep_store(now=later)
    assert sweep_store(now=later + REMOVED_AFTER) == 3
    assert marks() == []


def test_objects_of_an_installation_that_runs_no_more_are_taken_over(trained, team, later, capsys):
    keys, original = keys_of(trained), be_a_copy(trained)
    delete_project(team)

    assert take_over(original) == len(keys)

    assert neighbours() == []
    assert {finding.key for finding in verify_store(now=later).of("orphan")} == keys
    with pytest.raises(CommandError, match="No other installation of the name"):
        call_command("verify_ml_models", "--take-over", original)


@pytest.mark.parametrize("name", [".DS_Store", "x", f"{UUID(int=7)}/.DS_Store", "lost+found/ml_models/x", "a/b/c/d"])
def test_what_lies_among_the_marks_and_is_none_stays_and_is_told(trained, later, name):
    strange = get_object_store().directory / "ml_written_by" / name
    strange.parent.mkdir(parents=True, exist_ok=True)
    strange.write_bytes(b"")

    found = verify_store(now=later)

    assert f"ml_written_by/{name}" in {finding.key for finding in found.of("foreign")}
    assert found.is_sound
    assert sweep_store(now=later) == 0
    assert strange.exists()


def marks():
    return [found.key for found in get_object_store().list("ml_written_by")]
