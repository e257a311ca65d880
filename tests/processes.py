"""The project's own processes for tests: management commands, web server, worker and beat of this checkout."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from celery import Celery

ROOT = Path(__file__).resolve().parent.parent
#: Processes import scikit-learn and train; test processes share two cores.
PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.05


@dataclass(slots=True)
class Processes:
    """Processes that share an environment, and a folder with the log of what they say."""

    directory: Path
    environment: dict[str, str]
    _running: ExitStack = field(default_factory=ExitStack, init=False)

    @property
    def log(self) -> Path:
        return self.directory / "processes.log"

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def script(self, program: str) -> str:
        return self.manage("shell", "--no-imports", "-v0", "-c", program)

    def send(self, task: str) -> None:
        """As beat does: a name on the broker."""
        with Celery(broker=self.environment["CELERY_BROKER_URL"], set_as_current=False) as app:
            app.send_task(task, ignore_result=True)

    def start(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        """A process in a group of its own, which ends with `end` at the latest."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._running.callback(kill, process)
        return process

    def serve(self, port: int, *options: str) -> subprocess.Popen[bytes]:
        """What the image runs."""
        config = ["--config", "base/gunicorn_conf.py", "--bind", f"127.0.0.1:{port}"]
        return self.start("gunicorn", *config, *options)

    def start_worker(self) -> subprocess.Popen[bytes]:
        return self.start("celery", "-A", "base", "worker", "--concurrency", "1", "--loglevel", "INFO")

    def wait_for(self, found: Callable[[], Any]) -> Any:
        """Until there is something; what the processes said if there never is."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (answer := found()):
            assert time.monotonic() < deadline, self.log.read_text(errors="replace")[-6000:]
            time.sleep(_POLL_SECONDS)
        return answer

    def end(self) -> None:
        self._running.close()


def kill(process: subprocess.Popen[bytes]) -> None:
    """A process with its children, as a power failure would."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def kept_environment() -> dict[str, str]:
    """What processes need of the caller's environment, and nothing else of it: `./run` installs no second one."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "SCRUM_ML_VENV") if name in os.environ}


#: Test processes share two cores.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def has_unnamed_files(folder: Path) -> bool:
    """Whether the file system there has files without a name."""
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_WRONLY))
    except (AttributeError, OSError):
        return False
    return True
