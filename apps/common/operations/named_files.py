"""Files that a user names for a command to write. What the system refuses is told in one line, and before long work."""

import os
import stat
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any

from apps.common.exceptions import ApplicationError
from apps.common.operations.unnamed_files import coming_to

#: The kernel's list of what is mounted where.
MOUNTED = Path("/proc/self/mountinfo")


class NotWritten(ApplicationError):
    """A file cannot be written."""

    code = "not_written"


def require_writable(*paths: Path | None) -> None:
    """Nothing is left behind where a file is not there yet, and nothing of one changed; None stands for no file."""
    for path in filter(None, paths):
        with writing(path):
            require_folder(path)
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
                path.unlink()
            except FileExistsError:
                # Opening a pipe waits for who reads it, and closing it is an end to them.
                if not path.is_fifo():
                    os.close(os.open(path, os.O_WRONLY))


def writable(text: str) -> Path:
    """The type of an argument of a script."""
    path = Path(text)
    try:
        require_writable(path)
    except NotWritten as error:
        raise ArgumentTypeError(error.message) from error
    return path


def require_folder(path: Path) -> None:
    """The system's own words do not say which part of a path there is not."""
    folder = Path(os.path.abspath(path)).parent
    if not folder.is_dir():
        raise NotWritten(f"{path} cannot be written: there is no folder {folder}.")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raises `NotWritten` for what the system refuses meanwhile."""
    try:
        yield
    except OSError as error:
        raise NotWritten(f"{path} cannot be written: {error.strerror or error}.") from error


class NamedFile:
    """A text file that is written as its lines come.

    A `whole` one comes to its place once all are written; what nothing can be put in the place of, as a pipe, a device,
    a file in a folder of others, one that is mounted or has other names, or where our own output goes, is written as
    they come, too.
    """

    def __init__(self, path: Path, *, newline: str | None = None, whole: bool = False) -> None:
        self._path = path
        with writing(path), ExitStack() as stack:
            found = os.stat(path) if path.exists() else None
            # Not in place of a link, but of what it leads to.
            place = Path(os.path.realpath(path))
            if whole and _is_replaceable(place, found):
                file = stack.enter_context(coming_to(place, prefix=f".{place.name[:50]}.part-", mode=0o666))
                if found is not None:
                    os.fchown(file.fileno(), -1, found.st_gid)
                    os.fchmod(file.fileno(), stat.S_IMODE(found.st_mode))
                self._file = stack.enter_context(_as_text(file, newline))
            else:
                self._file = stack.enter_context(path.open("w", newline=newline, encoding="utf-8"))
            self._open = stack.pop_all()

    def __enter__(self) -> "NamedFile":
        return self

    def __exit__(self, *failure: Any) -> None:
        with writing(self._path):
            self._open.__exit__(*failure)

    def write(self, text: str) -> None:
        with writing(self._path):
            self._file.write(text)


def _is_replaceable(path: Path, found: os.stat_result | None) -> bool:
    return os.access(path.parent, os.W_OK) and (found is None or _is_ours_alone(path, found))


def _is_ours_alone(path: Path, found: os.stat_result) -> bool:
    is_ours = found.st_uid == os.geteuid() and found.st_gid in {os.getegid(), *os.getgroups()}
    is_plain = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
    return is_ours and is_plain and not _is_output(found) and not _is_mounted(path)


def _is_output(found: os.stat_result) -> bool:
    """Whether our own output goes there, as by `/dev/stdout` and `>`."""
    for descriptor in (1, 2):
        # A closed one goes nowhere.
        with suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), found):
                return True
    return False


def _is_mounted(path: Path) -> bool:
    """Whether it is a place of its own in the tree of files, as of a container (Linux)."""
    try:
        places = MOUNTED.read_text().splitlines()
    except OSError:
        return False
    # The kernel writes a blank as \040 (proc(5)).
    return str(path).replace(" ", r"\040") in {line.split(" ")[4] for line in places}


@contextmanager
def _as_text(file: IO[bytes], newline: str | None) -> Iterator[TextIOWrapper]:
    """Left open, since whoever opened it has it written to the disk."""
    text = TextIOWrapper(file, encoding="utf-8", newline=newline)
    try:
        yield text
        text.flush()
    finally:
        text.detach()
