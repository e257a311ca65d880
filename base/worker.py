"""What `./run worker` does: three workers, so that neither a long training nor a slow tracker delays anything else.

One serves what is due every minute (outcomes, deliveries, recoveries) and, unless told otherwise, runs the schedule;
one serves trainings, replays and rounds over all projects, and one imports, several at a time, since trackers make us
wait; these two take what the web processes leave of a processor that all of them want. One that ends after it has
worked (killed for its memory, or because a broker failed over or the schedule inside it has ended) is started again by
itself: what is due every minute waits for nobody's training. Else all end together, whichever way: a supervisor then
starts all again, or, beside the web server of `./run`, this does.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

#: Names of the queues, as `base/settings.py` routes to them.
SHORT, LONG, IMPORTS = "celery", "long", "imports"
#: By so many processes, all there from the start: of one person one, and one for files alone, since trackers make us
#: wait (`apps.importers.waiting`). A pool that shrinks (`--autoscale`) is not tried.
IMPORTS_AT_ONCE = 4
#: What may take long comes after whoever waits for an answer: beside a process at 0 it gets a tenth of the processor,
#: and imports a third: on SQLite a step of theirs, of half a second, holds up all who write (at a tenth for 8 to 15).
NICENESS = {LONG: 10, IMPORTS: 3}
ROOT = Path(__file__).resolve().parent.parent
#: Celery's own option, which stands before the name of its command: no banner.
QUIET = "--quiet"
#: Ours: what ends is started again, since no supervisor does it.
AGAIN = "--again"
#: Before the next start: twice as long after each that did not last, so that a fault that stays does not fill the log.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
#: What ends sooner has not begun to work, and would not the next time: a setting, say, or another version of the code.
LASTED_SECONDS = 60.0
#: Cold, a worker ends within some four seconds; one that was killed inside a lock of its own never does.
COLD_SECONDS = 15.0
#: By then it has asked them to end.
_GIVE_UP_SECONDS = 2.0
_LOOK_SECONDS = 0.2
#: Of a terminal: Celery announces that the next Ctrl-C ends all that its workers do, and this is the one.
_CTRL_C_TO_END_COLD = 3


def commands(arguments: Sequence[str]) -> list[list[str]]:
    """The command lines; what the caller adds goes to each."""
    beat = [] if "--without-beat" in arguments else ["-B"]
    given = [each for each in arguments if each not in {"--without-beat", QUIET, AGAIN}]
    celery = ["celery", QUIET] if QUIET in arguments else ["celery"]
    return [
        _worker(celery, SHORT, 1, *beat, *given),
        [*_nicely(LONG), *_worker(celery, LONG, 1, *given)],
        [*_nicely(IMPORTS), *_worker(celery, IMPORTS, IMPORTS_AT_ONCE, *given)],
    ]


def _nicely(queue: str) -> list[str]:
    return ["nice", "-n", str(NICENESS[queue])]


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


def run(command_lines: Sequence[Sequence[str]], *, again: bool = False, output: int | None = None) -> int:
    """Run them until the first ends, then end the others; the first code that is not 0.

    With `again` all are started again, until a signal says to end, or whoever started us is gone.
    """
    told: list[int] = []
    started_by = os.getppid()
    # A terminal's Ctrl-C reaches the children too, being of the same group; for them it means the same.
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(each, lambda number, _: told.append(number))

    def look() -> None:
        time.sleep(_LOOK_SECONDS)
        if again and os.getppid() != started_by:
            told.append(signal.SIGQUIT)

    pause = FIRST_PAUSE_SECONDS
    while True:
        began = time.monotonic()
        then = "Then all are started again." if again else "Start again: ./run worker"
        code = _run_once(command_lines, told, look, then, output)
        if told or not again:
            return code
        if time.monotonic() - began > LONGEST_PAUSE_SECONDS:
            pause = FIRST_PAUSE_SECONDS
        until = time.monotonic() + pause
        while not told and time.monotonic() < until:
            look()
        if told:
            return code
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _run_once(
    command_lines: Sequence[Sequence[str]],
    told: Sequence[int],
    look: Callable[[], None],
    then: str,
    output: int | None,
) -> int:
    workers = [_started(each, output) for each in command_lines]
    began = [time.monotonic()] * len(workers)

    def tell(number: int) -> None:
        for worker in workers:
            if worker.poll() is None:
                worker.send_signal(number)

    while not told:
        look()
        ended = [number for number, worker in enumerate(workers) if worker.poll() is not None]
        if any(time.monotonic() - began[number] < LASTED_SECONDS for number in ended):
            break
        for number in ended:
            print("worker: one of its processes ended, and is started again.", file=sys.stderr)
            workers[number], began[number] = _started(command_lines[number], output), time.monotonic()
    # What ends by itself with a fault has said which.
    if not told and 1 not in {worker.poll() for worker in workers}:
        print(f"worker: one of its processes ended, and so do the others. {then}", file=sys.stderr)
    # Once: a worker that is told twice ends in the middle of its task.
    tell(signal.SIGTERM)
    cold_since: float | None = None
    while any(worker.poll() is None for worker in workers):
        # Cold: what a worker was doing is claimed again by the next one.
        if _is_cold(told) and cold_since is None:
            tell(signal.SIGQUIT)
            cold_since = time.monotonic()
        if cold_since is not None:
            started = [child for worker in workers if worker.poll() is None for child in children(worker.pid)]
            # They are deaf to their worker's SIGTERM (`base/celery.py`), by which it gives up what they do.
            if time.monotonic() > cold_since + _GIVE_UP_SECONDS:
                _tell_each(started, signal.SIGQUIT)
            if time.monotonic() > cold_since + COLD_SECONDS:
                tell(signal.SIGKILL)
                # One that sleeps because a tracker says so would go on without its parent.
                _tell_each(started, signal.SIGKILL)
        look()
    return next((worker.returncode for worker in workers if worker.returncode), 0)


def _is_cold(told: Sequence[int]) -> bool:
    return signal.SIGQUIT in told or told.count(signal.SIGINT) >= _CTRL_C_TO_END_COLD


def _started(command_line: Sequence[str], output: int | None) -> "subprocess.Popen[bytes]":
    # Until Celery listens itself, a Ctrl-C is ours alone: a process that still loads would end with a traceback.
    ours = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.Popen(command_line, stdout=output)  # noqa: S603 - our own interpreter
    finally:
        signal.signal(signal.SIGINT, ours)


def _tell_each(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def children(pid: int) -> list[int]:
    """Processes that it has started, where the kernel tells (Linux)."""
    found: list[int] = []
    # Threads end meanwhile, and the process itself.
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    return found


def main(arguments: Sequence[str]) -> int:
    """Celery says on its output that it begins and how it ends, three times; beside the web server that is noise."""
    output = subprocess.DEVNULL if QUIET in arguments else None
    return run(commands(arguments), again=AGAIN in arguments, output=output)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
