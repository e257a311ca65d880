"""Files that users name: what cannot be written is told before the work, and nothing is changed or left by that."""

import os
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

import pytest

from apps.common.operations import named_files
from apps.common.operations.named_files import NamedFile, NotWritten, require_writable, writable


@pytest.mark.parametrize(
    ("name", "why"),
    [("x" * 300, "name too long"), ("none/report.html", "there is no folder"), (".", "directory"), ("lost", "No such")],
)
def test_what_cannot_be_written_is_told_in_one_line(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")

    with pytest.raises(NotWritten, match=why) as refused:
        require_writable(tmp_path / name)

    assert "\n" not in refused.value.message
    # Not the link either, and nothing where it leads.
    assert os.listdir(tmp_path) == ["lost"]


def test_what_can_be_written_is_as_it_was(tmp_path: Path) -> None:
    kept, link, pipe = tmp_path / "kept", tmp_path / "link", tmp_path / "pipe"
    kept.write_text("kept")
    link.symlink_to(kept)
    os.mkfifo(pipe)

    require_writable(tmp_path / "new", kept, link, pipe, Path(os.devnull), None)

    assert sorted(os.listdir(tmp_path)) == ["kept", "link", "pipe"]
    assert link.read_text() == "kept"


def test_a_disk_that_is_full_is_told_too() -> None:
    full = Path("/dev/full")
    require_writable(full)

    with pytest.raises(NotWritten, match="/dev/full cannot be written: No space left on device"), NamedFile(full) as to:
        to.write("a line\n")


def test_a_script_says_it_before_it_begins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    parser.add_argument("--out", type=writable)

    assert parser.parse_args(["--out", str(tmp_path / "new")]).out == tmp_path / "new"
    with pytest.raises(SystemExit):
        parser.parse_args(["--out", str(tmp_path)])
    assert "cannot be written: Is a directory" in capsys.readouterr().err


def has_other_names(path: Path, _: pytest.MonkeyPatch) -> None:
    os.link(path, path.with_name("other"))


def is_mounted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = str(path).replace(" ", r"\040")
    path.with_name("mountinfo").write_text(f"36 35 98:0 / / rw - ext4 a rw\n37 35 98:0 /b {place} rw - ext4 b rw\n")
    monkeypatch.setattr(named_files, "MOUNTED", path.with_name("mountinfo"))


def is_where_output_goes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there, real = path.stat(), os.fstat
    monkeypatch.setattr(os, "fstat", lambda descriptor: there if descriptor == 1 else real(descriptor))


def is_of_a_group_that_is_not_ours(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group = path.stat().st_gid
    monkeypatch.setattr(os, "getegid", lambda: group + 1)
    monkeypatch.setattr(os, "getgroups", list)


@pytest.mark.parametrize(
    ("such", "is_same"),
    [
        (lambda *_: None, False), (has_other_names, True), (is_mounted, True), (is_where_output_goes, True),
        (is_of_a_group_that_is_not_ours, True),
    ],
    ids=["plain", "other names", "mounted", "output", "group"],
)  # fmt: skip
def test_a_file_that_nothing_can_take_the_place_of_is_written_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, such: Callable[..., None], is_same: bool
) -> None:
    path = tmp_path / "a file"
    path.write_text("before")
    path.chmod(0o640)
    such(path, monkeypatch)
    before = path.stat()

    with NamedFile(path, whole=True) as file:
        file.write("now")

    after = path.stat()
    assert path.read_text() == "now"
    assert (after.st_ino == before.st_ino, after.st_mode, after.st_gid) == (is_same, before.st_mode, before.st_gid)
