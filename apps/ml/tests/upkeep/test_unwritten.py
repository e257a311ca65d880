"""What killed uploads leave where files need a name: the nightly sweep takes it away when nobody can be writing it."""

import fcntl
import logging
import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from apps.ml.services.upkeep.strays import sweep_store
from apps.ml.storage import get_object_store

pytestmark = pytest.mark.django_db
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
PLACES = (
    "ml_models/effort_prediction/1.0.0/20260302_090000/.writing.12ab34cd",
    "ml_datasets/global/.writing.12ab34cd",
    "ml_indexes/x/.writing.12ab34cd",
    "ml_written_by/x/ml_models/.writing.12ab34cd",
    # As the object client of earlier versions called them.
    "ml_datasets/global/training_set_20260302-2.jsonl#1",
    "ml_models/effort_prediction/1.0.0/20260302_090000/serving.npz#12",
    "ml_indexes/x/texts_20260302_090000.npz#1",
)


def left(place: str) -> Path:
    path = Path(get_object_store().directory, place)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half")
    return path


@pytest.mark.parametrize("place", PLACES)
def test_the_sweep_removes_it_when_it_has_rested_for_an_hour(model_store_dir, place):
    path = left(place)
    now = timezone.now()

    sweep_store(now=now + HOUR - MINUTE)
    assert path.exists()
    sweep_store(now=now + HOUR + MINUTE)

    assert not path.exists()


def test_what_a_killed_process_left_goes_though_its_folder_is_written_to_no_more(model_store_dir, monkeypatch):
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    monkeypatch.setattr(os, "link", _is_killed)
    monkeypatch.setattr(os, "unlink", _is_killed)
    key = "ml_datasets/global/training_set_20260302.jsonl"
    with pytest.raises(_KilledError):
        get_object_store().put(key, b"Ask Ann")
    monkeypatch.undo()
    folder = Path(get_object_store().directory, key).parent
    assert [path.read_bytes() for path in folder.iterdir()] == [b"Ask Ann"]

    sweep_store(now=timezone.now() + 2 * HOUR)

    assert list(folder.iterdir()) == []


class _KilledError(SystemExit):
    """Nothing is done any more, as by kill -9."""


def _is_killed(*_, **__):
    raise _KilledError


def test_what_a_living_process_holds_stays(model_store_dir):
    path = left(PLACES[0])

    with path.open("rb+") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        sweep_store(now=timezone.now() + 2 * HOUR)

    assert path.exists()


def test_without_locks_its_age_alone_decides(model_store_dir, monkeypatch):
    path = left(PLACES[0])
    monkeypatch.setattr(fcntl, "flock", _knows_no_locks)

    sweep_store(now=timezone.now() + 2 * HOUR)

    assert not path.exists()


def _knows_no_locks(*_):
    raise OSError(95, "Operation not supported")


@pytest.mark.parametrize(
    "name", [".writing.longer_than_ours", ".writing.12ab34cd.kept", ".hidden", "notes#1", "notes #1"]
)
def test_what_is_somebodys_stays(model_store_dir, name):
    path = left(f"ml_datasets/global/{name}")

    sweep_store(now=timezone.now() + 2 * HOUR)

    assert path.exists()


def test_what_cannot_be_removed_is_told_and_stops_no_sweep(model_store_dir, monkeypatch, caplog):
    path = left(PLACES[0])
    monkeypatch.setattr(Path, "unlink", _refuses)

    with caplog.at_level(logging.WARNING):
        sweep_store(now=timezone.now() + 2 * HOUR)

    assert path.exists()
    assert "What a killed upload left stays" in caplog.text


def _refuses(*_, **__):
    raise PermissionError(13, "Permission denied")
