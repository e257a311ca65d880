"""The four commands as a newcomer types them: real processes, a real server, an installation of their own."""

import os
import re
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.engines import free_ports

ROOT = Path(__file__).resolve().parent.parent
FIRST_START_SECONDS = 600.0
COUNT_ISSUES = "select key, count(*) from projects_project join projects_issue on project_id = projects_project.id"


def environment(var_dir: Path, **more: str) -> dict[str, str]:
    """Nothing but an installation's own folder: no settings of the test run."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "SCRUM_ML_VAR_DIR": str(var_dir), **more}


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


@pytest.fixture(scope="module")
def var_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation that the tests of this file share, as a user's starts share one."""
    return tmp_path_factory.mktemp("installation") / "var"


@pytest.fixture(scope="module")
def server(var_dir: Path) -> Iterator[Started]:
    """`./run` from an empty installation, ready."""
    [port] = free_ports(1)
    with started("./run", "--port", str(port), var_dir=var_dir) as run:
        run.wait_for("python3 -m json.tool", FIRST_START_SECONDS)
        yield run


def pasted_lines(greeting: str) -> str:
    """What a reader would copy: everything from the token on."""
    found = re.search(r"^TOKEN=.*python3 -m json\.tool$", greeting, re.MULTILINE | re.DOTALL)
    assert found, greeting
    return found.group()


@pytest.mark.skipif(shutil.which("curl") is None, reason="the lines to paste need curl")
def test_the_printed_lines_get_a_prediction_from_a_trained_model(server: Started, var_dir: Path):
    done = call("sh", "-c", pasted_lines(server.output), var_dir=var_dir)

    assert '"method": "ml_model"' in done.stdout, done.stdout + done.stderr
    assert '"predicted_hours"' in done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="the lines to paste need curl")
def test_story_points_come_from_a_trained_model_too(server: Started, var_dir: Path):
    lines = pasted_lines(server.output).replace("predict-effort", "recommend-story-points")

    done = call("sh", "-c", lines, var_dir=var_dir)

    assert '"method": "ml_model"' in done.stdout, done.stdout + done.stderr
    assert '"recommended_points"' in done.stdout


def test_the_first_start_shows_what_is_unusual_and_at_risk(server: Started, var_dir: Path):
    assert re.search(
        r"^DEMO  anomalies: [1-9]\d*; new urgent risks of running sprints: [1-9]", server.output, re.MULTILINE
    )


def test_the_bare_address_leads_to_a_log_in(server: Started, var_dir: Path):
    found = re.search(r"serves on (http://\S+)", server.output)
    assert found, server.output

    with urllib.request.urlopen(f"{found[1]}/", timeout=30) as page:
        assert page.url == f"{found[1]}/login/?next=/projects/"


def test_processes_that_share_the_cores_do_linear_algebra_in_one_thread(server: Started):
    variables = Path(f"/proc/{server.process.pid}/environ").read_bytes().split(b"\0")

    assert {b"OMP_NUM_THREADS=1", b"OPENBLAS_NUM_THREADS=1"} <= set(variables)


def test_the_second_start_repeats_nothing_and_one_ctrl_c_ends_server_and_worker(server: Started, var_dir: Path):
    [port] = free_ports(1)

    with started("./run", "--port", str(port), var_dir=var_dir, WEB_WORKERS="1") as second:
        second.wait_for("python3 -m json.tool", FIRST_START_SECONDS)
        # A process of the server that is interrupted while it loads has failed, and the server says so by its code.
        wait_until(lambda: answers(port), FIRST_START_SECONDS)
        code = second.interrupt()
        wait_until(lambda: not group_lives(second.process.pid), 30.0)

    assert "run: " not in second.output
    assert code == 0
    assert "Traceback" not in second.output


def test_the_worker_shows_itself_to_the_pages(server: Started, var_dir: Path):
    def seen() -> bool:
        with closing(sqlite3.connect(var_dir / "db.sqlite3")) as database:
            return bool(database.execute("select seen_at from ml_workerseen").fetchall())

    wait_until(seen, FIRST_START_SECONDS)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=30) as answer:
            return answer.status == 200
    except OSError:
        return False


def group_lives(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(is_so: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_ctrl_c_stops_the_server_cleanly(server: Started, var_dir: Path):
    [port] = free_ports(1)

    with started("./run", "serve", "--port", str(port), var_dir=var_dir, WEB_WORKERS="1") as run:
        run.wait_for("Serving on", FIRST_START_SECONDS)
        wait_until(lambda: answers(port), FIRST_START_SECONDS)
        code = run.interrupt()

    assert code == 0
    assert "Traceback" not in run.output


def test_a_taken_port_is_one_clear_line(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        done = call("./run", "--port", str(port), var_dir=tmp_path / "var")

    assert done.returncode == 1
    assert done.stderr == (
        f"run: cannot listen on 127.0.0.1 port {port} (Address already in use); choose another with --port.\n"
    )


def test_a_port_beyond_the_last_is_one_clear_line(tmp_path: Path):
    done = call("./run", "--port", "70000", var_dir=tmp_path / "var")

    assert (done.returncode, done.stderr) == (1, "run: 70000 is not a port; ports go from 1 to 65535.\n")


def test_a_mistaken_command_line_is_one_clear_line(tmp_path: Path):
    """`test_own_data.py` has the other mistakes."""
    done = call("./run", "--prot", "8000", var_dir=tmp_path / "var")

    assert (done.returncode, done.stderr) == (1, "run: there is no option --prot; did you mean --port?\n")


@pytest.mark.parametrize(
    ("content", "told", "starts"),
    [
        ("id,title,hours\n,,3\n", "none of its 1 rows can be used; line 2: the row has neither a title nor an id.", 2),
        ("id,title\n", "it has no rows below its header.", 1),
    ],
)
def test_a_file_without_a_usable_row_is_a_failure_every_time(
    content: str, told: str, starts: int, tmp_path: Path, with_tables: Callable[[Path], Path]
):
    (tmp_path / "mine.csv").write_text(content)
    folder = with_tables(tmp_path / "var")
    [port] = free_ports(1)

    for _ in range(starts):
        done = call("./run", "--port", str(port), "--data", str(tmp_path / "mine.csv"), var_dir=folder)

        assert done.returncode == 1
        assert done.stderr == f"run: nothing was imported from {tmp_path / 'mine.csv'}: {told}\n"


def test_a_missing_file_is_one_clear_line(tmp_path: Path):
    [port] = free_ports(1)

    done = call("./run", "--port", str(port), "--data", "nowhere.csv", var_dir=tmp_path / "var")

    assert (done.returncode, done.stderr) == (1, "run: there is no file nowhere.csv.\n")


@pytest.mark.parametrize("command", [("--port",), ("serve", "--port"), ("manage", "list_ml_models")])
def test_a_folder_that_cannot_be_written_is_one_clear_line(command: tuple[str, ...], tmp_path: Path):
    (tmp_path / "file").touch()
    ports = map(str, free_ports(1) if command[-1] == "--port" else [])

    done = call("./run", *command, *ports, var_dir=tmp_path / "file" / "var")

    assert done.returncode == 1
    assert done.stderr.startswith("settings: cannot write to ")
    assert done.stderr.endswith("name a writable place with SCRUM_ML_VAR_DIR.\n")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_metrics_that_cannot_be_written_are_one_clear_line(command: str, tmp_path: Path):
    (tmp_path / "file").touch()
    ports = ["--port", str(*free_ports(1))] if command == "serve" else []

    done = call("./run", command, *ports, var_dir=tmp_path / "var", METRICS_DIR=str(tmp_path / "file"))

    assert done.returncode == 1
    # Two workers tell it, each for itself.
    assert set(done.stderr.splitlines()) == {
        f"settings: cannot write to {tmp_path / 'file'} (File exists); name a writable place with METRICS_DIR."
    }


@pytest.mark.parametrize(
    ("name", "value"), [("WEB_WORKERS", "1000"), ("WEB_THREADS", "2147483648"), ("DATABASE_POOL_SIZE", "2147483648")]
)
def test_a_count_that_no_machine_carries_is_refused(name: str, value: str, tmp_path: Path):
    database = {"DATABASE_URL": "postgresql://u:p@127.0.0.1:1/n"} if "DATABASE" in name else {}
    [port] = free_ports(1)

    done = call("./run", "serve", "--port", str(port), var_dir=tmp_path / "var", **{name: value}, **database)

    assert done.returncode == 1
    assert done.stderr.startswith(f"settings: {name} is '{value}'; it is a whole number from 1 to ")


def test_a_users_own_file_takes_the_place_of_the_demonstration(tmp_path: Path, with_tables: Callable[[Path], Path]):
    rows = [f"{n},Title {n},bug,2026-01-{n:02d},2026-01-{n:02d},{n}" for n in range(1, 11)]
    (tmp_path / "mine.csv").write_text("\n".join(["id,title,type,created,resolved,actual_hours", *rows]))
    [port] = free_ports(1)

    with started(
        *(str(ROOT / "run"), "--port", str(port), "--data", "mine.csv"),
        var_dir=with_tables(tmp_path / "var"),
        cwd=tmp_path,
    ) as run:
        run.wait_for("python3 -m json.tool", FIRST_START_SECONDS)
        with closing(sqlite3.connect(tmp_path / "var" / "db.sqlite3")) as database:
            projects = database.execute(COUNT_ISSUES).fetchall()

    assert projects == [("MINE", 10)]
    assert "no model yet" in run.output


def test_a_relative_folder_is_the_callers(tmp_path: Path):
    done = call(str(ROOT / "run"), "manage", "version", var_dir=Path("here"), cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "here" / "secret_key").exists()


def test_the_worker_becomes_ready_and_ctrl_c_ends_it(server: Started, var_dir: Path):
    with started("./run", "worker", var_dir=var_dir) as worker:
        worker.wait_for(" ready.", FIRST_START_SECONDS)
        worker.interrupt()

    assert "Warm shutdown" in worker.output
    assert "apps.ml.tasks.retrain_ml_models" in worker.output
    assert "Traceback" not in worker.output


@pytest.mark.parametrize("name", ["run", "test", "check", "bench"])
def test_every_command_explains_itself(name: str, tmp_path: Path):
    done = call(str(ROOT / name), "--help", var_dir=tmp_path / "var", cwd=tmp_path)

    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: ./{name}")


def test_without_python_the_message_says_what_to_install(tmp_path: Path):
    for tool in ("sh", "dirname", "cat", "sha256sum", "mkdir", "flock", "ls"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or "")

    done = call(
        str(ROOT / "run"), var_dir=tmp_path / "var", PATH=str(tmp_path), SCRUM_ML_VENV=str(tmp_path / "environment")
    )

    assert done.returncode == 1
    assert done.stderr == "setup: Python 3.11, 3.12, 3.13 or 3.14 is needed (Debian 12: apt-get install python3).\n"


def test_a_folder_of_something_else_is_never_taken_for_the_environment(tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("years of work")

    done = call(str(ROOT / "run"), var_dir=tmp_path / "var", SCRUM_ML_VENV=str(tmp_path))

    assert done.returncode == 1
    assert "is not a virtual environment" in done.stderr
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_the_lock_for_development_holds_the_one_for_service():
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[\w.-]+(?:\[[\w,-]+\])?==\S+", (ROOT / name).read_text(), re.MULTILINE))

    assert pins("requirements.txt") - pins("requirements-dev.txt") == set()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DATABASE_URL", "sqlite:///{}", "it names a file"),
        ("SCRUM_ML_VAR_DIR", "{}", "it is a folder of this installation's own"),
        ("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/x", "database: couldn't get a connection"),
    ],
)
def test_a_slip_of_the_place_is_told_in_one_line_and_changes_nothing(tmp_path: Path, name: str, value: str, told: str):
    everybodys = tmp_path / "everybodys"
    everybodys.mkdir()
    everybodys.chmod(0o1777)

    done = call("./run", "manage", "list_ml_models", var_dir=tmp_path / "var", **{name: value.format(everybodys)})

    assert done.returncode != 0
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert stat.S_IMODE(everybodys.stat().st_mode) == 0o1777
