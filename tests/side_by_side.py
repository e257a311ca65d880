"""A pytest plugin: `-n N` collects once and runs the tests in N copies of the process, a file to a copy at a time.

To load and collect everything costs 8 s of processor time (20 in a fresh clone), which pytest-xdist pays in each of its
processes. A copy (`fork`) begins with what was loaded. It reports every test to the first process, which alone prints
and counts: a process that dies, or a test that nobody reports, fails the run.
"""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any

import pytest

#: Folders whose files share a browser or servers, so that one process runs them all.
TOGETHER = ("tests/browser/", "apps/ml/tests/storage/")
#: Begun first, the longest at the front, since a file goes to one process: begun last, it would run alone. From the
#: seconds of the last run (`./test` names the slowest tests; `--junitxml` tells all).
LONGEST_FIRST = (
    "tests/browser/",
    "tests/test_rows_gone_meanwhile.py",
    "tests/test_hostile_questions.py",
    "tests/test_operations.py",
    "tests/test_loop.py",
    "tests/test_first_run.py",
    "tests/test_entry_points.py",
    "tests/test_faults.py",
    "apps/ml/tests/benchmarks/test_forecasts.py",
    "tests/test_gone_meanwhile.py",
    "tests/test_lists_that_move.py",
    "apps/upkeep/tests/test_erasing_others.py",
    "apps/ml/tests/forecasts/test_frozen.py",
    "tests/test_query_plans.py",
    "apps/ml/tests/benchmarks/test_sprints.py",
    "tests/test_upgrades.py",
    "tests/test_engines.py",
    "tests/test_access_matrix.py",
    "tests/test_every_answer.py",
    "tests/test_training_worker.py",
    "tests/test_outbox_worker.py",
    "apps/ml/tests/core/effort/test_training.py",
)
#: Bytes of the number of a unit in the pipe that hands them out.
NUMBER_BYTES = 2

Unit = list[pytest.Item]


def pytest_addoption(parser: pytest.Parser) -> None:
    # Where pytest's own option goes: `addoption` leaves small letters to pytest itself.
    parser.getgroup("general")._addoption(
        "-n", dest="processes", type=int, default=1, metavar="N", help="run the tests in N copies of the process"
    )


def is_copy(config: pytest.Config) -> bool:
    """Whether other processes of this run need a folder or a database beside this one's."""
    return hasattr(config, "workerinput")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, and all others in the order in which they were found."""
    order = {file: number for number, file in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(place(item), len(order)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run all that was collected; None leaves it to pytest."""
    option = session.config.option
    if option.processes < 2 or option.collectonly or session.testsfailed or not session.items:
        return None
    units = [list(items) for _, items in groupby(session.items, key=place)]
    assert threading.active_count() == 1, "A copy would lack the threads that collecting started."
    Run(session, units).go(min(option.processes, len(units)))
    return True


def place(item: pytest.Item) -> str:
    """Its file, or the folder whose files stay together."""
    file = item.nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if file.startswith(folder)), file)


class Run:
    """The first process: hands out, and listens."""

    def __init__(self, session: pytest.Session, units: Sequence[Unit]) -> None:
        self.session, self.config, self.units = session, session.config, units
        self.processes: dict[Connection, int] = {}
        self.begun: dict[Connection, tuple[str, Any]] = {}
        self.n_finished = 0

    def go(self, count: int) -> None:
        """Until every copy has ended."""
        queue, handing = os.pipe()
        # A pipe holds 64 KiB at least; whoever is free takes the next number, and after the last one reads its end.
        os.write(handing, b"".join(number.to_bytes(NUMBER_BYTES) for number in range(len(self.units))))
        os.close(handing)
        folder = self.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        try:
            for number in range(count):
                self._copy(f"gw{number}", folder, queue)
            while self.processes:
                for connection in wait(list(self.processes)):
                    self._hear(connection)  # type: ignore[arg-type]
                if self.session.shouldfail or self.session.shouldstop:
                    _drain(queue)
        finally:
            os.close(queue)
            for connection, process in self.processes.items():
                # What it says next finds nobody, and it ends.
                connection.close()
                os.waitpid(process, 0)
        if self.session.shouldstop:
            raise self.session.Interrupted(self.session.shouldstop)
        if missing := len(self.session.items) - self.n_finished:
            self.session.shouldfail = self.session.shouldfail or f"not run, since their process ended: {missing} tests"
        if self.session.shouldfail:
            raise self.session.Failed(self.session.shouldfail)

    def _copy(self, name: str, folder: Path, queue: int) -> None:
        here, there = Pipe(duplex=False)
        sys.stdout.flush()
        process = os.fork()
        if not process:
            here.close()
            for other in self.processes:
                other.close()
            Copy(self.session, self.units, there).live(name, folder, queue)
        there.close()
        self.processes[here] = process

    def _hear(self, connection: Connection) -> None:
        try:
            kind, told = connection.recv()
        except EOFError:
            self._end(connection)
            return
        hook = self.config.hook
        if kind == "start":
            self.begun[connection] = told
            hook.pytest_runtest_logstart(nodeid=told[0], location=told[1])
        elif kind == "report":
            hook.pytest_runtest_logreport(report=hook.pytest_report_from_serializable(config=self.config, data=told))
        elif kind == "finish":
            nodeid, location = self.begun.pop(connection)
            self.n_finished += 1
            hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)
        else:
            raise RuntimeError(told)

    def _end(self, connection: Connection) -> None:
        """A copy closed its side: all is well if it was between two tests and says so by its code."""
        connection.close()
        code = os.waitstatus_to_exitcode(os.waitpid(self.processes.pop(connection), 0)[1])
        if connection in self.begun:
            nodeid, location = self.begun.pop(connection)
            self.n_finished += 1
            how = signal.Signals(-code).name if code < 0 else f"code {code}"
            report = pytest.TestReport(
                nodeid, location, {}, "failed", f"The process that ran it ended with {how}.", "call", duration=0.0
            )
            self.config.hook.pytest_runtest_logreport(report=report)


class Copy:
    """A process that runs units of tests and tells of each."""

    def __init__(self, session: pytest.Session, units: Sequence[Unit], connection: Connection) -> None:
        self.session, self.config, self.units, self.connection = session, session.config, units, connection

    def live(self, name: str, folder: Path, queue: int) -> None:
        """From the fork to the end of the process: nothing of the first one's is run or cleaned up here."""
        try:
            self._become(name, folder)
            self._run(queue)
        except (BrokenPipeError, KeyboardInterrupt):
            pass
        except BaseException:  # noqa: BLE001 - the first process raises it
            with suppress(BrokenPipeError):
                self.connection.send(("error", f"{name}:\n{traceback.format_exc()}"))
        finally:
            os._exit(0)

    def _become(self, name: str, folder: Path) -> None:
        """Its own name, folder, capture of what tests print, and nobody but the first process to tell."""
        # pytest-django names the database after it, as it does for pytest-xdist.
        self.config.workerinput = {"workerid": name}  # type: ignore[attr-defined]
        own = folder / name
        own.mkdir(mode=0o700)
        self.config._tmp_path_factory._basetemp = own  # type: ignore[attr-defined]
        plugins = self.config.pluginmanager
        plugins.unregister(name="terminalreporter")
        capture = plugins.get_plugin("capturemanager")
        capture.stop_global_capturing()
        capture.start_global_capturing()
        capture.suspend_global_capture()
        plugins.register(self)

    def _run(self, queue: int) -> None:
        items = (item for number in _taken(queue) for item in self.units[number])
        item = next(items, None)
        try:
            while item is not None and not (self.session.shouldfail or self.session.shouldstop):
                following = next(items, None)
                self.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                item = following
        finally:
            # Fixtures of the session end with the last test; where it was not the last, here.
            self.session._setupstate.teardown_exact(None)

    def pytest_runtest_logstart(self, nodeid: str, location: Any) -> None:
        self.connection.send(("start", (nodeid, location)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        self.connection.send(("report", data))

    def pytest_runtest_logfinish(self) -> None:
        self.connection.send(("finish", None))


def _taken(queue: int) -> Iterator[int]:
    """Numbers of units, until none is left."""
    while number := os.read(queue, NUMBER_BYTES):
        yield int.from_bytes(number)


def _drain(queue: int) -> None:
    """Nothing more is handed out."""
    for _ in _taken(queue):
        pass
