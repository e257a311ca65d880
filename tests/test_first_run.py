"""`./run`, as a newcomer types it: what it prints, what answers, what works beside it, and how it ends.

It is started where everything is prepared: that no start repeats anything is told here too. What is prepared from
nothing, `tests/demonstration.py` makes by the same function in a network of its own; that `./run` itself begins in an
empty folder, tables included, `test_entry_points.py` tells of somebody's own file.
"""

import os
import re
import shutil
import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from tests.demonstration import Demonstration
from tests.engines import free_ports
from tests.typed_commands import FIRST_START_SECONDS, Started, answers, call, started, wait_until


@pytest.fixture(scope="module")
def var_dir(demonstration: Demonstration, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation that the tests of this file share, as a user's starts share one."""
    folder = tmp_path_factory.mktemp("installation") / "var"
    # A worker would replay the team's past, which it asked for, and Ctrl-C would wait for that.
    return shutil.copytree(demonstration.folder, folder, ignore=shutil.ignore_patterns("broker"))


@pytest.fixture(scope="module")
def server(var_dir: Path) -> Iterator[Started]:
    """`./run`, ready."""
    [port] = free_ports(1)
    with started("./run", "--port", str(port), var_dir=var_dir, WEB_WORKERS="1") as run:
        run.wait_for("python3 -m json.tool", FIRST_START_SECONDS)
        # A process of the server that is interrupted while it loads has failed, and the server says so by its code.
        wait_until(lambda: answers(port), FIRST_START_SECONDS)
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


def test_the_first_start_shows_what_is_unusual_and_at_risk(demonstration: Demonstration):
    assert re.search(
        r"^DEMO  anomalies: [1-9]\d*; new urgent risks of running sprints: [1-9]", demonstration.told, re.MULTILINE
    )


def test_the_bare_address_leads_to_a_log_in(server: Started, var_dir: Path):
    found = re.search(r"serves on (http://\S+)", server.output)
    assert found, server.output

    with urllib.request.urlopen(f"{found[1]}/", timeout=30) as page:
        assert page.url == f"{found[1]}/login/?next=/projects/"


def asked(server: Started, method: str, path: str, headers: dict[str, str]) -> HTTPResponse:
    found = re.search(r"serves on http://(\S+)", server.output)
    assert found, server.output
    with closing(HTTPConnection(found[1], timeout=30)) as connection:
        connection.request(method, path, headers=headers)
        return connection.getresponse()


@pytest.mark.parametrize(
    ("name", "value"),
    [("SCRIPT_NAME", "/x"), ("PATH_INFO", "/metrics"), ("X-Forwarded-Ssl", "on"), ("X-Forwarded-Protocol", "ssl")],
)
def test_no_header_is_believed_because_it_comes_from_this_machine(server: Started, name: str, value: str):
    """Behind a proxy on the same machine all do; what our proxy says is Django's to believe."""
    answer = asked(server, "GET", "/", {name: value, "X-Forwarded-Proto": "http"})

    assert (answer.status, answer.headers["Location"]) == (302, "/projects/")


def test_a_probe_by_head_writes_no_line(server: Started):
    before = server.output

    assert asked(server, "HEAD", "/login/", {}).status == 200
    assert asked(server, "HEAD", "/health/live", {}).status == 200
    assert server.output == before


def test_processes_that_share_the_cores_do_linear_algebra_in_one_thread(server: Started):
    variables = Path(f"/proc/{server.process.pid}/environ").read_bytes().split(b"\0")

    assert {b"OMP_NUM_THREADS=1", b"OPENBLAS_NUM_THREADS=1"} <= set(variables)


def test_the_worker_shows_itself_to_the_pages(server: Started, var_dir: Path):
    def seen() -> bool:
        with closing(sqlite3.connect(var_dir / "db.sqlite3")) as database:
            return bool(database.execute("select seen_at from ml_workerseen").fetchall())

    wait_until(seen, FIRST_START_SECONDS)


def test_the_next_start_repeats_nothing_and_one_ctrl_c_ends_server_and_worker(server: Started):
    """The last of this file: nothing answers afterwards."""
    code = server.interrupt()
    wait_until(lambda: not group_lives(server.process.pid), 30.0)

    assert "run: " not in server.output
    assert code == 0
    assert "Traceback" not in server.output


def group_lives(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    return True
