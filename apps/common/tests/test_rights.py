"""The installation's folder and database are for their owner only, also where they were there before."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from apps.common.operations.rights import is_the_systems, keep_private, made, own_secret


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


def test_a_database_elsewhere_is_closed_too_and_nobody_elses_from_its_first_moment(tmp_path: Path) -> None:
    old, new = tmp_path / "old.sqlite3", tmp_path / "new.sqlite3"
    old.touch(mode=0o666)

    for elsewhere in (old, new):
        keep_private(tmp_path / "var", elsewhere)
        assert rights(elsewhere) == 0o600

    keep_private(tmp_path / "var", tmp_path / "no folder" / "new.sqlite3")


def test_what_is_stricter_already_stays(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    folder.mkdir(mode=0o500)

    keep_private(folder)

    assert rights(folder) == 0o500


@pytest.mark.parametrize(("mode", "held"), [(0o1777, ()), (0o1777, ("static",)), (0o755, ("holiday.jpg",))])
def test_a_folder_that_is_not_ours_alone_is_refused_and_stays_as_it_is(
    tmp_path: Path, mode: int, held: tuple[str, ...]
) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    for name in held:
        (folder / name).touch()
    folder.chmod(mode)

    with pytest.raises(SystemExit, match=r"SCRUM_ML_VAR_DIR is .* own"):
        keep_private(folder)

    assert rights(folder) == mode


@pytest.mark.parametrize("folder", ["/", "/tmp", "/dev/shm", "/home", "/etc/x", "/proc/x", "/dev/x", "/usr/bin"])
@pytest.mark.parametrize("way", ["{}", "{}/.", "/nowhere/..{}"])
def test_a_folder_of_the_system_is_refused_before_it_is_touched(
    folder: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mkdir", "chmod"):
        monkeypatch.setattr(Path, name, lambda *_, **__: pytest.fail("It is touched."))

    with pytest.raises(SystemExit, match=r"SCRUM_ML_VAR_DIR is .* the system's"):
        keep_private(Path(way.format(folder)))


def test_a_link_to_a_folder_of_the_system_is_one(tmp_path: Path) -> None:
    (tmp_path / "var").symlink_to("/")

    with pytest.raises(SystemExit, match="the system's"):
        keep_private(tmp_path / "var")


@pytest.mark.parametrize("place", ["/var/lib/scrum-ml", "/srv", "/tmp/scrum-ml", "/dev/shm/x", "/home/ann/var"])
def test_a_folder_of_somebodys_own_is_none_of_the_systems(place: str) -> None:
    assert not is_the_systems(Path(place))


def test_somebodys_home_is_no_installation_though_it_is_closed_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "ann"
    (home / "photographs").mkdir(parents=True)
    home.chmod(0o700)
    monkeypatch.setenv("HOME", str(home))

    with pytest.raises(SystemExit, match="this one holds more"):
        keep_private(home)


def test_the_home_of_an_account_of_the_services_own_is_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the image: with what a system puts into each home, and later with what is ours."""
    monkeypatch.setenv("HOME", str(tmp_path))
    tmp_path.chmod(0o700)
    (tmp_path / ".bashrc").touch()
    keep_private(tmp_path)
    made(tmp_path / "static")
    made(tmp_path / "models")

    keep_private(tmp_path)

    assert rights(tmp_path) == 0o700
    assert {each.name for each in tmp_path.iterdir()} == {".bashrc", "static", "models"}


def test_a_site_with_static_files_of_its_own_is_no_installation(tmp_path: Path) -> None:
    (tmp_path / "site" / "static").mkdir(parents=True)
    (tmp_path / "site" / "static" / "style.css").touch()
    (tmp_path / "site").chmod(0o755)

    with pytest.raises(SystemExit, match="this one holds more"):
        keep_private(tmp_path / "site")

    assert rights(tmp_path / "site") == 0o755


def test_a_new_volume_is_taken(tmp_path: Path) -> None:
    (tmp_path / "volume" / "lost+found").mkdir(parents=True)
    (tmp_path / "volume").chmod(0o755)

    keep_private(tmp_path / "volume")

    assert rights(tmp_path / "volume") == 0o700


def test_only_files_lose_rights_where_a_database_should_be(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    folder.chmod(0o755)

    keep_private(tmp_path / "var", folder)

    assert rights(folder) == 0o755


def test_a_file_where_the_folder_should_be_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SystemExit, match="a file is there"):
        keep_private(tmp_path / "file")


@pytest.mark.parametrize("write", [keep_private, made, own_secret])
def test_a_file_above_a_place_of_ours_is_told_in_a_line(tmp_path: Path, write: Callable[[Path], object]) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SystemExit, match=r"cannot write to .*; name a writable place with SCRUM_ML_VAR_DIR") as told:
        write(tmp_path / "file" / "var")

    assert len(str(told.value).splitlines()) == 1


def test_a_secret_is_made_once_and_is_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"

    secret = own_secret(path)

    assert (own_secret(path), len(secret), rights(path)) == (secret, 67, 0o600)
    assert os.listdir(tmp_path) == ["secret_key"]


@pytest.mark.parametrize("torn", [b"", b" \n", b"half-of-a-secret", b"\xff" * 67, b"\0" * 67, b"a" * 40 + b"\0" * 27])
def test_a_torn_secret_is_told_in_a_line_and_stays_for_whoever_looks(tmp_path: Path, torn: bytes) -> None:
    """Of zeros, as a power cut leaves them, anybody would know it."""
    path = tmp_path / "secret_key"
    path.write_bytes(torn)

    with pytest.raises(SystemExit, match=r"secret_key is no secret any more.* put it back") as told:
        own_secret(path)

    assert len(str(told.value).splitlines()) == 1
    assert path.read_bytes() == torn


def test_what_a_killed_process_left_of_a_secret_stops_no_later_one_of_its_number(tmp_path: Path) -> None:
    """In a container every process has the same."""
    (tmp_path / f"secret_key.{os.getpid()}").write_text("hal")

    assert len(own_secret(tmp_path / "secret_key")) == 67


class _KilledError(BaseException):
    """Nothing is done any more, as by kill -9."""


@pytest.mark.parametrize("killed_at", ["fsync", "link", "unlink"])
def test_of_a_process_that_is_killed_no_second_secret_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: str
) -> None:
    def is_killed(*_: object, **__: object) -> None:
        raise _KilledError

    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    with monkeypatch.context() as kill:
        for name in {killed_at, "unlink"}:
            kill.setattr(os, name, is_killed)
        with pytest.raises(_KilledError):
            own_secret(tmp_path / "secret_key")
    assert [name for name in os.listdir(tmp_path) if name != "secret_key"]

    own_secret(tmp_path / "secret_key")

    assert os.listdir(tmp_path) == ["secret_key"]


def test_a_second_name_of_an_earlier_version_goes_and_what_somebody_keeps_stays(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    own_secret(path)
    for name in ("secret_key.7", "secret_key.kept"):
        os.link(path, tmp_path / name)
    (tmp_path / "secret_key.8").write_text("one of before, kept to open what it has sealed")

    own_secret(path)

    assert sorted(os.listdir(tmp_path)) == ["secret_key", "secret_key.8", "secret_key.kept"]
