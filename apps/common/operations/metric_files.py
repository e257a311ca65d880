"""Where the processes of a machine leave their metrics for each other: a file or two per process, in one folder.

The Prometheus client chooses between memory and files when it is imported, so `share` comes before that: the web
server's configuration and the worker's start call it. Nothing here may import the client before `share` has said where.

A counter that falls looks like one that began anew, and alerts on its increase fire. So what an ended process counted
is kept, added up in one file, as long as any process lives; the first one of all begins at nothing.
"""

import fcntl
import hashlib
import os
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from apps.common.operations.environment import needing_a_place

#: What the client looks at.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
#: Files there never touch a disk: the client writes through a memory map, and on a full disk that is not an error but
#: SIGBUS, which ends the process.
MEMORY = Path("/dev/shm")  # noqa: S108 - the folder below it is made for this user only, and refused if it is another's
#: In place of a process id, in the file of what ended processes counted.
ENDED = 0
#: Kinds of metrics that add up; gauges are read from the database when they are asked for.
_KINDS = ("counter", "histogram")
#: Folders of machines (containers, above all) that nobody has written to for this long are removed.
GONE_AFTER_SECONDS = 30 * 24 * 3600


def metrics_root(wanted: str, var_dir: Path) -> Path:
    """The folder that the settings name, else one in memory, else one below the var folder."""
    if wanted:
        return Path(wanted)
    digest = hashlib.sha256(str(var_dir.resolve()).encode()).hexdigest()[:16]
    in_memory = MEMORY / f"scrum-ml-metrics-{os.geteuid()}-{digest}"
    return in_memory if _may_be_ours(in_memory) else var_dir / "metrics"


@needing_a_place("METRICS_DIR")
def share(root: Path) -> None:
    """Let this process and its children leave their metrics below `root`, beside what ended processes left.

    Raises
    ------
    SystemExit
        If nothing can be written there.
    """
    # One folder a machine: process ids are unique only within one, and containers may share the root.
    own = _own_folder(root)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    own.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryFile(dir=own):
        pass
    _forget_gone_machines(root, keep=own)
    os.environ[VARIABLE] = str(own)
    with _only(own):
        if _others_live(own):
            _add_up_ended_processes(own)
        else:
            _clear(own)
        (own / f"{os.getpid()}.alive").touch()


def leave(root: Path) -> None:
    """Take the files away with the last process that counts.

    Not earlier: a sum that shrinks while somebody reads it looks like a counter that began anew. The folder stays, for
    a process that has not counted anything yet would not find it when it does.
    """
    own = _own_folder(root)
    with _only(own):
        (own / f"{os.getpid()}.alive").unlink(missing_ok=True)
        if not _others_live(own):
            _clear(own)


@contextmanager
def files(root: Path) -> Iterator[list[str]]:
    """The files of all processes of all machines that share the root; none is added to another meanwhile."""
    with _only(_own_folder(root), fcntl.LOCK_SH):
        yield [str(path) for path in sorted(root.glob("*/*.db"))]


def _own_folder(root: Path) -> Path:
    return root / socket.gethostname()


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
def _only(own: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Alone with the files of this machine, or among readers; without the folder there is nothing to be alone with."""
    try:
        descriptor = os.open(own, os.O_RDONLY)
    except FileNotFoundError:
        yield
        return
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def _others_live(own: Path) -> bool:
    alive = [int(path.stem) for path in own.glob("*.alive")] + [_pid(path) for path in own.glob("*.db")]
    return any(_is_running(pid) for pid in alive if pid not in (ENDED, os.getpid()))


def _clear(own: Path) -> None:
    for pattern in ("*.db", "*.alive"):
        for path in own.glob(pattern):
            path.unlink(missing_ok=True)


def _add_up_ended_processes(own: Path) -> None:
    from prometheus_client.mmap_dict import MmapedDict  # noqa: PLC0415 - it looks where `share` has just said

    for kind in _KINDS:
        ended = [path for path in own.glob(f"{kind}_*.db") if _pid(path) != ENDED and not _is_running(_pid(path))]
        if not ended:
            continue
        kept = MmapedDict(str(own / f"{kind}_{ENDED}.db"))  # type: ignore[no-untyped-call]
        for path in ended:
            for key, value, moment, _ in MmapedDict.read_all_values_from_file(str(path)):  # type: ignore[no-untyped-call]
                before, _ = kept.read_value(key)  # type: ignore[no-untyped-call]
                kept.write_value(key, before + value, moment)  # type: ignore[no-untyped-call]
            path.unlink(missing_ok=True)
        kept.close()  # type: ignore[no-untyped-call]
    for path in own.glob("*.alive"):
        if not _is_running(int(path.stem)):
            path.unlink(missing_ok=True)


def _pid(path: Path) -> int:
    """The client names its files `{kind}_{process id}.db`."""
    return int(path.stem.rpartition("_")[2])


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another user's
        return True
    return True


def _forget_gone_machines(root: Path, *, keep: Path) -> None:
    for folder in root.iterdir():
        left = list(folder.glob("*.db")) if folder.is_dir() and folder != keep else []
        if left and time.time() - max(path.stat().st_mtime for path in left) > GONE_AFTER_SECONDS:
            for path in left:
                path.unlink(missing_ok=True)
