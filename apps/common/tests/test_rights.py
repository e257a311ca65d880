"""The installation's folder and database are for their owner only, also where they were there before."""

import stat
from pathlib import Path

from apps.common.operations.rights import keep_private


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_and_a_database_that_others_could_read_are_closed(tmp_path: Path) -> None:
    folder, database = tmp_path / "var", tmp_path / "var" / "db.sqlite3"
    folder.mkdir(mode=0o755)
    for path in (database, folder / "db.sqlite3-wal"):
        path.touch(mode=0o644)

    keep_private(folder, database)

    assert (rights(folder), rights(database), rights(folder / "db.sqlite3-wal")) == (0o700, 0o600, 0o600)


def test_a_new_database_is_nobody_elses_from_its_first_moment(tmp_path: Path) -> None:
    keep_private(tmp_path / "var", tmp_path / "var" / "db.sqlite3")

    assert (rights(tmp_path / "var"), rights(tmp_path / "var" / "db.sqlite3")) == (0o700, 0o600)


def test_a_database_elsewhere_is_closed_and_not_made(tmp_path: Path) -> None:
    elsewhere = tmp_path / "data.sqlite3"

    keep_private(tmp_path / "var", elsewhere)

    assert not elsewhere.exists()
    elsewhere.touch(mode=0o666)
    keep_private(tmp_path / "var", elsewhere)
    assert rights(elsewhere) == 0o600


def test_what_is_stricter_already_stays(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    folder.mkdir(mode=0o500)

    keep_private(folder)

    assert rights(folder) == 0o500
