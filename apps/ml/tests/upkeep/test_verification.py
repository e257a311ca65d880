"""Every stored object against the database."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command

from apps.ml.models import MLModel
from apps.ml.services.upkeep.verification import delete_orphans, verify_store
from apps.ml.storage import get_object_store

pytestmark = pytest.mark.django_db


@pytest.fixture
def later(settings):
    """A moment at which what this test stores is two hours old by the store's own clock."""
    from django.utils import timezone

    return timezone.now() + timedelta(hours=2)


def damage(settings, key, change):
    path = settings.MODEL_STORE_DIR / key
    path.write_bytes(change(path.read_bytes()))


def test_a_sound_store_has_no_findings(trained, later):
    found = verify_store(now=later)

    assert (found.models, found.objects, found.findings) == (1, 3, ())
    assert found.is_sound


@pytest.mark.parametrize("column", ["s3_key", "serving_key", "dataset_key"])
def test_a_missing_object_is_named_with_its_model(trained, later, column):
    key = getattr(trained, column)
    get_object_store().delete(key)

    [finding] = verify_store(now=later).findings

    assert (finding.fault, finding.key) == ("missing", key)
    assert str(trained) in finding.detail


@pytest.mark.parametrize("column", ["s3_key", "serving_key", "dataset_key"])
def test_a_flipped_byte_is_found_in_models_and_training_sets(trained, settings, later, column):
    key = getattr(trained, column)
    damage(settings, key, lambda data: data[:10] + bytes([data[10] ^ 1]) + data[11:])

    [finding] = verify_store(now=later).findings

    assert (finding.fault, finding.key) == ("damaged", key)


def test_an_object_that_nobody_here_signed_is_found(trained, later):
    MLModel.objects.update(signature="")

    [finding] = verify_store(now=later).findings

    assert (finding.fault, finding.key) == ("unsigned", trained.s3_key)


def test_models_and_training_sets_without_a_row_are_orphans_and_only_they_are_deleted(trained, team, later):
    """What a crash between upload and row leaves behind."""
    keys = {trained.s3_key, trained.serving_key, trained.dataset_key}
    trained.delete()
    store = get_object_store()
    store.put("backups/of-somebody-else.bin", b"not ours")

    found = verify_store(now=later)

    assert {finding.key for finding in found.of("orphan")} == keys
    assert not found.is_sound
    assert set(delete_orphans(found)) == keys
    assert store.list("ml_models") == store.list("ml_datasets") == []
    assert store.exists("backups/of-somebody-else.bin")


def test_objects_younger_than_an_hour_may_belong_to_a_training_that_goes_on(trained):
    from django.utils import timezone

    trained.delete()

    found = verify_store(now=timezone.now())

    assert {finding.fault for finding in found.findings} == {"young"}
    assert found.is_sound
    assert delete_orphans(found) == []


def test_an_orphan_that_got_its_row_meanwhile_stays(trained, later):
    row = MLModel.objects.get()
    trained.delete()
    found = verify_store(now=later)
    row.save(force_insert=True)

    assert delete_orphans(found) == []
    assert verify_store(now=later).is_sound


def test_the_command_says_that_all_is_well(trained, capsys):
    call_command("verify_ml_models")

    assert capsys.readouterr().out == "1 model, 3 objects: all as recorded.\n"


def test_the_command_exits_with_one_on_trouble_and_its_json_says_which(trained, settings, capsys):
    damage(settings, trained.s3_key, lambda data: data[:-1])

    with pytest.raises(SystemExit) as ended:
        call_command("verify_ml_models", "--json")

    assert ended.value.code == 1
    report = json.loads(capsys.readouterr().out)
    assert [(finding["fault"], finding["key"]) for finding in report["findings"]] == [("damaged", trained.s3_key)]


def test_the_command_deletes_orphans_when_asked_and_then_all_is_well(trained, capsys, monkeypatch, later):
    trained.delete()
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)

    with pytest.raises(SystemExit):
        call_command("verify_ml_models")
    call_command("verify_ml_models", "--delete-orphans")
    call_command("verify_ml_models")

    assert capsys.readouterr().out.endswith("0 models, 0 objects: all as recorded.\n")
