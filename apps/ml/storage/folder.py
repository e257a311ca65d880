"""The model store in a folder: flushed to disk, and never anything but regular files that lie where they seem to."""

import errno
import logging
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import ClassVar

from apps.common.operations.rights import close_to_others
from apps.common.operations.unnamed_files import LEFT_AFTER, coming_to, is_held
from apps.ml.storage.errors import NotRegular
from apps.ml.storage.keys import TOPS, is_name_of_a_file
from apps.ml.storage.stored import StoredObject, joined, refuse_larger

#: How that is called which is not written whole yet, on file systems that must name it.
_ASIDE = ".writing."
#: Of a file, and of a folder: training sets tell what a team worked on.
_RIGHTS, _FOLDER_RIGHTS = 0o600, 0o700
#: The same, and what the client of earlier versions called so.
_TEMPORARY = re.compile(rf"(?P<by_client>.*)#\d+|{re.escape(_ASIDE)}\w{{8}}", re.DOTALL)
#: Ways to open what must be a folder, or a file, and no link. Without waiting for whoever writes into a pipe.
_AS_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_AS_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
#: What the system says of a link, of a file in a folder's place, and of a socket or a device that is none.
_IS_OTHER = frozenset({errno.ELOOP, errno.ENOTDIR, errno.ENXIO, errno.ENODEV})
_PART_BYTES = 2**20

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder and all below it.

    Whoever may write into it could otherwise have this process read, remove or wait for whatever it may: so what is
    read or removed is opened folder by folder, and looked at when it is open.
    """

    name: ClassVar[str] = "Directory"
    directory: Path

    @property
    def place(self) -> str:
        return f"directory {str(self.directory)!r}"

    def close_to_others(self) -> None:
        """Take from others what they may do below the folders of ours, whoever made the one that these lie in."""
        for name in TOPS:
            close_to_others(self.directory / name)

    def put(self, key: str, data: bytes) -> None:
        """Write a new file and flush it, and every folder that leads to it."""
        _write_new(self.directory, key, data)
        _make_durable(self.directory, key)

    def get(self, key: str, most_bytes: int) -> bytes:
        with self._beside(key) as (folder, name):
            descriptor = os.open(name, _AS_FILE, dir_fd=folder)
            try:
                refuse_larger(_regular(os.fstat(descriptor)).st_size, most_bytes)
                return joined(iter(partial(os.read, descriptor, _PART_BYTES), b""), most_bytes)
            finally:
                os.close(descriptor)

    def head(self, key: str) -> StoredObject:
        with self._beside(key) as (folder, name):
            return _stored(key, _regular(os.stat(name, dir_fd=folder, follow_symlinks=False)))

    def delete(self, key: str) -> None:
        """Remove a file; a link itself, never what it leads to."""
        with suppress(FileNotFoundError), self._beside(key) as (folder, name):
            os.unlink(name, dir_fd=folder)

    def delete_some(self, keys: Sequence[str]) -> set[str]:
        """A folder has no question for many."""
        return set()

    def listed(self, prefix: str) -> Iterator[StoredObject]:
        return self._files(prefix, unwritten=False)

    def folders(self, prefix: str) -> Iterator[str]:
        try:
            with os.scandir(self.directory / prefix) as entries:
                found = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
            yield from (entry.name for entry in found if _holds_something(entry.path))
        except FileNotFoundError:
            return

    def unwritten(self, prefix: str) -> Iterator[StoredObject]:
        return self._files(prefix, unwritten=True)

    def remove_unwritten(self, prefix: str, *, now: datetime) -> int:
        removed = 0
        for left in self.unwritten(prefix):
            if now - left.modified_at < LEFT_AFTER or not _is_ours(left.key):
                continue
            path = self.directory / left.key
            try:
                if not is_held(path):
                    path.unlink()
                    removed += 1
            except FileNotFoundError:
                continue
            except OSError as error:
                logger.warning("What a killed upload left stays key=%r: %s", left.key, error.strerror)
        return removed

    def _files(self, prefix: str, *, unwritten: bool) -> Iterator[StoredObject]:
        """What is still being written is no object yet."""
        root, others = self.directory, list[str]()
        for folder, folders, names in os.walk(root / prefix, onerror=_unless_it_is_gone):
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            for name in (*names, *links):
                path = Path(folder, name)
                key = path.relative_to(root).as_posix()
                try:
                    status = path.lstat()
                except FileNotFoundError:  # removed meanwhile
                    continue
                if stat.S_ISREG(status.st_mode) and os.path.realpath(path) == str(path):
                    if bool(_TEMPORARY.fullmatch(name)) == unwritten:
                        yield _stored(key, status)
                else:
                    others.append(key)
        if others and not unwritten:
            logger.warning(
                "%d things in the model store are no regular files and are not read: %s", len(others), others[0]
            )

    @contextmanager
    def _beside(self, key: str) -> Iterator[tuple[int, str]]:
        """The folder in which a key lies, open, and the key's name in it."""
        *above, name = key.split("/")
        try:
            folder = os.open(self.directory, _AS_FOLDER)
            try:
                for each in above:
                    below = os.open(each, _AS_FOLDER, dir_fd=folder)
                    os.close(folder)
                    folder = below
                yield folder, name
            finally:
                os.close(folder)
        except OSError as error:
            if error.errno in _IS_OTHER:
                raise NotRegular("it is no regular file") from None
            raise


def _regular(status: os.stat_result) -> os.stat_result:
    if stat.S_ISDIR(status.st_mode):
        raise FileNotFoundError  # a prefix is no object
    if not stat.S_ISREG(status.st_mode):
        raise NotRegular("it is no regular file")
    return status


def _stored(key: str, status: os.stat_result) -> StoredObject:
    return StoredObject(key, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC), None)


def _is_ours(key: str) -> bool:
    """Whether something unwritten has a name that we or the client of earlier versions gave it."""
    temporary = _TEMPORARY.fullmatch(key.rpartition("/")[2])
    return temporary is not None and (temporary["by_client"] is None or is_name_of_a_file(temporary["by_client"]))


def _unless_it_is_gone(error: OSError) -> None:
    # A folder that cannot be read is not an empty one: a backup or the proof of an erasure would take it for one.
    if not isinstance(error, FileNotFoundError):
        raise error


def _write_new(root: Path, key: str, data: bytes) -> None:
    path = root / key
    for each in reversed(Path(key).parents[:-1]):
        # What is in the way of a folder is told as none by the next call.
        with suppress(FileExistsError):
            (root / each).mkdir(mode=_FOLDER_RIGHTS)
    with coming_to(path, prefix=_ASIDE, replace=False, mode=_RIGHTS) as file:
        file.write(data)


def _make_durable(root: Path, key: str) -> None:
    """Flush every directory entry that leads to the file, which was flushed before it had its name."""
    for each in (root / key).parents:
        _fsync(each)
        if each == root:
            return


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _holds_something(folder: str) -> bool:
    """Whether any file lies below it. Of what nobody may look into that is not known, so it may."""
    unread = list[OSError]()
    return any(names for _, _, names in os.walk(folder, onerror=unread.append)) or bool(unread)
