"""What each request costs as projects and the installation grow: processor and wall time, queries, memory."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import multiprocessing
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from performance.installation import Made, make_project, settle
from performance.report import machine
from tests.engines import postgres_server

ML, LOGIN = "/api/v1/ml", "bench@example.com"
MIB = 2**20
ROUNDS = 5
#: Beside a small project: what the larger ones of its installation have.
SIZES = (1_000, 10_000, 100_000)
LARGEST = 1_000_000
#: Issues whose model serves every project: what a model costs does not depend on the project that asks it.
LEARNED = 2_000
#: Milliseconds on the clock at 100,000 issues, warm, and of the first answer in a process: docs/benchmarks.md.
TARGETS = {
    "predict effort": 15, "story points": 15, "forecast": 150, "what-if": 150, "sprint risk": 200,
    "sprint duration": 200, "project summary": 200, "suggest assignment": 200, "issues, first page": 50,
    "issues, deep page": 50, "issues, next of deep": 50, "issues by title": 50, "issues by title, next": 50,
    "search": 50, "search, nothing": 50, "sprints": 50,
}  # fmt: skip
FIRST_MS = 300


@dataclass(frozen=True, slots=True)
class Ask:
    """A request by its name in the table."""

    name: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    #: A link of the answer: what it leads to is asked for in its place.
    follow: str = ""


@dataclass(slots=True)
class Measured:
    """Milliseconds, unless named otherwise; of this process, and of the database's where it is another."""

    request: str
    project: int
    installation: int
    #: The first answer in a process, a usual one, and the first after an issue was edited.
    first_wall: float
    first_work: float
    wall: float
    processor: float
    database: float
    queries: int
    #: By how much the process grew at most.
    peak_mib: float
    changed_wall: float
    changed_work: float
    answer_kib: float

    @property
    def work(self) -> float:
        """Processor time of both processes: what the clock shows on a machine that does nothing else."""
        return self.processor + self.database


def main() -> None:
    """Make installations on one engine, ask, print, and say what misses its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="issues of each project")
    parser.add_argument("--million", action="store_true", help="one more project, of a million issues")
    parser.add_argument("--only", action="append", default=[], help="requests whose name begins so")
    parser.add_argument("--json", action="store_true", help="one line of JSON a measurement, nothing else")
    options = parser.parse_args()
    sizes = [*options.sizes, *([LARGEST] if options.million else [])]
    found: list[Measured] = []
    for installation in ([sizes[0]], sizes) if len(sizes) > 1 else (sizes,):
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
            url = stack.enter_context(postgres_server()).url if options.engine == "postgresql" else ""
            # In a process of its own: a process has one database.
            found += apart(measure, Path(folder), url, installation, options.only, options.json)
    if not options.json:
        verdict(found)


def apart(work: Callable[..., Any], *arguments: Any) -> Any:
    """What some work returns, done in a child of this process that shares nothing with what is asked later."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=lambda: theirs.send(work(*arguments)))
    child.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        sys.exit("growth: a measurement failed")
    finally:
        child.join()


def measure(folder: Path, url: str, sizes: Sequence[int], only: Sequence[str], as_json: bool) -> list[Measured]:
    """All requests of all projects of one installation."""
    choose_database(folder, url)
    # In a child: a store's client does not survive the forks to come.
    made = apart(set_up, sizes)
    wake()
    say = (lambda *_: None) if as_json else print
    say(f"\n{engine_name()}, {sum(sizes):,} issues in {len(sizes)} projects; {machine()}")
    say(HEADER)
    found = []
    for size, project in zip(sizes, made, strict=True):
        for ask in requests_of(project):
            if not only or any(ask.name.startswith(each) for each in only):
                found.append(apart(answered, ask, project, size, sum(sizes)))
                print(json.dumps(asdict(found[-1])) if as_json else line(found[-1]), flush=True)
    return found


HEADER = (
    f"{'':22} {'':>9} |{'usual answer, ms':^34}|{'first, ms':^15}|{'after edit, ms':^15}|\n"
    f"{'request':22} {'issues':>9} |{'wall':>8} {'process':>8} {'server':>7} {'queries':>8}|"
    f"{'wall':>7} {'work':>7}|{'wall':>7} {'work':>7}|{'+MiB':>6} {'KiB':>5}"
)


def line(row: Measured) -> str:
    """One row of the table."""
    return (
        f"{row.request:22} {row.project:9,} |{row.wall:8.1f} {row.processor:8.1f} {row.database:7.1f} {row.queries:8}|"
        f"{row.first_wall:7.0f} {row.first_work:7.0f}|{row.changed_wall:7.0f} {row.changed_work:7.0f}|"
        f"{row.peak_mib:6.0f} {row.answer_kib:5.0f}"
    )


def verdict(found: Sequence[Measured]) -> None:
    """Which targets are missed at the size that they are for, by processor time: it holds on a busy machine too."""
    missed = []
    for row in found:
        if row.project == SIZES[-1] and row.request in TARGETS:
            if row.work > TARGETS[row.request]:
                missed.append(f"{row.request}: {row.work:.0f} ms of {TARGETS[row.request]}")
            if row.first_work > FIRST_MS:
                missed.append(f"{row.request}, first in a process: {row.first_work:.0f} ms of {FIRST_MS}")
    print("\nAll targets are met." if not missed else "\nMissed: " + "; ".join(missed))


# --- The installation ---------------------------------------------------------------------------------------------
def choose_database(folder: Path, url: str) -> None:
    """For this process and its children."""
    # No limit: what is measured here asks more often than anybody may.
    os.environ.update(SCRUM_ML_VAR_DIR=str(folder), LOG_LEVEL="ERROR", USER_THROTTLE_RATE="100000000/min")
    os.environ["DATABASE_URL"] = url or f"sqlite:///{folder}/db.sqlite3"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "base.settings")
    import django

    django.setup()


def wake() -> None:
    """What a server process has done before it answers: its modules, its addresses, its settings."""
    from importlib import import_module

    from django.urls import get_resolver

    import_module("base.wsgi")
    len(get_resolver().url_patterns)


def set_up(sizes: Sequence[int]) -> list[Made]:
    """A database with a project of each size, a model for each, and somebody who leads them all."""
    from django.core.management import call_command
    from django.utils import timezone

    call_command("migrate", verbosity=0)
    from django.db import connection

    from apps.accounts.models import User

    now = timezone.now()
    login = User.objects.create_user(LOGIN, "benchmark-only")
    made = [make_project(f"GROW{size}", size, now=now, login=login, rng=random.Random(size)) for size in sizes]
    give_models([project.project for project in made], now=now, login=login)
    settle()
    store_indexes(made)
    keep_pasts(made)
    connection.close()
    return made


def give_models(projects: Sequence[Any], *, now: Any, login: Any) -> None:
    """To each project a copy of one training of hours and one of points."""
    from apps.ml.models import MLModel
    from apps.ml.services import ModelTrainer
    from apps.ml.storage.s3 import S3ModelStorageService

    learned = make_project("LEARNED", LEARNED, now=now, login=login, rng=random.Random(0)).project
    trainer, storage = ModelTrainer(), S3ModelStorageService()
    trained = [
        trainer.train_effort_prediction_model(learned, now=now),
        trainer.train_story_points_model(learned, now=now),
    ]
    for each in trained:
        model, serving = storage.download_model(each.s3_key), storage.download_model(each.serving_key)
        for number, project in enumerate(projects):
            stored = storage.upload_model(
                model_type=each.model_type, version="1.0.0", model=model, serving=serving,
                now=now + timedelta(seconds=number + 1), project_id=project,
            )  # fmt: skip
            MLModel.objects.create(
                model_type=each.model_type, project_id=project, version="1.0.0", status="active", is_active=True,
                s3_key=stored.model.key, digest=stored.model.digest, signature=stored.model.signature,
                serving_key=stored.serving.key, serving_digest=stored.serving.digest,
                serving_signature=stored.serving.signature, training_samples=LEARNED, trained_at=now, activated_at=now,
            )  # fmt: skip


def store_indexes(projects: Sequence[Made]) -> None:
    """As a worker does every quarter of an hour: what a process begins with lies in the store."""
    from apps.ml.services.similar.issue_texts import ISSUE_TEXTS

    for made in projects:
        ISSUE_TEXTS.of_project(made.project)
        for writer in [thread for thread in threading.enumerate() if thread.name == "snapshot"]:
            writer.join()


def keep_pasts(projects: Sequence[Made]) -> None:
    """As the first process that was asked did, or the worker, which looks at each running sprint every morning."""
    from django.utils import timezone

    from apps.ml.selectors.sprints import HISTORY_SPRINTS
    from apps.ml.services.forecasts.sprint import team_past

    for made in projects:
        team_past(made.project, now=timezone.now(), newest=HISTORY_SPRINTS)


# --- What is asked ------------------------------------------------------------------------------------------------
def requests_of(made: Made) -> list[Ask]:
    """The hot requests of a project, and its pages."""
    issue, named, api = {"title": "Fix login of report 7", "issue_type": "bug"}, {"project_id": made.key}, "/api/v1"
    rows, pages = f"{api}/projects/{made.key}", f"/projects/{made.key}"
    return [
        Ask("predict effort", "post", f"{ML}/predict-effort/", issue | named),
        Ask("story points", "post", f"{ML}/recommend-story-points/", issue | named),
        Ask("forecast", "post", f"{ML}/projects/{made.key}/forecast/", {"growth": True}),
        Ask("what-if", "post", f"{ML}/sprints/{made.sprint}/what-if/", {"extra_days": 2}),
        Ask("sprint risk", "get", f"{ML}/{made.sprint}/sprint-risk/"),
        Ask("sprint duration", "post", f"{ML}/estimate-sprint-duration/", {"sprint_id": str(made.sprint)}),
        Ask("project summary", "post", f"{ML}/{made.key}/project-summary/"),
        Ask("suggest assignment", "post", f"{ML}/suggest-assignment/", {"issue_id": str(made.issue)} | named),
        Ask("issues, first page", "get", f"{rows}/issues/?status_category=to_do"),
        Ask("issues, deep page", "get", f"{rows}/issues/?page=DEEP"),
        Ask("issues, next of deep", "get", f"{rows}/issues/?page=DEEP", follow="next"),
        Ask("issues by title", "get", f"{rows}/issues/?ordering=title"),
        Ask("issues by title, next", "get", f"{rows}/issues/?ordering=title", follow="next"),
        Ask("search", "get", f"{rows}/issues/?search=login+of+report"),
        Ask("search, nothing", "get", f"{rows}/issues/?search=zeppelin"),
        Ask("sprints", "get", f"{rows}/sprints/"),
        Ask("project page", "get", f"{pages}/"),
        Ask("backlog page", "get", f"{pages}/backlog/"),
        Ask("flow page", "get", f"{pages}/flow/"),
    ]


def engine_name() -> str:
    """Of the installation that is measured."""
    from django.db import connection

    return str(connection.display_name)


# --- Measuring ----------------------------------------------------------------------------------------------------
def answered(ask: Ask, made: Made, size: int, installation: int) -> Measured:
    """One request in a process that has answered nothing yet: first, again, and after an issue has changed."""
    from apps.accounts.models import User

    send, before = sender(ask, User.objects.get(email=LOGIN), size), peak_bytes()
    first, *first_work = timed(send)
    again = [timed(send) for _ in range(ROUNDS)]
    wall, processor, database = (statistics.median(each) for each in zip(*again, strict=True))
    with counted() as queries:
        answer = send()
    change_an_issue(made)
    changed, *changed_work = timed(send)
    return Measured(
        request=ask.name, project=size, installation=installation, first_wall=first, first_work=sum(first_work),
        wall=wall, processor=processor, database=database, queries=len(queries),
        peak_mib=(peak_bytes() - before) / MIB, changed_wall=changed, changed_work=sum(changed_work),
        answer_kib=len(answer) / 1024,
    )  # fmt: skip


def sender(ask: Ask, login: Any, size: int) -> Callable[[], bytes]:
    """Sends the request as somebody who is logged in; anything but 200 is an error."""
    from django.test import Client
    from django.utils import timezone

    from apps.accounts.log_ins import access_token

    client = Client(SERVER_NAME="localhost")
    client.force_login(login)
    headers = {"Authorization": f"Bearer {access_token(login, now=timezone.now())}"}
    # Two thirds through the list.
    path = ask.path.replace("DEEP", str(max(size // 75, 1)))

    if ask.follow:
        path = client.get(path, headers=headers).json()[ask.follow]

    def send() -> bytes:
        response = getattr(client, ask.method)(path, ask.body, content_type="application/json", headers=headers)
        if response.status_code != 200:
            raise RuntimeError(f"{ask.name}: {response.status_code} {response.content[:300].decode(errors='replace')}")
        return bytes(response.content)

    return send


def timed(send: Callable[[], bytes]) -> tuple[float, float, float]:
    """Milliseconds: on the clock, of this process' processor, and of the database's."""
    started, processor, database = time.perf_counter(), time.process_time(), database_seconds()
    send()
    ended = time.perf_counter(), time.process_time(), database_seconds()
    return tuple(1000 * (after - before) for after, before in zip(ended, (started, processor, database), strict=True))  # type: ignore[return-value]


def database_seconds() -> float:
    """Processor time of the connection's server process so far; nothing where the database works in this one."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return 0.0
    connection.ensure_connection()
    spent = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat").read_text()
    return int(spent.split()[0]) / 1e9


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    from django.db import connection

    sent: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield sent


def change_an_issue(made: Made) -> None:
    """Somebody edits a title in a completed sprint; then as much time passes as caches trust what they know."""
    from django.utils import timezone

    from apps.ml.services.predictions.recent_outcomes import EFFORT_OUTCOMES, POINTS_OUTCOMES
    from apps.ml.services.predictions.switch import TERMS
    from apps.ml.services.similar.finished_work import FINISHED_WORK
    from apps.ml.services.similar.issue_texts import ISSUE_TEXTS
    from apps.projects.models import Issue
    from apps.projects.services import update_issue

    finished = Issue.objects.filter(project_id=made.project, resolved_at__isnull=False, sprint__status="completed")
    issue = finished.order_by("-resolved_at").first()
    assert issue is not None
    update_issue(issue, by=None, now=timezone.now, title=f"Edited at {time.time()}")
    for memory in (FINISHED_WORK, ISSUE_TEXTS, TERMS, EFFORT_OUTCOMES, POINTS_OUTCOMES):
        memory._clock = lambda: time.monotonic() + 60  # type: ignore[attr-defined]  # instead of a minute's wait


def peak_bytes() -> int:
    """The most memory that this process had."""
    [peak] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(peak.split()[1]) * 1024


if __name__ == "__main__":
    main()
