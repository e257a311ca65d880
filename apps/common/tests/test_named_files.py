"""Files that users name: what cannot be written is told before the work, and nothing is changed or left by that."""

import os
from argparse import ArgumentParser
from pathlib import Path

import pytest

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
