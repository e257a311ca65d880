"""Folders and files of the installation are for their owner only, whoever made them how long ago."""

import contextlib
import os
import re
import secrets
import stat
from pathlib import Path

from apps.common.operations.environment import needing_a_place, refuse
from apps.common.operations.unnamed_files import coming_to

_FOLDER, _FILE = 0o700, 0o600
#: What SQLite writes beside a database; it takes their rights from it, when it makes them.
_BESIDE = ("", "-wal", "-shm", "-journal")
#: One of these is in every folder of an installation.
_OURS = frozenset({"db.sqlite3", "secret_key", "static"})
#: What a file system puts into a new volume.
_NOBODYS = frozenset({"lost+found"})
_WHERE = "SCRUM_ML_VAR_DIR"


@needing_a_place(_WHERE)
def keep_private(folder: Path, database: Path | None = None) -> None:
    """Make the folder, and take away what others may do there; the same for a database file, if that is one.

    What belongs to another user, such as a mounted volume, stays as it is. A folder that is everybody's, or that holds
    other things and is open to others, is a slip: closed, it would be missed.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER)
    except FileExistsError:
        refuse(_WHERE, str(folder), "a file is there; it is a folder.")
    if _is_anothers(folder):
        refuse(_WHERE, str(folder), "it is a folder of this installation's own, and this one holds more.")
    _restrict(folder, _FOLDER)
    if database is None:
        return
    if not database.exists():
        # Before SQLite makes it, which would let others read it. That it cannot be made elsewhere, SQLite says itself.
        with contextlib.suppress(FileExistsError if database.parent == folder else OSError):
            os.close(os.open(database, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _FILE))
    for suffix in _BESIDE:
        _restrict(database.with_name(database.name + suffix), _FILE)


@needing_a_place(_WHERE)
def made(folder: Path) -> Path:
    """A folder within the installation's."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@needing_a_place(_WHERE)
def own_secret(path: Path) -> str:
    """A secret of this installation: made once, kept readable by its owner only."""
    if not path.exists():
        # Of several first processes one makes it, and none reads an empty file.
        with (
            contextlib.suppress(FileExistsError),
            coming_to(path, prefix=f".{path.name}.", replace=False, mode=_FILE) as file,
        ):
            file.write(secrets.token_urlsafe(50).encode())
    _forget_second_names(path)
    return path.read_text().strip()


def _forget_second_names(path: Path) -> None:
    """Of a process that was killed once its file was in place; an earlier version called it by its process."""
    if path.stat().st_nlink == 1:
        return
    aside = re.compile(rf"\.{re.escape(path.name)}\.\w{{8}}|{re.escape(path.name)}\.\d+")
    for each in path.parent.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if aside.fullmatch(each.name) and os.path.samestat(each.lstat(), path.stat()):
                each.unlink()


def _is_anothers(folder: Path) -> bool:
    mode = folder.stat().st_mode
    if mode & stat.S_ISVTX:
        return True
    is_open = mode & ~_FOLDER & 0o777
    held = {entry.name for entry in os.scandir(folder)} - _NOBODYS if is_open else set()
    return bool(held) and not held & _OURS


def _restrict(path: Path, most: int) -> None:
    with contextlib.suppress(FileNotFoundError, PermissionError):
        found = path.stat()
        is_meant = stat.S_ISDIR(found.st_mode) if most == _FOLDER else stat.S_ISREG(found.st_mode)
        if is_meant and found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & ~most:
            path.chmod(stat.S_IMODE(found.st_mode) & most)
