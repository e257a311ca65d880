"""Folders and files of the installation are for their owner only, whoever made them how long ago."""

import contextlib
import os
import re
import secrets
import stat
import sys
from pathlib import Path

from apps.common.operations.environment import needing_a_place, refuse
from apps.common.operations.unnamed_files import coming_to

_FOLDER, _FILE = 0o700, 0o600
#: What SQLite writes beside a database; it takes their rights from it, when it makes them.
_BESIDE = ("", "-wal", "-shm", "-journal")
_STATIC = "static"
#: One of these is in every folder of an installation.
_OURS = frozenset({"db.sqlite3", "secret_key", _STATIC})
#: What a file system puts into a new volume.
_NOBODYS = frozenset({"lost+found"})
_WHERE = "SCRUM_ML_VAR_DIR"
#: Of a secret; Django's own check says so of a shorter one. Ours have 67.
_LEAST_CHARACTERS = 50
#: No place for anything of ours: closed or filled, the machine would suffer.
_ROOTS = frozenset(
    f"/{name}"
    for name in (
        "", "boot", "dev/shm", "home", "opt", "root", "run", "tmp", "usr", "usr/local", "var", "var/lib", "var/log",
        "var/tmp",
    )
)  # fmt: skip
#: Nor is anywhere below these, but for the memory that is there for everybody's folders.
_SYSTEM = frozenset(
    f"/{name}"
    for name in (
        "bin", "dev", "etc", "lib", "lib64", "proc", "sbin", "sys", "usr/bin", "usr/lib", "usr/lib64", "usr/sbin",
    )
)  # fmt: skip
_MEMORY = "/dev/shm"  # noqa: S108 - what lies below it is made by who uses it


@needing_a_place(_WHERE)
def keep_private(folder: Path, database: Path | None = None) -> None:
    """Make the folder, and take away what others may do there; the same for a database file, if that is one.

    What belongs to another user, such as a mounted volume, stays as it is. A folder that is everybody's, or that holds
    other things and is open to others, is a slip: closed, it would be missed.
    """
    if is_the_systems(folder):
        refuse(_WHERE, str(folder), "it is a folder of this installation's own, and this one is the system's.")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER)
    except FileExistsError:
        refuse(_WHERE, str(folder), "a file is there; it is a folder.")
    if _is_anothers(folder):
        refuse(_WHERE, str(folder), "it is a folder of this installation's own, and this one holds more.")
    close_to_others(folder)
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
    secret = kept_secret(path)
    if len(secret) < _LEAST_CHARACTERS:
        # Never made anew: what the one before has signed and sealed would be lost.
        sys.exit(
            f"settings: {path} is no secret any more (empty or torn); put it back from your copy, or remove "
            "it: then a new one is made, and what was signed and sealed with it is refused."
        )
    return secret


def kept_secret(path: Path) -> str:
    """What a file holds; nothing where a full disk or a power cut left it empty or torn."""
    secret = path.read_text(errors="replace").strip()
    return secret if secret.isprintable() and "\N{REPLACEMENT CHARACTER}" not in secret else ""


def _forget_second_names(path: Path) -> None:
    """Of a process that was killed once its file was in place; an earlier version called it by its process."""
    if path.stat().st_nlink == 1:
        return
    aside = re.compile(rf"\.{re.escape(path.name)}\.\w{{8}}|{re.escape(path.name)}\.\d+")
    for each in path.parent.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if aside.fullmatch(each.name) and os.path.samestat(each.lstat(), path.stat()):
                each.unlink()


def is_the_systems(folder: Path) -> bool:
    """Whether it is a folder of the machine, by whatever way one gets there."""
    for path in {os.path.normpath(folder), os.path.realpath(folder)}:
        places = {path, *map(str, Path(path).parents)}
        if path in _ROOTS or (places & _SYSTEM and _MEMORY not in places):
            return True
    return False


def _is_anothers(folder: Path) -> bool:
    mode = folder.stat().st_mode
    if mode & stat.S_ISVTX:
        return True
    is_open = mode & ~_FOLDER & 0o777
    if not is_open and not _is_home(folder):
        return False
    held = {entry.name for entry in os.scandir(folder)} - _NOBODYS
    if not is_open:
        # An account of the service's own may have its folder for a home, with what a system puts into each.
        held = {name for name in held if not name.startswith(".")}
    return bool(held) and not _holds_ours(folder, held)


def _is_home(folder: Path) -> bool:
    with contextlib.suppress(OSError, RuntimeError):
        return folder.samefile(Path.home())
    return False


def _holds_ours(folder: Path, held: set[str]) -> bool:
    if held & _OURS != {_STATIC}:
        return bool(held & _OURS)
    # Many a site has one of that name; ours is empty, unless Django's own files were collected there.
    within = {entry.name for entry in os.scandir(folder / _STATIC)} if (folder / _STATIC).is_dir() else set()
    return not within or "admin" in within


def close_to_others(folder: Path) -> None:
    """Take away what others may do in a folder of ours, if it is there."""
    _restrict(folder, _FOLDER)


def _restrict(path: Path, most: int) -> None:
    with contextlib.suppress(FileNotFoundError, PermissionError):
        found = path.stat()
        is_meant = stat.S_ISDIR(found.st_mode) if most == _FOLDER else stat.S_ISREG(found.st_mode)
        if is_meant and found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & ~most:
            path.chmod(stat.S_IMODE(found.st_mode) & most)
