"""The numbers that this process counts: in memory, and in files that `/metrics` of any process adds up.

The client maps its files into memory. Where a map finds no room, since a disk or the memory is full, the kernel ends
the process; a write that finds none is an error. So these are the client's files, written: a number for which there is
no room is in the memory of its process alone until there is some, and in the files none falls.
"""

import errno
import logging
import os
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prometheus_client import values
from prometheus_client.mmap_dict import mmap_key

logger = logging.getLogger(__name__)

#: Kinds of metrics that add up; gauges are read from the database when they are asked for.
KINDS = ("counter", "histogram")
#: A full disk may look for room at each try, for milliseconds.
TRY_AGAIN_SECONDS = 1.0

#: The length in use, at the beginning of a file; what follows is aligned to eight bytes.
_USED, _ALIGNMENT = struct.Struct("i"), 8
#: A number, and when it was set, which is asked of gauges alone.
_NUMBER = struct.Struct("dd")


class TallyFile:
    """The numbers of one kind, as the client reads them: of each series the length of its name, the name, the number.

    The file is new, and nobody else writes it.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        # The client reads the kind off the name.
        self._descriptor, name = tempfile.mkstemp(prefix=f"{kind}_", suffix=".db", dir=folder)
        self._used = self._told = _ALIGNMENT
        self._places: dict[str, int] = {}
        try:
            self._put(_USED.pack(self._used), 0)
        except OSError:
            self.close()
            os.unlink(name)
            raise

    def __contains__(self, series: str) -> bool:
        return series in self._places

    def write(self, series: str, number: float) -> None:
        """Raises OSError where there is no room; then the file says what it said."""
        if series not in self._places:
            self._add(series)
        if self._told < self._used:
            # Only from here on new ones are read.
            self._put(_USED.pack(self._used), 0)
            self._told = self._used
        self._put(_NUMBER.pack(number, 0.0), self._places[series])

    def close(self) -> None:
        os.close(self._descriptor)

    def _add(self, series: str) -> None:
        """Whoever is interrupted between two lines leaves an entry of nothing, and no number twice."""
        name = series.encode()
        padding = b" " * (_ALIGNMENT - (_USED.size + len(name)) % _ALIGNMENT)
        entry = _USED.pack(len(name)) + name + padding + _NUMBER.pack(0.0, 0.0)
        self._put(entry, self._used)
        self._used += len(entry)
        self._places[series] = self._used - _NUMBER.size

    def _put(self, content: bytes, at: int) -> None:
        if os.pwrite(self._descriptor, content, at) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Tallies:
    """All numbers of this process: those in its files, and those that wait for room there."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder
        self.lock = threading.Lock()
        self._clock = clock
        self._files: dict[str, TallyFile] = {}
        self._waiting: set[Tally] = set()
        self._try_again_at = float("-inf")

    def keep(self, tally: "Tally") -> None:
        """Write it, and what waits if it is time to; the caller holds the lock."""
        self._write(tally)
        if self._waiting and self._is_time():
            for each in list(self._waiting):
                if not self._write(each):
                    break

    def close(self) -> None:
        for file in self._files.values():
            file.close()

    def _write(self, tally: "Tally") -> bool:
        file = self._files.get(tally.kind)
        if (file is None or tally.series not in file) and not self._is_time():
            self._waiting.add(tally)
            return False
        try:
            if file is None:
                file = self._files[tally.kind] = TallyFile(self.folder, tally.kind)
            file.write(tally.series, tally.amount)
        except OSError as error:
            if not self._waiting:
                logger.warning("Metrics find no room in %s, and wait in memory: %s.", self.folder, error.strerror)
            self._waiting.add(tally)
            self._try_again_at = self._clock() + TRY_AGAIN_SECONDS
            return False
        if tally in self._waiting:
            self._waiting.remove(tally)
            if not self._waiting:
                logger.warning("Metrics find room in %s again.", self.folder)
        return True

    def _is_time(self) -> bool:
        return self._clock() >= self._try_again_at


class Tally:
    """One series' number in this process; what the client calls a value, and makes as here."""

    def __init__(self, kind: str, *described: Any, **_: Any) -> None:
        if kind not in KINDS:
            raise ValueError(
                f"{described[0]} is a {kind}, to which processes do not add up: read it when it is asked for."
            )
        self.kind = kind
        self.series: str = mmap_key(*described)
        self.amount = 0.0
        self._tallies = _tallies
        with self._tallies.lock:
            self._tallies.keep(self)

    def inc(self, amount: float) -> None:
        with _tallies.lock:
            self._follow_a_fork()
            self.amount += amount
            _tallies.keep(self)

    def set(self, amount: float, timestamp: float | None = None) -> None:
        with _tallies.lock:
            self._follow_a_fork()
            self.amount = amount
            _tallies.keep(self)

    def get(self) -> float:
        with _tallies.lock:
            self._follow_a_fork()
            return self.amount

    def set_exemplar(self, exemplar: object) -> None:
        """Files hold none."""

    def get_exemplar(self) -> None:
        """Files hold none."""

    def _follow_a_fork(self) -> None:
        """What the parent counted is the parent's."""
        if self._tallies is not _tallies:
            self._tallies, self.amount = _tallies, 0.0


_tallies: Tallies


def count_in(folder: Path) -> None:
    """From now on this process counts into files in there, and each child of it into its own."""
    global _tallies  # noqa: PLW0603 - a process has one
    is_first = values.ValueClass is not Tally
    _tallies = Tallies(folder)
    if is_first:
        values.ValueClass = Tally
        os.register_at_fork(after_in_child=_begin_anew)


def _begin_anew() -> None:
    global _tallies  # noqa: PLW0603 - a process has one
    _tallies.close()
    _tallies = Tallies(_tallies.folder)
