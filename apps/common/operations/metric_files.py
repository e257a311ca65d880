"""Where the processes of a machine leave their metrics for each other: a file or two per process, in one folder.

The Prometheus client chooses between memory and files when it is imported, so `share` comes before that: the web
server's configuration and the worker's start call it. Nothing here may import the client.
"""

import hashlib
import os
import socket
import stat
import tempfile
import time
from pathlib import Path

#: What the client looks at.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
#: Files there never touch a disk: the client writes through a memory map, and on a full disk that is not an error but
#: SIGBUS, which ends the process.
MEMORY = Path("/dev/shm")  # noqa: S108 - the folder below it is made for this user only, and refused if it is another's
#: Folders of machines (containers, above all) that nobody has written to for this long are removed.
GONE_AFTER_SECONDS = 30 * 24 * 3600


def metrics_root(wanted: str, var_dir: Path) -> Path:
    """The folder that the settings name, else one in memory, else one below the var folder."""
    if wanted:
        return Path(wanted)
    digest = hashlib.sha256(str(var_dir.resolve()).encode()).hexdigest()[:16]
    in_memory = MEMORY / f"scrum-ml-metrics-{os.geteuid()}-{digest}"
    return in_memory if _may_be_ours(in_memory) else var_dir / "metrics"


def share(root: Path) -> None:
    """Let this process and its children leave their metrics below `root`, and tidy what ended processes left.

    Raises
    ------
    OSError
        If nothing can be written there.
    """
    # One folder a machine: process ids are unique only within one, and containers may share the root.
    own = _own_folder(root)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    own.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryFile(dir=own):
        pass
    _forget_ended_processes(own)
    _forget_gone_machines(root, keep=own)
    os.environ[VARIABLE] = str(own)


def leave(root: Path) -> None:
    """Take the files away with the last process that counts.

    Not earlier: a sum that shrinks while somebody reads it looks like a counter that began anew. The folder stays, for
    a process that has not counted anything yet would not find it when it does.
    """
    own = _own_folder(root)
    if any(_is_running(pid) for pid in map(_pid, own.glob("*.db")) if pid != os.getpid()):
        return
    for path in own.glob("*.db"):
        path.unlink(missing_ok=True)


def files(root: Path) -> list[str]:
    """The files of all processes of all machines that share the root."""
    return [str(path) for path in sorted(root.glob("*/*.db"))]


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


def _forget_ended_processes(own: Path) -> None:
    for path in own.glob("*.db"):
        if not _is_running(_pid(path)):
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
