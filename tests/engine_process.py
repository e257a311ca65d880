"""One server process for tests: started, made to die with its parent, stopped, killed, started again."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

START_SECONDS = 60.0
STOP_SECONDS = 20.0
_POLL_SECONDS = 0.02
_LOG_TAIL_CHARACTERS = 4000
# Runs before the server: drops privileges if asked to, asks the kernel to kill the server with its parent, becomes the
# server. Not `preexec_fn`, which may deadlock in a process with threads; in this order, because a change of user makes
# the kernel forget the wish.
_GUARD = """
import ctypes, os, signal, sys
libc, user, parent = ctypes.CDLL(None, use_errno=True), sys.argv[1], int(sys.argv[2])
if user:
    uid, gid = map(int, user.split(":"))
    os.setgroups([]), os.setgid(gid), os.setuid(uid)
if sys.platform == "linux" and libc.prctl(1, signal.SIGKILL) != 0:
    raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
if os.getppid() != parent:
    sys.exit("the parent is gone")
os.execv(sys.argv[3], sys.argv[3:])
"""


class EngineFailed(RuntimeError):
    """A server did not start; the message ends with its log."""


@dataclass(slots=True)
class Engine:
    """One server process that can be stopped, killed and started again on the same address and data."""

    name: str
    command: list[str]
    is_ready: Callable[[], bool]
    directory: Path
    environment: dict[str, str] = field(default_factory=dict)
    user: str = ""
    stop_signal: signal.Signals = signal.SIGTERM
    _process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        path = self.directory / "engine.log"
        return path.read_text(errors="replace")[-_LOG_TAIL_CHARACTERS:] if path.exists() else ""

    @property
    def pid(self) -> int:
        if self._process is None:
            raise EngineFailed(f"{self.name} is not running.")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start and wait until the server does its work, not only until it listens.

        It lives as long as the *thread* that calls this, since that is what the kernel watches: call from the main one.
        """
        with (self.directory / "engine.log").open("ab") as log:
            self._process = subprocess.Popen(
                guarded(self.command, user=self.user),
                cwd=self.directory,
                env={**plain_environment(self.directory), **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_until_ready()

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """End it as a power failure would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if not self.is_running or time.monotonic() > deadline:
                self.kill()
                raise EngineFailed(f"{self.name} did not start.\n{self.log}")
            time.sleep(_POLL_SECONDS)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        _signal_group(self._process, how)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            _signal_group(self._process, signal.SIGKILL)
            self._process.wait(STOP_SECONDS)
        self._process = None


@contextmanager
def running(engine: Engine) -> Iterator[None]:
    try:
        engine.start()
        yield
    finally:
        engine.kill()


def guarded(command: list[str], *, user: str = "") -> list[str]:
    """The command, made to die with this process, and to run as `user` ("uid:gid") if one is named."""
    return [sys.executable, "-I", "-S", "-c", _GUARD, user, str(os.getpid()), *command]


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody uses, each with its neighbour 10,000 higher, where SeaweedFS speaks gRPC.

    All lie below the range from which the system serves outgoing connections, and each process begins to look at
    another place, so that test workers starting at the same moment do not choose the same ones.
    """
    first = 11_000 + os.getpid() % 100 * 100
    candidates = (11_000 + (first - 11_000 + step) % 10_000 for step in range(10_000))
    free = (port for port in candidates if _is_free(port) and _is_free(port + 10_000))
    return [next(free) for _ in range(count)]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return _binds(probe, port)


def _binds(probe: socket.socket, port: int) -> bool:
    try:
        probe.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def _signal_group(process: subprocess.Popen[bytes], which: signal.Signals) -> None:
    if process.poll() is None:
        os.killpg(process.pid, which)


def plain_environment(home: Path) -> dict[str, str]:
    """Nothing of the caller's: no credentials, no proxies, no library settings."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "LC_ALL": "C.UTF-8", "TMPDIR": str(home)}
