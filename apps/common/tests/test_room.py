"""Whether a database's file may grow."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from apps.common.operations.room import unwritable
from tests.processes import ROOT


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "db.sqlite3"
    place.touch()
    return place


def test_a_file_that_may_grow_and_one_in_memory_can_be_written(file: Path) -> None:
    assert unwritable(str(file)) == unwritable(str(file.parent / "none")) == ""
    assert os.listdir(file.parent) == [file.name], "Asking leaves nothing."


def test_whoever_only_asks_waits_for_no_disk(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe has two seconds, and a disk that others write to takes longer."""
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)

    assert unwritable(str(file)) == ""
    assert synced == []


def test_a_file_on_a_full_disk_cannot_be_written(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda place: SimpleNamespace(free=2**20))

    assert unwritable(str(file)) == "the disk is full"


def test_a_file_that_is_for_reading_only_cannot_be_written(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda place, mode: place != file.parent)

    assert unwritable(str(file)) == "its file or folder is for reading only"


def test_a_folder_that_takes_nothing_whatever_its_rights_say_is_told(file: Path) -> None:
    """By a limit of the process, since a quota and a failed disk are refused at the same place."""
    asked = "from apps.common.operations.room import unwritable; print(unwritable(sys.argv[1]))"
    limited = f"import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); {asked}"

    told = subprocess.run(
        [sys.executable, "-c", limited, file], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )

    assert told.stdout == "its folder takes nothing (File too large)\n"
