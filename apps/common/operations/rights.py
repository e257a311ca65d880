"""Folders and files of the installation are for their owner only, whoever made them how long ago."""

import contextlib
import os
import stat
from pathlib import Path

_FOLDER, _FILE = 0o700, 0o600
#: What SQLite writes beside a database; it takes their rights from it, when it makes them.
_BESIDE = ("", "-wal", "-shm", "-journal")


def keep_private(folder: Path, database: Path | None = None) -> None:
    """Make the folder, and take away what others may do there; the same for a database file, if that is one.

    What belongs to another user, such as a mounted volume, stays as it is.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER)
    _restrict(folder, _FOLDER)
    if database is None:
        return
    if database.parent == folder and not database.exists():
        # Before SQLite makes it, which would let others read it.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(database, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _FILE))
    for suffix in _BESIDE:
        _restrict(database.with_name(database.name + suffix), _FILE)


def _restrict(path: Path, most: int) -> None:
    with contextlib.suppress(FileNotFoundError, PermissionError):
        found = path.stat()
        if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & ~most:
            path.chmod(stat.S_IMODE(found.st_mode) & most)
