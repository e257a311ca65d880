"""Where a backup goes: in place of nothing, or of a file that is to be replaced."""

import errno
import io
import os
import tempfile

import pytest
from django.core.management import CommandError, call_command

from apps.common.operations.named_files import NotWritten
from apps.upkeep import backup as backups
from conftest import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path):
    """A backup of before."""
    path = tmp_path / "kept.backup"
    call_command("backup", str(path))
    return path


@pytest.mark.parametrize("force", [False, True])
def test_a_backup_takes_the_place_of_a_file_or_of_nothing(file, tmp_path, force):
    (tmp_path / "link").symlink_to(file)
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    before = sorted((path.name, path.lstat().st_mode) for path in tmp_path.iterdir())

    for name, why in (
        ("link", "is a link"), ("lost", "is a link"), ("pipe", "device or pipe"), ("folder", "a folder"),
        ("x" * 300, "name too long"), ("none/kept.backup", "there is no folder"), (os.devnull, "device or pipe"),
    ):  # fmt: skip
        with pytest.raises(CommandError, match=why) as refused:
            call_command("backup", str(tmp_path / name), force=force)
        assert "\n" not in str(refused.value)

    assert sorted((path.name, path.lstat().st_mode) for path in tmp_path.iterdir()) == before


def test_the_longest_name_that_a_file_may_have_is_taken(tmp_path):
    path = tmp_path / ("x" * 255)

    call_command("backup", str(path))

    assert os.listdir(tmp_path) == [path.name]


def test_what_is_there_already_is_replaced_where_that_is_asked_for(file):
    before = file.read_bytes()

    with pytest.raises(CommandError, match="--force puts"):
        call_command("backup", str(file))
    assert file.read_bytes() == before
    call_command("backup", str(file), force=True)

    assert file.read_bytes() != before


def test_what_comes_to_its_place_while_a_backup_is_made_stays(tmp_path, monkeypatch):
    path, real = tmp_path / "kept.backup", backups._write

    def meanwhile(*words):
        path.symlink_to(os.devnull)
        return real(*words)

    monkeypatch.setattr(backups, "_write", meanwhile)

    with pytest.raises(CommandError, match="is a link"):
        call_command("backup", str(path), force=True)

    assert [(each.name, each.is_symlink()) for each in tmp_path.iterdir()] == [("kept.backup", True)]


def test_a_folder_of_temporary_files_that_is_full_is_named_and_not_the_files(tmp_path, monkeypatch):
    class Full(io.BytesIO):
        def write(self, _):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tempfile.TemporaryFile", Full)

    with pytest.raises(NotWritten) as told:
        backups.backup(tmp_path / "kept.backup", now=NOW)

    assert told.value.message == f"{tempfile.gettempdir()} cannot be written: No space left on device."
    assert os.listdir(tmp_path) == []
