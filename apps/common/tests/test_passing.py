"""The file of what passes within minutes: whatever becomes of it, limits hold again at once."""

import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from apps.common import passing
from apps.common.counters import _COUNT
from apps.common.passing import _PassingFile

pytestmark = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has tables for it.")
COUNT = _COUNT.format("?")


def cut(path: Path) -> None:
    os.truncate(path, 8_192)


def zeros(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


def noise(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def torn_pages(path: Path) -> None:
    """All but the first, which says that it is a database."""
    whole = path.read_bytes()
    path.write_bytes(whole[:4_096] + os.urandom(len(whole) - 4_096))


def counted(file: _PassingFile) -> int:
    row = file.run(COUNT, ["key", 60, 1])
    assert row is not None
    return int(row[0])


def filled(folder: Path) -> None:
    """A file of several pages, closed as a machine that stops leaves it."""
    file = _PassingFile(str(folder))
    for n in range(500):
        file.run(COUNT, [f"{n} {'x' * 40}", 60, 1])
    file.run("PRAGMA wal_checkpoint(TRUNCATE)", [])


@pytest.mark.parametrize("damage", [cut, zeros, noise, torn_pages])
def test_a_spoiled_file_is_made_anew_and_counts(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Any) -> None:
    filled(tmp_path)
    path = tmp_path / "throttle.sqlite3"
    damage(path)

    file = _PassingFile(str(tmp_path))

    assert [counted(file) for _ in range(3)] == [1, 2, 3]
    assert caplog.text.count("is spoiled") == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_processes_that_find_it_spoiled_count_together_again(tmp_path: Path) -> None:
    one, other = _PassingFile(str(tmp_path)), _PassingFile(str(tmp_path))
    counted(one)
    counted(other)
    zeros(tmp_path / "throttle.sqlite3")
    (tmp_path / "throttle.sqlite3-wal").write_bytes(b"")

    fresh = _PassingFile(str(tmp_path))

    assert [counted(each) for each in (fresh, one, other, one)] == [1, 2, 3, 4]


def test_a_file_that_somebody_removed_is_made_anew(tmp_path: Path) -> None:
    file = _PassingFile(str(tmp_path))
    counted(file)
    for each in tmp_path.glob("throttle.sqlite3*"):
        each.unlink()

    assert [counted(each) for each in (file, _PassingFile(str(tmp_path)))] == [1, 2]


def test_a_file_whose_rights_cannot_be_set_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "chmod", refuses)
    assert counted(_PassingFile(str(tmp_path))) == 1


def test_a_folder_that_takes_nothing_stops_nobody(
    tmp_path: Path, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.VAR_DIR = tmp_path / "gone"

    assert passing.run(COUNT, ["key", 60, 1]) is None

    assert "not counted" in caplog.text


def test_a_file_that_cannot_be_opened_leaves_no_more_open_with_each_try(tmp_path: Path) -> None:
    """Each request tries it again, for as long as it is held."""
    file = _PassingFile(str(tmp_path))
    holder = sqlite3.connect(tmp_path / "throttle.sqlite3", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    n_open = []

    for _ in range(3):
        with pytest.raises(sqlite3.OperationalError):
            counted(file)
        # SQLite keeps one while another connection of this process holds the file (POSIX locks are a process's).
        n_open.append(len(os.listdir("/proc/self/fd")))

    holder.close()
    assert len(set(n_open)) == 1


def test_a_fault_that_passes_is_told_as_it_is(tmp_path: Path) -> None:
    file = _PassingFile(str(tmp_path))
    with pytest.raises(sqlite3.OperationalError):
        file.run("SELECT nothing FROM nowhere", [])
