"""What `./run worker` does: three workers, so that neither a long training nor a slow tracker delays anything else.

One serves what is due every minute (outcomes, deliveries, recoveries) and, unless told otherwise, runs the schedule;
one serves trainings, and one imports, several at a time, since trackers make us wait; these two take what the web
processes leave of a processor that all of them want. All end together, whichever way: a supervisor then starts all
again.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

#: Names of the queues, as `base/settings.py` routes to them.
SHORT, LONG, IMPORTS = "celery", "long", "imports"
#: At a time; one person gives at most one of them (`apps.importers.runs`).
IMPORTS_AT_ONCE = 3
#: What may take long comes after whoever waits for an answer: beside a process at 0 it gets a tenth of the processor.
LONG_NICENESS = 10
NICE = ["nice", "-n", str(LONG_NICENESS)]
ROOT = Path(__file__).resolve().parent.parent
#: Celery's own option, which stands before the name of its command: no banner.
QUIET = "--quiet"
_LOOK_SECONDS = 0.2


def commands(arguments: Sequence[str]) -> list[list[str]]:
    """The command lines; what the caller adds goes to each."""
    beat = [] if "--without-beat" in arguments else ["-B"]
    given = [each for each in arguments if each not in {"--without-beat", QUIET}]
    celery = ["celery", QUIET] if QUIET in arguments else ["celery"]
    return [
        _worker(celery, SHORT, 1, *beat, *given),
        [*NICE, *_worker(celery, LONG, 1, *given)],
        [*NICE, *_worker(celery, IMPORTS, IMPORTS_AT_ONCE, *given)],
    ]


def _worker(celery: Sequence[str], queue: str, at_once: int, *options: str) -> list[str]:
    start = [sys.executable, "-m", *celery, "--workdir", str(ROOT), "-A", "base", "worker"]
    return [
        *start,
        "--queues",
        queue,
        "--hostname",
        f"{queue}@%h",
        "--concurrency",
        str(at_once),
        "--loglevel",
        "INFO",
        *options,
    ]


def run(command_lines: Sequence[Sequence[str]]) -> int:
    """Run them until the first ends, then end the others; the first code that is not 0."""
    workers = [subprocess.Popen(each) for each in command_lines]  # noqa: S603 - our own interpreter and arguments
    told = False

    def stop(*_: object) -> None:
        # Once: a worker that is told twice ends in the middle of its task.
        nonlocal told
        for worker in workers:
            if not told and worker.poll() is None:
                worker.terminate()
        told = True

    def quit_now(*_: object) -> None:
        for worker in workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGQUIT)

    # Cold: what a worker was doing is claimed again by the next one.
    signal.signal(signal.SIGQUIT, quit_now)
    # A terminal's Ctrl-C reaches the children too, being of the same group; for them it means the same.
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, stop)
    while all(worker.poll() is None for worker in workers):
        time.sleep(_LOOK_SECONDS)
    # What ends by itself with a fault has said which.
    if not told and 1 not in {worker.poll() for worker in workers}:
        print("worker: one of its processes ended, and so do the others. Start again: ./run worker", file=sys.stderr)
    stop()
    codes = [worker.wait() for worker in workers]
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(run(commands(sys.argv[1:])))
