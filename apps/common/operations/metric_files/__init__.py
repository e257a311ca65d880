"""Where the processes of an installation leave their metrics for each other: a folder per process, all in one root.

A metric counts in memory or into files from when it is declared, so `share` comes before that: the web server's
configuration and the worker's start call it. What writes the files is `tallies`.

A counter that falls looks like one that began anew, and alerts on its increase fire. So what an ended process counted
is kept, added up in one folder, as long as any process lives; the first one of all begins at nothing.

A process lives as long as it holds the lock on its folder, which the kernel takes from it however it ends. That is true
in all containers that share the root, where process ids and host names repeat; and the age of a file says nothing: who
counts nothing writes nothing.
"""

import fcntl
import hashlib
import json
import logging
import os
import resource
import shutil
import stat
import struct
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from apps.common.operations.environment import needing_a_place, refuse
from apps.common.operations.rights import is_the_systems
from apps.common.operations.room import write_something

logger = logging.getLogger(__name__)

#: Files there never touch a disk, which nobody who counts shall wait for.
MEMORY = Path("/dev/shm")  # noqa: S108 - the folder below it is made for this user only, and refused if it is another's
#: How the folders below the root are called. An ended process's is renamed before it is added up: what ends later is
#: no part of the sums.
_PROCESSES, _ENDED = "metrics-process-", "metrics-ended-"
#: Sums that are being written, and those that are complete: these count in place of all folders of ended processes.
_ADDING, _SUMS = "metrics-adding", "metrics-sums"

#: Of each root that this process shares: its own folder, and the descriptor that holds the lock on it.
_own: dict[Path, tuple[Path, int]] = {}


def metrics_root(var_dir: Path) -> Path:
    """Where the settings name no folder: one in memory, else one below the var folder."""
    digest = hashlib.sha256(str(var_dir.resolve()).encode()).hexdigest()[:16]
    in_memory = MEMORY / f"scrum-ml-metrics-{os.geteuid()}-{digest}"
    return in_memory if _may_be_ours(in_memory) else var_dir / "metrics"


@needing_a_place("METRICS_DIR")
def share(root: Path) -> None:
    """Let this process and its children leave their metrics below `root`, beside what ended processes left.

    Raises
    ------
    SystemExit
        If nothing can be written there, or it is no folder for anything of ours.
    """
    if is_the_systems(root):
        refuse("METRICS_DIR", str(root), "it is a folder of this installation's own, and this one is the system's.")
    if root in _own:  # the web server reads its configuration again
        return
    _begin(root)
    # In a child that cannot have one (no room), its parent's folder and lock stay its own.
    os.register_at_fork(after_in_child=partial(_begin, root))


def leave(root: Path) -> None:
    """Take the files away with the last process that counts.

    Not earlier: a sum that shrinks while somebody reads it looks like a counter that began anew. The folder stays, for
    a process that has not counted anything yet would not find it when it does.
    """
    own, _ = _own.get(root, (None, None))
    with _alone(root):
        if any(_lives(folder) for folder in _folders(root, _PROCESSES) if folder != own):
            return
        for path in own.glob("*") if own else ():
            path.unlink()
        _clear(root, keep=own)


def has_room(root: Path) -> bool:
    """Whether what is counted for the first time can be left there."""
    try:
        write_something(root, n_bytes=resource.getpagesize(), lasting=False)
    except OSError:
        return False
    return True


@contextmanager
def files(root: Path) -> Iterator[list[str]]:
    """The files of all processes that share the root; none is added to another meanwhile."""
    with _alone(root, fcntl.LOCK_SH):
        sums = root / _SUMS
        counting = [*_folders(root, _PROCESSES), *([sums] if sums.exists() else _folders(root, _ENDED))]
        yield [str(path) for path in _filled(counting, "*.db") if _counts(path) is not None]


def _begin(root: Path) -> None:
    """Count into a folder of this process's own from now on, and hold the lock on it to the end."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The settings load this module, and not everybody who reads them counts.
    from apps.common.operations.metric_files.tallies import count_in  # noqa: PLC0415

    with _alone(root):
        if not any(_lives(folder) for folder in _folders(root, _PROCESSES)):
            _clear(root)
        own = tempfile.mkdtemp(prefix=_PROCESSES, dir=root)
        lock = os.open(own, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        count_in(Path(own))
        _, inherited = _own.get(root, (None, None))
        _own[root] = Path(own), lock
        if inherited is not None:
            os.close(inherited)
        try:
            _add_up_ended_processes(root)
        except OSError as error:
            # Each of them still counts by itself, and the next to start adds them up.
            logger.warning("Metrics of ended processes find no room in %s: %s.", root, error.strerror)
            shutil.rmtree(root / _ADDING, ignore_errors=True)


def _may_be_ours(folder: Path) -> bool:
    """Whether the folder is this user's own or can still be made; others can write beside it."""
    if not os.access(folder.parent, os.W_OK):
        return False
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return True
    return status.st_uid == os.geteuid() and stat.S_ISDIR(status.st_mode)


@contextmanager
def _alone(root: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Alone with the folders of the root, or among readers; without the root there is nothing to be alone with."""
    try:
        descriptor = os.open(root, os.O_RDONLY)
    except FileNotFoundError:
        yield
        return
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        # Said, since to close it would not do while a child that was just started has it as well.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _lives(folder: Path) -> bool:
    """Whether any process holds the lock on it; the caller is alone with the root, so nobody else is asking."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _folders(root: Path, *names: str) -> list[Path]:
    return sorted(path for name in names for path in root.glob(f"{name}*"))


def _filled(folders: Iterable[Path], pattern: str) -> list[Path]:
    """Their files without the empty ones: a process may have been killed, or is just about, to give one its size."""
    return sorted(path for folder in folders for path in folder.glob(pattern) if path.is_file() and path.stat().st_size)


def _counts(path: Path) -> list[tuple[str, float, float]] | None:
    """What a file says, by series; None of one that is damaged: it is left out, and stops nobody."""
    from prometheus_client.mmap_dict import MmapedDict  # noqa: PLC0415 - whoever reads the settings needs none

    try:
        read = MmapedDict.read_all_values_from_file(str(path))  # type: ignore[no-untyped-call]
        found = [(key, value, moment) for key, value, moment, _ in read]
        for key, _, _ in found:
            # As the client reads it when it adds up.
            _name, _series, labels, _text = json.loads(key)
            dict(labels)
    except (OSError, ValueError, TypeError, RuntimeError, struct.error) as error:
        logger.warning("Metrics of a process are left out: %s is damaged (%s).", path, type(error).__name__)
        return None
    return found


def _clear(root: Path, *, keep: Path | None = None) -> None:
    """Remove what is ours, and nothing else that somebody has in the same place."""
    for folder in _folders(root, _PROCESSES, _ENDED, _ADDING, _SUMS):
        if folder != keep:
            shutil.rmtree(folder)


def _add_up_ended_processes(root: Path) -> None:
    """Leave one folder of all processes that ended; whoever is killed between two steps has changed no sum."""
    _put_sums_in_place(root)
    for folder in _folders(root, _PROCESSES):
        if not _lives(folder):
            folder.rename(root / folder.name.replace(_PROCESSES, _ENDED))
    ended = _folders(root, _ENDED)
    if len(ended) > 1:
        _write_sums(ended, root / _ADDING)
        (root / _ADDING).rename(root / _SUMS)
        _put_sums_in_place(root)


def _put_sums_in_place(root: Path) -> None:
    """From the moment that there are complete sums, what they add up counts no more."""
    if (root / _SUMS).exists():
        for folder in _folders(root, _ENDED):
            shutil.rmtree(folder)
        (root / _SUMS).rename(root / f"{_ENDED}sums")


def _write_sums(ended: Iterable[Path], sums: Path) -> None:
    from apps.common.operations.metric_files.tallies import KINDS, TallyFile  # noqa: PLC0415 - as in `_begin`

    shutil.rmtree(sums, ignore_errors=True)
    sums.mkdir(mode=0o700)
    for kind in KINDS:
        totals: dict[str, float] = defaultdict(float)
        for path in _filled(ended, f"{kind}_*.db"):
            for series, number, _ in _counts(path) or ():
                totals[series] += number
        with closing(TallyFile(sums, kind)) as file:
            for series, total in totals.items():
                file.write(series, total)
