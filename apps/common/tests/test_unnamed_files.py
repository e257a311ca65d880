"""Files that come to their place when they are whole: who is in their way, and what a killed process left of one."""

import errno
import fcntl
import os
import stat
import time
from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import pytest
from django.core.files.uploadedfile import UploadedFile
from django.test import RequestFactory

from apps.common.operations.unnamed_files import coming_to
from tests.processes import has_unnamed_files

BEGINS, HALF = b"ours", b"ours, and no more"


@pytest.fixture(params=[True, False], ids=["unnamed", "named"])
def has_unnamed(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the file system has files without a name."""
    wanted: bool = request.param
    if not wanted:
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    elif not has_unnamed_files(tmp_path):
        pytest.skip("this file system has no files without a name")
    return wanted


def coming(path: Path) -> AbstractContextManager[IO[bytes]]:
    return coming_to(path, prefix=".aside.", begins=BEGINS)


def left(folder: Path, name: str = ".aside.abcd1234", content: bytes = HALF, mode: int = 0o600) -> Path:
    path = folder / name
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_file_is_seen_when_it_is_whole_and_is_its_owners_only(tmp_path: Path, has_unnamed: bool) -> None:
    path = tmp_path / ("x" * 255)
    path.write_bytes(b"before")

    with coming(path) as file:
        file.write(BEGINS)
        file.flush()
        others = [other for other in tmp_path.iterdir() if other != path]
        assert [stat.S_IMODE(other.stat().st_mode) for other in others] == ([] if has_unnamed else [0o600])
        assert path.read_bytes() == b"before"

    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (BEGINS, 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_leaves_what_was_there(tmp_path: Path, has_unnamed: bool) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b"before")

    def fail() -> None:
        with coming(path) as file:
            file.write(BEGINS)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", HALF])
def test_what_a_killed_one_left_is_taken_away_by_the_next(tmp_path: Path, has_unnamed: bool, content: bytes) -> None:
    left(tmp_path, content=content)

    with coming(tmp_path / "kept") as file:
        file.write(BEGINS)

    assert os.listdir(tmp_path) == ["kept"]


def test_what_a_living_one_writes_stays(tmp_path: Path, has_unnamed: bool) -> None:
    alive = left(tmp_path)
    with alive.open("rb+") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)

        with coming(tmp_path / "kept") as file:
            file.write(BEGINS)

    assert sorted(os.listdir(tmp_path)) == [alive.name, "kept"]


@pytest.mark.parametrize("rests_seconds", [60, 3_660])
def test_without_locks_what_has_rested_is_taken_away(
    tmp_path: Path, has_unnamed: bool, monkeypatch: pytest.MonkeyPatch, rests_seconds: int
) -> None:
    moment = time.time() - rests_seconds
    os.utime(left(tmp_path), (moment, moment))

    def knows_none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", knows_none)

    with coming(tmp_path / "kept") as file:
        file.write(BEGINS)

    assert sorted(os.listdir(tmp_path)) == ([".aside.abcd1234"] if rests_seconds < 3_600 else []) + ["kept"]


def test_two_at_once_both_come_to_their_place(tmp_path: Path, has_unnamed: bool) -> None:
    with coming(tmp_path / "one") as one:
        one.write(BEGINS)
        one.flush()
        with coming(tmp_path / "two") as two:
            two.write(BEGINS)

    assert sorted(os.listdir(tmp_path)) == ["one", "two"]


def test_what_is_somebodys_stays(tmp_path: Path, has_unnamed: bool) -> None:
    left(tmp_path, content=b"a list of what to buy")
    left(tmp_path, name=".aside.longer_than_ours")
    left(tmp_path, name=".aside.readable", mode=0o644)
    (tmp_path / ".aside.afolder1").mkdir()
    os.mkfifo(tmp_path / ".aside.apipe123", 0o600)
    (tmp_path / ".aside.alink123").symlink_to(left(tmp_path, name="elsewhere"))
    before = sorted(os.listdir(tmp_path))

    with coming(tmp_path / "kept") as file:
        file.write(BEGINS)

    assert sorted(os.listdir(tmp_path)) == sorted([*before, "kept"])


def test_what_came_first_stays_where_nothing_is_to_be_replaced(tmp_path: Path, has_unnamed: bool) -> None:
    path = tmp_path / "kept"

    with pytest.raises(FileExistsError), coming_to(path, prefix=".aside.", replace=False):
        path.write_bytes(b"first")

    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("size_bytes", [0, 10, 2_000])
def test_an_upload_is_read_whole_and_closed_with_its_request(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size_bytes: int
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1_000
    sent = BytesIO(b"x" * size_bytes)
    sent.name = "a.csv"
    request = RequestFactory().post("/", {"file": sent, "project": "SHOP"})

    file = request.FILES["file"]
    assert isinstance(file, UploadedFile)

    assert (file.name, file.size, b"".join(file.chunks()), request.POST["project"]) == (
        "a.csv", size_bytes, sent.getvalue(), "SHOP",
    )  # fmt: skip
    assert list(tmp_path.iterdir()) == []
    file.seek(0)
    assert file.read() == sent.getvalue()
    request.close()
    assert file.closed
