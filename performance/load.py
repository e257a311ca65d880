"""Minutes at 70 % of what the server can do, while models change, projects are imported and caches overflow."""

import argparse
import http.client
import itertools
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from performance import growth
from performance.http_predict import log_in, manage, open_connection, serving
from performance.installation import Made
from performance.report import ROOT
from tests.engine_process import free_ports
from tests.engines import postgres_server

#: Of the requests a second that four clients got when each asked as soon as it was answered.
SHARE, CLIENTS, WARM_SECONDS, CALIBRATION_SECONDS = 0.7, 4, 10.0, 60.0
#: Issues of each project; their indexes, series and models take some 40 MiB and 8, so that each leaves in its turn.
SIZES, CACHE_MIB, MODEL_CACHE_MIB = (400, 600, 900, 1_200, 2_000, 3_000), 20, 4
#: Projects, the smallest ones, whose models change meanwhile.
TRAINED = 3
#: Between two trainings (each is activated), two roll-backs and two imports, in seconds.
TRAIN_EVERY, ROLL_BACK_EVERY, IMPORT_EVERY = 30, 45, 20
#: Memory is flat, and the tail stable, where the last third of the minutes is no more than so much above the second.
MEMORY_GROWTH, TAIL_GROWTH = 1.10, 1.5
SAMPLE_SECONDS = 2.0
MIB = 2**20


@dataclass(slots=True)
class Minute:
    """What was seen in one minute."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    resident: list[int] = field(default_factory=list)

    @property
    def p99(self) -> float:
        """Milliseconds; 0 where nothing was asked."""
        return float(np.percentile(self.seconds, 99) * 1000) if self.seconds else 0.0


class Record:
    """All minutes, filled by many threads."""

    def __init__(self) -> None:
        self.began, self._lock, self.minutes, self.done = time.perf_counter(), threading.Lock(), [Minute()], []
        self.shown = 0

    def note(self, *, seconds: float | None = None, error: str = "", resident: int = 0, done: str = "") -> None:
        """One answer, error, sample of memory, or thing that was done beside."""
        with self._lock:
            number = int((time.perf_counter() - self.began) // 60)
            while len(self.minutes) <= number:
                self.minutes.append(Minute())
            minute = self.minutes[number]
            minute.seconds += [] if seconds is None else [seconds]
            minute.errors += [error] if error else []
            minute.resident += [resident] if resident else []
            self.done += [done] if done else []


def main() -> None:
    """Prepare, find the capacity, load, and say whether it held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument(
        "--cache-mib", type=int, default=CACHE_MIB, help="ML_CACHE_MIB of each process; 256 is the service's own"
    )
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        url = stack.enter_context(postgres_server()).url if options.engine == "postgresql" else ""
        os.environ |= {"ML_CACHE_MIB": str(options.cache_mib), "PYTHONPATH": str(ROOT)}
        os.environ["ML_MODEL_CACHE_MIB"] = str(MODEL_CACHE_MIB)
        growth.choose_database(folder, url)
        made = growth.apart(growth.set_up, SIZES)
        # Each of those that are rolled back later has a model before the one that serves.
        for project in made[:TRAINED]:
            manage(dict(os.environ), "train_ml_model", "effort_prediction", "--project", project.key, "--activate")
        [port] = free_ports(1)
        with serving(dict(os.environ), port) as server:
            held = measure(port, server.pid, made, folder, options.minutes)
    if not held:
        sys.exit("load: it did not hold")


def measure(port: int, server: int, made: Sequence[Made], folder: Path, minutes: float) -> bool:
    """Load for some minutes; whether there was no error, flat memory and a stable tail."""
    headers, over = log_in(port), threading.Event()
    warm, probe, record = Record(), Record(), Record()
    asked(port, headers, made, warm, seconds=WARM_SECONDS, rate=0.0)
    # What happens beside takes its share of the machine: the capacity is what is left.
    beside = [
        repeated(over, TRAIN_EVERY, lambda: trained(made, record)),
        repeated(over, ROLL_BACK_EVERY, lambda: rolled_back(made, record)),
        repeated(over, IMPORT_EVERY, lambda: imported(made, folder, record)),
    ]
    asked(port, headers, made, probe, seconds=CALIBRATION_SECONDS, rate=0.0)
    capacity = sum(len(minute.seconds) for minute in probe.minutes) / CALIBRATION_SECONDS
    print(f"Capacity {capacity:.0f} requests/s with {CLIENTS} clients; {SHARE:.0%} of it for {minutes:g} minutes")
    print("\n| minute | requests/s | p50 | p99 | errors | memory |\n| --- | --- | --- | --- | --- | --- |", flush=True)
    record.began = time.perf_counter()
    beside += [
        repeated(over, SAMPLE_SECONDS, lambda: record.note(resident=resident_bytes(server))),
        repeated(over, 60.0, lambda: show(record)),
    ]
    used = processor_seconds_of_each(server)
    asked(port, headers, made, record, seconds=60 * minutes, rate=SHARE * capacity)
    shares = [now - used.get(pid, 0.0) for pid, now in processor_seconds_of_each(server).items()]
    over.set()
    for thread in beside:
        thread.join()
    show(record)
    print(f"Of a processor each web process used {', '.join(f'{each / 60 / minutes:.0%}' for each in shares)}")
    return verdict(record, minutes)


# --- Asking -------------------------------------------------------------------------------------------------------
def asked(
    port: int, headers: dict[str, str], made: Sequence[Made], record: Record, *, seconds: float, rate: float
) -> None:
    """All clients at once; `rate` requests a second together, or 0 for as many as are answered."""
    until = time.perf_counter() + seconds
    threads = [
        threading.Thread(target=client, args=((port, headers), made, record, until, rate / CLIENTS))
        for _ in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def client(server: tuple[int, dict[str, str]], made: Sequence[Made], record: Record, until: float, rate: float) -> None:
    """One request after the other, each at its time: what is late waits, and its waiting counts."""
    port, headers = server
    rng, connection, begun = random.Random(), open_connection(port), time.perf_counter()
    for turn in itertools.count():
        due = begun + turn / rate if rate else time.perf_counter()
        if max(due, time.perf_counter()) > until:
            return
        time.sleep(max(due - time.perf_counter(), 0.0))
        try:
            status, answer = send(connection, headers, *question(rng, made, turn))
            error = "" if status == http.HTTPStatus.OK else f"{status} {answer[:200].decode(errors='replace')}"
        except (OSError, http.client.HTTPException) as broken:
            error, connection = f"{type(broken).__name__}: {broken}", open_connection(port)
        record.note(seconds=time.perf_counter() - due, error=error)


def question(rng: random.Random, made: Sequence[Made], turn: int) -> tuple[str, str, Any]:
    """Mostly predictions; now and then a list, a forecast or a summary. Small projects are asked as often as large."""
    asks = growth.requests_of(rng.choice(made))
    [ask] = rng.choices([asks[0], asks[1], asks[8], asks[2], asks[6]], weights=[70, 15, 10, 3, 2])
    body = ask.body and {**ask.body, **({"title": f"Fix login of report {turn}"} if "title" in ask.body else {})}
    return ask.method.upper(), ask.path, body


def send(
    connection: http.client.HTTPConnection, headers: dict[str, str], method: str, path: str, body: Any
) -> tuple[int, bytes]:
    """One request on an open connection."""
    connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json", **headers})
    response = connection.getresponse()
    return response.status, response.read()


# --- What happens meanwhile ---------------------------------------------------------------------------------------
def repeated(over: threading.Event, seconds: float, work: Callable[[], None]) -> threading.Thread:
    """Again and again in a thread of its own, until it is over."""

    def run() -> None:
        while not over.wait(seconds):
            work()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def trained(made: Sequence[Made], record: Record) -> None:
    """A training of one project, activated, in a process of its own as a worker is."""
    kind = random.choice(["effort_prediction", "story_points"])
    told(record, "training", "train_ml_model", kind, "--project", random.choice(made[:TRAINED]).key, "--activate")


def rolled_back(made: Sequence[Made], record: Record) -> None:
    """The model before serves again."""
    project = random.choice(made[:TRAINED]).key
    told(record, "roll-back", "activate_ml_model", "--rollback", "effort_prediction", "--project", project)


def imported(made: Sequence[Made], folder: Path, record: Record) -> None:
    """A file with issues, some of them new."""
    file, first = folder / "import.csv", random.randrange(10_000)
    rows = [
        f"LOAD-{first + number},Fix the export of page {number},task,Done,2026-01-05T09:00:00Z,2026-01-07T15:00:00Z,8"
        for number in range(100)
    ]
    header = "Issue key,Summary,Issue Type,Status,Created,Resolved,Actual hours"
    file.write_text("\n".join([header, *rows]) + "\n")
    told(record, "import", "import_issues", str(file), "--project", random.choice(made).key)


def told(record: Record, what: str, *arguments: str) -> None:
    """A management command; one that fails is an error of the minute."""
    # Not above: the package reads the settings, and the database is chosen first.
    from base.worker import NICE

    try:
        # As far behind the requests as the worker that does such things.
        manage(dict(os.environ), *arguments, told=NICE)
        record.note(done=what)
    except SystemExit as failed:
        record.note(error=str(failed)[-300:])


def resident_bytes(server: int) -> int:
    """Memory of the server and its workers that is really there."""
    pages = sum(int(statm.split()[1]) for statm in of_each(server, "statm").values())
    return pages * os.sysconf("SC_PAGE_SIZE")


def processor_seconds_of_each(server: int) -> dict[int, float]:
    """What the server's processes have used so far."""
    stats = {pid: stat.rpartition(")")[2].split() for pid, stat in of_each(server, "stat").items() if pid != server}
    return {pid: (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK") for pid, stat in stats.items()}


def of_each(server: int, name: str) -> dict[int, str]:
    """A file of proc(5) of the server and its workers."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if server in (parent, int(path.name)):
                found[int(path.name)] = (path / name).read_text()
        except (FileNotFoundError, ProcessLookupError):
            # It ended while it was looked at.
            continue
    return found


# --- What came of it ----------------------------------------------------------------------------------------------
def show(record: Record) -> None:
    """The lines of the minutes that are over."""
    # The newest has just begun, or is about to.
    over = round((time.perf_counter() - record.began) / 60)
    for number in range(record.shown + 1, over + 1):
        show_minute(number, record.minutes[number - 1])
    record.shown = max(record.shown, over)


def show_minute(number: int, minute: Minute) -> None:
    """A line of the table."""
    p50 = statistics.median(minute.seconds) * 1000 if minute.seconds else 0.0
    memory = max(minute.resident, default=0) / MIB
    print(
        f"| {number} | {len(minute.seconds) / 60:.0f} | {p50:.0f} ms | {minute.p99:.0f} ms | {len(minute.errors)} "
        f"| {memory:.0f} MiB |",
        flush=True,
    )


def verdict(record: Record, minutes: float) -> bool:
    """No error, flat memory, stable tail; said of whole minutes, of which there must be three."""
    whole = record.minutes[: int(minutes)]
    errors = [error for minute in record.minutes for error in minute.errors]
    counts = {what: record.done.count(what) for what in sorted(set(record.done))}
    print(f"Beside: {', '.join(f'{count} x {what}' for what, count in counts.items())}. Errors: {len(errors)}")
    for error in errors[:5]:
        print(f"  {error}")
    if len(whole) < 3:
        return not errors
    third = len(whole) // 3
    before, after = whole[third : 2 * third] or whole[:1], whole[-third:]
    memory = [max(max(minute.resident, default=0) for minute in part) / MIB for part in (before, after)]
    tail = [statistics.median(minute.p99 for minute in part) for part in (before, after)]
    print(f"Second third, last third: memory {memory[0]:.0f}, {memory[1]:.0f} MiB; p99 {tail[0]:.0f}, {tail[1]:.0f} ms")
    return not errors and memory[1] <= MEMORY_GROWTH * memory[0] and tail[1] <= TAIL_GROWTH * tail[0]


if __name__ == "__main__":
    main()
