"""The commands of this checkout as somebody types them: one that ends, or one that runs on and is watched."""

import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes import ROOT, kept_environment

FIRST_START_SECONDS = 600.0


def environment(var_dir: Path, **more: str) -> dict[str, str]:
    """Nothing but an installation's own folder: no settings of the test run."""
    return {**kept_environment(), "SCRUM_ML_VAR_DIR": str(var_dir), **more}


def call(*command: str, var_dir: Path, cwd: Path = ROOT, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env=environment(var_dir, **more), capture_output=True, text=True, check=False, timeout=120
    )


class Started:
    """A long-running command and what it has printed so far."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self.log, self.began = process, log, time.monotonic()

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, text: str, seconds: float) -> float:
        """Seconds from the start until the text was printed."""
        while text not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() - self.began < seconds, self.output
            time.sleep(0.02)
        return time.monotonic() - self.began

    def interrupt(self) -> int:
        """Press Ctrl-C: the terminal tells the whole group."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(30)


@contextmanager
def started(*command: str, var_dir: Path, cwd: Path = ROOT, **more: str) -> Iterator[Started]:
    log = var_dir.parent / f"{var_dir.name}-{time.monotonic_ns()}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment(var_dir, **more),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield Started(process, log)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=30) as answer:
            return answer.status == 200
    except OSError:
        return False


def wait_until(is_so: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)
