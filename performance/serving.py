"""Requests a second beside MLflow and BentoML, in turns: they answer only, ours asks who asks and records, too."""

import argparse
import importlib.metadata
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.ml.benchmarks.effort.data import read_tasks
from performance import http_predict
from performance.http_predict import Question, load, processor_seconds
from performance.report import ROOT, public_data
from tests.engines import free_ports, postgres_server

#: docs/benchmarks.md.
TARGETS = {"mlflow": 10.0, "bentoml": 5.0}
WORKERS, CLIENTS = 2, 4
#: Until a peer answers for the first time; it loads pandas and scikit-learn in each worker.
PATIENCE_SECONDS = 180.0
PEERS = Path(__file__).parent / "peers"
PACKAGES = {"mlflow": ("mlflow", "pandas"), "bentoml": ("bentoml", "pandas")}


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server that runs, and what is asked of it."""

    name: str
    port: int
    question: Question
    process: subprocess.Popen[Any]


def environment_of(peer: str) -> Path:
    """The peer's own environment, made once; never ours, whose versions are locked.

    It takes minutes to install, so that it is worth keeping: `SCRUM_ML_PEERS` names a folder outside of the project,
    which every clone may use; without it, it lies beside the project's data.

    Raises
    ------
    subprocess.CalledProcessError
        If it cannot be installed.
    """
    kept = os.environ.get("SCRUM_ML_PEERS")
    folder = (Path(kept) if kept else ROOT / os.environ.get("SCRUM_ML_VAR_DIR", "var") / "bench-peers") / peer
    wanted = [*PACKAGES[peer], f"scikit-learn=={importlib.metadata.version('scikit-learn')}"]
    # What is installed is written down last: half an environment, or one with another scikit-learn, is made anew.
    ready = folder / "ready"
    if not ready.exists() or ready.read_text().split() != wanted:
        print(f"Installing {peer} into an environment of its own, {folder} …", flush=True)
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        _run([str(folder / "bin" / "python"), "-m", "pip", "install", "-q", *wanted])
        ready.write_text("\n".join(wanted))
    return folder / "bin"


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def _mlflow(binaries: Path, model: Path, port: int) -> tuple[list[str], Mapping[str, str], Question]:
    def body(title: str) -> object:
        return {"dataframe_split": {"columns": ["title", "issue_type"], "data": [[title, "bug"]]}}

    served = ["models", "serve", "-m", str(model), "-p", str(port), "-w", str(WORKERS), "--env-manager", "local"]
    return [str(binaries / "mlflow"), *served], {}, Question("/invocations", {}, body)


def _bentoml(binaries: Path, model: Path, port: int) -> tuple[list[str], Mapping[str, str], Question]:
    served = ["serve", "bentoml_service:Hours", "--working-dir", str(PEERS), "--port", str(port)]
    environment = {
        "PEER_WORKERS": str(WORKERS),
        "PEER_PIPELINE": str(model / "pipeline.joblib"),
        "BENTOML_DO_NOT_TRACK": "1",
        "BENTOML_HOME": str(model / "home"),
    }
    return (
        [str(binaries / "bentoml"), *served],
        environment,
        Question("/predict", {}, lambda title: {"title": title, "issue_type": "bug"}),
    )


_COMMANDS: Mapping[str, Callable[[Path, Path, int], tuple[list[str], Mapping[str, str], Question]]] = {
    "mlflow": _mlflow,
    "bentoml": _bentoml,
}


@contextmanager
def peer(name: str, tasks: Path, folder: Path) -> Iterator[Contestant]:
    """A peer with the pipeline, answering."""
    binaries, [port] = environment_of(name), free_ports(1)
    _run([str(binaries / "python"), str(PEERS / "pipeline.py"), name, str(tasks), str(folder / name)])
    command, own, question = _COMMANDS[name](binaries, folder / name, port)
    path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **own, "PATH": path, "PYTHONPATH": "", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (
        (folder / f"{name}.log").open("w") as log,
        subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, cwd=folder, start_new_session=True
        ) as server,
    ):
        try:
            _wait_for(server, port, question)
            yield Contestant(name, port, question, server)
        finally:
            # With the workers that it has started.
            os.killpg(server.pid, signal.SIGTERM)


def _wait_for(server: subprocess.Popen[Any], port: int, question: Question) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while server.poll() is None and time.monotonic() < until:
        try:
            status, _ = http_predict.post(http_predict.open_connection(port), question, "Fix login")
        except OSError:
            status = 0
        if status == 200:
            return
        time.sleep(0.5)
    raise subprocess.SubprocessError("It does not answer.")


@contextmanager
def peers(options: argparse.Namespace) -> Iterator[list[Contestant]]:
    """All that can be had; a line says of each other why not."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-peers-")))
        tasks, found = folder / "tasks.json", []
        known = [task for task in read_tasks(options.data) if task.actual_hours]
        rows = [{"title": t.facts.title, "issue_type": t.facts.issue_type, "hours": t.actual_hours} for t in known]
        tasks.write_text(json.dumps(rows))
        for name in PACKAGES:
            try:
                found.append(stack.enter_context(peer(name, tasks, folder)))
            except subprocess.SubprocessError as error:
                told = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
                print(f"{name} is left out, it could not be installed and started: {told[-1] if told else error}")
        yield found


@contextmanager
def ours(database_url: str | None, options: argparse.Namespace) -> Iterator[Contestant]:
    """The server as `./run` starts it, with a token, membership and the history row; without a limit of requests."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        own = {"SCRUM_ML_VAR_DIR": folder, "LOG_LEVEL": "WARNING", "PYTHONPATH": str(ROOT), "WEB_WORKERS": str(WORKERS)}
        own["USER_THROTTLE_RATE"] = "100000000/min"
        environment = {**os.environ, **own, **({"DATABASE_URL": database_url} if database_url else {})}
        project, [port] = http_predict.prepare(environment, options.data), free_ports(1)
        with http_predict.serving(environment, port) as server:
            yield Contestant("ours", port, http_predict.question_of(project, http_predict.log_in(port)), server)


def round_of(contestant: Contestant, seconds: float) -> tuple[float, float]:
    """Requests a second, and milliseconds of the server's processor time for each."""
    before, start = processor_seconds(contestant.process), time.perf_counter()
    answers = load(contestant.port, contestant.question, CLIENTS, seconds)
    elapsed, used = time.perf_counter() - start, processor_seconds(contestant.process) - before
    if errors := [error for each in answers for error in each.errors]:
        sys.exit(f"{contestant.name}: {len(errors)} errors, the first: {errors[0]}")
    n = sum(len(each.seconds) for each in answers)
    return n / elapsed, 1000 * used / n


def compare(engine: str, contestants: list[Contestant], options: argparse.Namespace) -> None:
    """Rounds in turns, so that whatever else the machine does meets all alike; medians of ratios."""
    for each in contestants:
        round_of(each, options.seconds / 2)
    rounds = [{each.name: round_of(each, options.seconds) for each in contestants} for _ in range(options.rounds)]
    for each in contestants:
        rates, costs = zip(*(turn[each.name] for turn in rounds), strict=True)
        line = f"{engine:11} {each.name:8} {statistics.median(rates):7.0f} requests/s"
        line += f", {statistics.median(costs):.2f} ms of processor time each"
        if each.name in TARGETS:
            ratio = statistics.median(turn["ours"][0] / turn[each.name][0] for turn in rounds)
            cost = statistics.median(turn[each.name][1] / turn["ours"][1] for turn in rounds)
            line += f": ours {ratio:.1f} times as many (target {TARGETS[each.name]:g}), at 1/{cost:.1f} of the time"
        print(line, flush=True)


def main() -> None:
    """Compare on both engines, with what each does for durability by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--seconds", type=float, default=4.0, help="Of each server in each round.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, help="CSV of finished tasks (effort_sip/tasks.csv in SCRUM_ML_DATA)")
    options = parser.parse_args()
    options.data = options.data or public_data("effort_sip/tasks.csv")
    with peers(options) as others:
        print(f"{WORKERS} workers each, {CLIENTS} clients, {options.rounds} rounds of {options.seconds:g} s in turns.")
        for engine in options.engine or ["sqlite", "postgresql"]:
            with ExitStack() as stack:
                print(f"{engine:11} {http_predict.DURABILITY[engine]}")
                durable = postgres_server(durable=True)
                url = stack.enter_context(durable).url if engine == "postgresql" else None
                compare(engine, [stack.enter_context(ours(url, options)), *others], options)


if __name__ == "__main__":
    main()
