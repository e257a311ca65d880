"""Predictions over HTTP: four keep-alive clients with a token against the server as `./run` starts it."""

import argparse
import http.client
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from performance.report import ROOT, milliseconds, public_data
from tests.engines import free_ports, postgres_server

#: docs/benchmarks.md.
TARGET_PER_SECOND, TARGET_P99_MS = 200, 50
PROJECT = "SIP"
PASSWORD = "benchmark-only"
#: Varied, so that no answer can come from a cache of answers.
TITLES = (
    "Fix login for user",
    "Add export of report",
    "Crash when saving order",
    "Investigate slow search in catalogue",
)

MAKE_LOGIN = f"""
from apps.accounts.models import User
from apps.projects.models import Project, TeamMember
user = User.objects.create_user("bench@example.com", "{PASSWORD}")
project = Project.objects.get(key="{PROJECT}")
TeamMember.objects.create(project=project, user=user, role="member")
print(project.id)
"""
COUNT_HISTORY = "from apps.ml.models import PredictionHistory; print(PredictionHistory.objects.count())"


#: What is done so that an answer's row stays, by engine.
DURABILITY = {
    "sqlite": "WAL, synchronous=NORMAL as the service sets it: rows outlive processes, the last ones not the power.",
    "postgresql": "fsync, synchronous_commit and full_page_writes on, as by default.",
}


@dataclass(frozen=True, slots=True)
class Question:
    """Where something is asked, and how it is put about a title."""

    path: str
    headers: Mapping[str, str]
    body: Callable[[str], object]


@dataclass(slots=True)
class Answers:
    """What one client saw."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    last: bytes = b""


def manage(environment: dict[str, str], *arguments: str, told: Sequence[str] = ()) -> str:
    """The last line that a management command prints; `told` are words before it, `nice` say."""
    command = [*told, sys.executable, str(ROOT / "manage.py"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return (done.stdout.strip().splitlines() or [""])[-1]


def prepare(environment: dict[str, str], data: Path) -> str:
    """Load the data, train, make a login; returns the project's id."""
    manage(environment, "migrate", "-v0")
    manage(environment, "import_issues", str(data), "--project", PROJECT, "--create-project", PROJECT)
    manage(environment, "train_ml_model", "effort_prediction", "--project", PROJECT)
    return manage(environment, "shell", "-v0", "-c", MAKE_LOGIN)


@contextmanager
def serving(environment: dict[str, str], port: int) -> Iterator[subprocess.Popen[str]]:
    """The web server, ready."""
    command = [sys.executable, "-m", "base.launch", "serve", "--port", str(port)]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True) as server,
    ):
        try:
            if server.stdout is None or "Serving" not in server.stdout.readline():
                sys.exit("The server did not start.")
            yield server
        finally:
            server.terminate()


def processor_seconds(server: subprocess.Popen[Any]) -> float:
    """What the server and all below it have used so far: this figure holds on a busy machine too."""
    fields = {int(path.name): _stat_of(path) for path in Path("/proc").glob("[0-9]*")}
    family = {server.pid}
    while grown := {pid for pid, each in fields.items() if each and int(each[1]) in family} - family:
        family |= grown
    ticks = sum(int(each[11]) + int(each[12]) for pid in family if (each := fields.get(pid)))
    return ticks / os.sysconf("SC_CLK_TCK")


def _stat_of(process: Path) -> list[str]:
    """Parent and times among others, as proc(5) has them after the name; of a process that has just ended nothing."""
    with suppress(OSError):
        return (process / "stat").read_text().rpartition(")")[2].split()
    return []


def post(connection: http.client.HTTPConnection, question: Question, title: str) -> tuple[int, bytes]:
    """One request on an open connection."""
    headers = {"Content-Type": "application/json", **question.headers}
    connection.request("POST", question.path, json.dumps(question.body(title)), headers)
    response = connection.getresponse()
    return response.status, response.read()


def open_connection(port: int) -> http.client.HTTPConnection:
    """Without waiting to fill packets: headers and body are two writes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def log_in(port: int) -> dict[str, str]:
    """The header that says who asks."""
    body = {"email": "bench@example.com", "password": PASSWORD}
    status, answer = post(open_connection(port), Question("/api/v1/auth/token/", {}, lambda _: body), "")
    if status != http.HTTPStatus.OK:
        sys.exit(f"Logging in failed: {status} {answer.decode()}")
    return {"Authorization": f"Bearer {json.loads(answer)['access']}"}


def question_of(project: str, headers: dict[str, str]) -> Question:
    """Hours of a bug."""
    body = {"issue_type": "bug", "project_id": project}
    return Question("/api/v1/ml/predict-effort/", headers, lambda title: {"title": title, **body})


def ask(port: int, question: Question, until: float, answers: Answers) -> None:
    """One client: the next request goes out when the last answer is there."""
    connection = open_connection(port)
    for number in itertools.count():
        start = time.perf_counter()
        if start > until:
            return
        status, answer = post(connection, question, f"{TITLES[number % len(TITLES)]} {number}")
        answers.seconds.append(time.perf_counter() - start)
        if status == http.HTTPStatus.OK:
            answers.last = answer
        else:
            answers.errors.append(f"{status} {answer[:200].decode(errors='replace')}")


def load(port: int, question: Question, clients: int, seconds: float) -> list[Answers]:
    """All clients at once, for a time."""
    everything = [Answers() for _ in range(clients)]
    until = time.perf_counter() + seconds
    threads = [threading.Thread(target=ask, args=(port, question, until, answers)) for answers in everything]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return everything


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds: on the clock, and of the processors for server and clients."""

    elapsed: float
    server: float
    clients: float

    def since(self, before: "Cost") -> "Cost":
        return Cost(self.elapsed - before.elapsed, self.server - before.server, self.clients - before.clients)


def cost_so_far(server: subprocess.Popen[str]) -> Cost:
    return Cost(time.perf_counter(), processor_seconds(server), time.process_time())


def report(engine: str, everything: Sequence[Answers], cost: Cost, rows: int) -> None:
    """One paragraph, and whether the promise held."""
    seconds = [each for answers in everything for each in answers.seconds]
    errors = [each for answers in everything for each in answers.errors]
    methods = sorted({json.loads(answers.last)["method"] for answers in everything if answers.last})
    print(f"{engine:11} {len(seconds) / cost.elapsed:.0f} requests/s, {milliseconds(seconds)}, {len(errors)} errors")
    print(f"{'':11} method {', '.join(methods)}; {rows} history rows for {len(seconds) - len(errors)} answers")
    each = 1000 / len(seconds)
    print(
        f"{'':11} processor time per request: server {cost.server * each:.2f} ms, client {cost.clients * each:.2f} ms"
    )
    if errors:
        print(f"{'':11} first error: {errors[0]}")


def measure(engine: str, database_url: str | None, options: argparse.Namespace) -> None:
    """Prepare, warm up, load and report on one engine."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        own = {"SCRUM_ML_VAR_DIR": folder, "LOG_LEVEL": "WARNING", "PYTHONPATH": str(ROOT)}
        environment = {**os.environ, **own, **({"DATABASE_URL": database_url} if database_url else {})}
        project, [port] = prepare(environment, options.data), free_ports(1)
        with serving(environment, port) as server:
            question = question_of(project, log_in(port))
            warm = load(port, question, options.clients, 2.0)
            before = cost_so_far(server)
            everything = load(port, question, options.clients, options.seconds)
            cost = cost_so_far(server).since(before)
            rows = int(manage(environment, "shell", "-v0", "-c", COUNT_HISTORY))
        report(engine, everything, cost, rows - sum(len(answers.seconds) for answers in warm))


def main() -> None:
    """Measure on both engines, or on the one that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--data", type=Path, help="CSV of finished tasks (effort_sip/tasks.csv in SCRUM_ML_DATA)")
    options = parser.parse_args()
    options.data = options.data or public_data("effort_sip/tasks.csv")
    print(f"Target: at least {TARGET_PER_SECOND} requests/s with p99 below {TARGET_P99_MS} ms at 4 clients.")
    for engine in options.engine or ["sqlite", "postgresql"]:
        with ExitStack() as stack:
            print(f"{engine:11} {DURABILITY[engine]}")
            url = stack.enter_context(postgres_server(durable=True)).url if engine == "postgresql" else None
            measure(engine, url, options)


if __name__ == "__main__":
    main()
