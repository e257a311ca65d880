"""The four commands on an installation that is there, and what a slip on the command line is answered with."""

import re
import shutil
import socket
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from tests.demonstration import Demonstration
from tests.engines import free_ports
from tests.processes import ROOT
from tests.typed_commands import FIRST_START_SECONDS, answers, call, started, wait_until

COUNT_ISSUES = "select key, count(*) from projects_project join projects_issue on project_id = projects_project.id"


@pytest.fixture(scope="module")
def var_dir(demonstration: Demonstration, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation after its first start, which the tests of this file share, as a user's starts share one."""
    folder = tmp_path_factory.mktemp("installation") / "var"
    # A worker would replay the team's past, which it asked for, and Ctrl-C would wait for that.
    return shutil.copytree(demonstration.folder, folder, ignore=shutil.ignore_patterns("broker"))


def test_ctrl_c_stops_the_server_cleanly(var_dir: Path):
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
    ("sink", "code", "told"),
    [
        ("| true", 141, ""),
        ("> /dev/full", 1, "manage: what is told or written has no room: the disk is full.\n"),
    ],
)
def test_a_command_whose_words_nobody_takes_ends_without_a_traceback(sink: str, code: int, told: str, tmp_path: Path):
    """An assistant goes away, a list is cut off by `head`, a file is full."""
    done = call("bash", "-c", f"./run manage help {sink}; exit ${{PIPESTATUS[0]}}", var_dir=tmp_path / "var")

    assert (done.returncode, done.stderr) == (code, told)


@pytest.mark.parametrize("command", [("--port",), ("serve", "--port"), ("manage", "list_ml_models")])
def test_a_folder_that_cannot_be_written_is_one_clear_line(command: tuple[str, ...], tmp_path: Path):
    (tmp_path / "file").touch()
    ports = map(str, free_ports(1) if command[-1] == "--port" else [])

    done = call("./run", *command, *ports, var_dir=tmp_path / "file" / "var")

    assert done.returncode == 1
    assert done.stderr.startswith("settings: cannot write to ")
    assert done.stderr.endswith("name a writable place with SCRUM_ML_VAR_DIR.\n")
    assert len(done.stderr.splitlines()) == 1


def test_a_slip_stops_the_start_before_anything_is_prepared(tmp_path: Path):
    done = call("./run", "--port", *map(str, free_ports(1)), var_dir=tmp_path / "var", OIDC_NAME="Our log-in")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("settings: OIDC_ISSUER is empty")
    assert not (tmp_path / "var" / "models").exists()


def test_a_slip_stops_a_schedule_of_its_own(tmp_path: Path):
    """It would send to a place that the workers do not read from, without a word."""
    done = call("./run", "beat", var_dir=tmp_path / "var", CELERY_BROKER_URL="redis//broker:6379")

    assert done.returncode == 1
    assert "settings: CELERY_BROKER_URL" in done.stderr


@pytest.mark.parametrize("command", ["worker", "beat"])
@pytest.mark.parametrize(
    ("url", "told"),
    [("redis://broker:99999/0", "has a port that is none; ports go from 1 to 65535"),
     ("redis://broker/x", "ends with a database that is no number")],
)  # fmt: skip
def test_a_slip_in_the_address_of_the_broker_is_one_clear_line(command: str, url: str, told: str, tmp_path: Path):
    done = call("./run", command, var_dir=tmp_path / "var", CELERY_BROKER_URL=url)

    assert done.returncode == 1
    assert done.stderr == f"settings: CELERY_BROKER_URL {told}.\n"


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


@pytest.mark.parametrize("command", ["worker", "beat"])
def test_an_installation_without_room_is_one_clear_line(command: str, tmp_path: Path):
    """No file may be as long as what is tried, which is as good as a full disk."""
    done = call("sh", "-c", f"ulimit -f 16; exec ./run {command}", var_dir=tmp_path / "var")

    assert done.returncode == 1
    assert done.stderr == (
        f"settings: cannot write to {tmp_path / 'var'} (File too large); name a writable place with SCRUM_ML_VAR_DIR.\n"
    )


STARTS = [("serve", "--port"), ("worker",), ("beat",), ("manage", "list_ml_models")]


@pytest.mark.parametrize("command", STARTS)
def test_a_torn_secret_is_one_clear_line(command: tuple[str, ...], tmp_path: Path):
    """A new one would be made for none that is empty: it is for whoever starts it to look where it went."""
    key = tmp_path / "var" / "secret_key"
    key.parent.mkdir(mode=0o700)
    key.touch()
    ports = map(str, free_ports(1) if command[-1] == "--port" else [])

    done = call("./run", *command, *ports, var_dir=key.parent)

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"settings: {key} is no secret any more")
    assert key.read_bytes() == b""


@pytest.mark.parametrize("command", [("--port",), *STARTS])
def test_a_spoiled_database_is_one_clear_line(command: tuple[str, ...], tmp_path: Path):
    """What is behind the first words of its file, by which a database of SQLite is known."""
    file = tmp_path / "var" / "db.sqlite3"
    file.parent.mkdir(mode=0o700)
    file.write_bytes(b"SQLite format 3\0" + b"\xa5" * 8_176)
    ports = map(str, free_ports(1) if command[-1] == "--port" else [])

    done = call("./run", *command, *ports, var_dir=file.parent)

    assert done.returncode == 1
    # The server says first that it starts.
    [told] = [line for line in done.stderr.splitlines() if "Starting gunicorn" not in line]
    assert "file is not a database" in told


def test_an_argument_that_is_no_text_is_one_clear_line(tmp_path: Path):
    """Whatever the command: none is looked for before."""
    done = call("./run", "manage", "scorecard", "--project", "\udcff", var_dir=tmp_path / "var")

    assert (done.returncode, done.stderr) == (1, "manage: argument 3 holds bytes that are no UTF-8.\n")


def test_a_relative_folder_of_metrics_is_one_wherever_a_command_is_called(tmp_path: Path):
    """The web server and workers change to the checkout only after they have begun to count."""
    show = "from django.conf import settings; print(settings.METRICS_DIR)"

    done = call(
        str(ROOT / "run"), "manage", "shell", "-v0", "-c", show,
        var_dir=tmp_path / "var", cwd=tmp_path, METRICS_DIR="metrics of a test",
    )  # fmt: skip

    assert done.stdout.strip() == str(ROOT / "metrics of a test")


@pytest.mark.parametrize(
    ("name", "value"), [("WEB_WORKERS", "1000"), ("WEB_THREADS", "2147483648"), ("DATABASE_POOL_SIZE", "2147483648")]
)
def test_a_count_that_no_machine_carries_is_refused(name: str, value: str, tmp_path: Path):
    database = {"DATABASE_URL": "postgresql://u:p@127.0.0.1:1/n"} if "DATABASE" in name else {}
    [port] = free_ports(1)

    done = call("./run", "serve", "--port", str(port), var_dir=tmp_path / "var", **{name: value}, **database)

    assert done.returncode == 1
    assert done.stderr.startswith(f"settings: {name} is '{value}'; it is a whole number from 1 to ")


def test_from_nothing_a_users_own_file_takes_the_place_of_the_demonstration(tmp_path: Path):
    rows = [f"{n},Title {n},bug,2026-01-{n:02d},2026-01-{n:02d},{n}" for n in range(1, 11)]
    (tmp_path / "mine.csv").write_text("\n".join(["id,title,type,created,resolved,actual_hours", *rows]))
    [port] = free_ports(1)

    with started(
        *(str(ROOT / "run"), "--port", str(port), "--data", "mine.csv"),
        var_dir=tmp_path / "var",
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


def test_the_worker_becomes_ready_and_ctrl_c_ends_it(var_dir: Path):
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
