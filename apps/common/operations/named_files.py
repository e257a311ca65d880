"""Files that a user names for a command to write. What the system refuses is told in one line, and before long work."""

import os
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from apps.common.exceptions import ApplicationError


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
    """A text file that is written as its lines come."""

    def __init__(self, path: Path, *, newline: str | None = None) -> None:
        self._path = path
        with writing(path):
            self._file = path.open("w", newline=newline, encoding="utf-8")

    def __enter__(self) -> "NamedFile":
        return self

    def __exit__(self, *failure: object) -> None:
        with writing(self._path):
            self._file.close()

    def write(self, text: str) -> None:
        with writing(self._path):
            self._file.write(text)
