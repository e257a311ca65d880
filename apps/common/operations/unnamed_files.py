"""Files that nobody finds before they are whole, and of which a kill leaves nothing: texts of people are in them."""

import fcntl
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import IO

#: By which a file without a name is given one.
_OWN_FILES = "/proc/self/fd"
#: What nobody has written to for so long is a dead process's, where no lock tells it: a write that waits for a disk or
#: a file server has failed by then, and no clock of such a server that anybody uses is so far from ours.
LEFT_AFTER = timedelta(hours=1)


@contextmanager
def coming_to(
    path: Path, *, prefix: str, begins: bytes = b"", replace: bool = True, mode: int = 0o600
) -> Iterator[IO[bytes]]:
    """A file that comes to the path once it is written, in place of what is there, or with `FileExistsError`.

    Until then it has no name, where the file system has such files. Elsewhere (NFS) it is named by the prefix and eight
    letters, in the same folder. What a killed process left so is taken away by the next, if it is empty or begins as
    such files do.
    """
    descriptor, aside = _made(path.parent, prefix, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            # What takes another's place is named for a moment on any file system.
            if replace or aside is not None:
                _clear(path.parent, prefix, begins, mode)
            yield file
            file.flush()
            os.fsync(descriptor)
            # Held until it is in its place: another that begins here takes it for no dead one's.
            if replace:
                aside = aside or _named_beside(descriptor, path.parent, prefix)
                os.replace(aside, path)
            elif aside is None:
                _link(descriptor, path)
            else:
                os.link(aside, path)
                # Another may have taken the second name for one that was left.
                with suppress(FileNotFoundError):
                    os.unlink(aside)
    except BaseException:
        if aside is not None:
            with suppress(FileNotFoundError):
                os.unlink(aside)
        raise


def _made(folder: Path, prefix: str, mode: int) -> tuple[int, str | None]:
    """A descriptor that is held by a lock, and the name that the file has meanwhile, if any."""
    if hasattr(os, "O_TMPFILE") and os.path.isdir(_OWN_FILES):
        # Old kernels and network file systems know none, each by an error of its own; what is amiss is told below.
        with suppress(OSError):
            descriptor = os.open(folder, os.O_TMPFILE | os.O_WRONLY, mode)
            _hold(descriptor)
            return descriptor, None
    while True:
        aside = _new_name(folder, prefix)
        with suppress(FileExistsError):
            descriptor = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
            _hold(descriptor)
            if os.fstat(descriptor).st_nlink:
                return descriptor, aside
            # Another took it for a dead one's before it was held.
            os.close(descriptor)


def _new_name(folder: Path, prefix: str) -> str:
    return str(folder / (prefix + secrets.token_hex(4)))


def _hold(descriptor: int) -> None:
    # Where there are no locks what rests is taken away (`LEFT_AFTER`).
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _named_beside(descriptor: int, folder: Path, prefix: str) -> str:
    while True:
        aside = _new_name(folder, prefix)
        with suppress(FileExistsError):
            _link(descriptor, Path(aside))
            return aside


def _link(descriptor: int, path: Path) -> None:
    place = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # With a folder's descriptor, or Python would link the link.
        os.link(f"{_OWN_FILES}/{descriptor}", path, src_dir_fd=place, follow_symlinks=True)
    finally:
        os.close(place)


def _clear(folder: Path, prefix: str, begins: bytes, mode: int) -> None:
    """Take away what killed processes of this user left; what others have, or a living one holds, stays."""
    name = re.compile(re.escape(prefix) + r"\w{8}")
    with os.scandir(folder) as entries:
        left = [entry.path for entry in entries if name.fullmatch(entry.name) and _is_own(entry, mode)]
    for path in left:
        # Gone meanwhile.
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
            try:
                if _is_left(descriptor) and os.read(descriptor, len(begins)) in (b"", begins):
                    os.unlink(path)
            finally:
                os.close(descriptor)


def _is_left(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return time.time() - os.fstat(descriptor).st_mtime >= LEFT_AFTER.total_seconds()
    return True


def is_held(path: Path) -> bool:
    """Whether a living process writes this file, as far as there are locks; raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        # Shared: network file systems give no other lock on what is open for reading only.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _is_own(entry: "os.DirEntry[str]", mode: int) -> bool:
    try:
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    is_as_ours = stat.S_ISREG(found.st_mode) and not stat.S_IMODE(found.st_mode) & ~mode
    return is_as_ours and found.st_uid == os.geteuid()
