"""The files that processes leave their metrics in: no counter falls while any process of the installation lives.

The processes are real. What makes them containers is that their process ids repeat: host names play no part.
"""

import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.multiprocess import MultiProcessCollector

from apps.common.operations import metric_files

#: Does what it is told, a command a line, and says when it is done.
PROCESS = """
import errno, os, signal, sys, tempfile
from pathlib import Path
def full(**_):
    raise OSError(errno.ENOSPC, "No space left on device")
if len(sys.argv) > 2:
    os.getpid = lambda: int(sys.argv[2])
from apps.common.operations.metric_files import leave, share
root = Path(sys.argv[1])
share(root)
from apps.common.operations.metrics import TRAININGS
trainings = TRAININGS.labels(type="effort_prediction", outcome="failed")
print("done", flush=True)
for line in sys.stdin:
    word, *rest = line.split()
    if word == "count":
        trainings.inc(int(rest[0]))
    elif word == "share":
        share(root)
    elif word == "leave":
        leave(root)
    elif word == "fork" and os.fork():
        os.wait()  # the child goes on in its place, and ends by a signal
    elif word == "fill":
        tempfile.mkdtemp = full
    elif word == "end":
        os.kill(os.getpid(), signal.SIGKILL)
    print("done", flush=True)
"""
#: Ends itself before the n-th change below the root, as a kill in the middle of it would.
KILLED_BEFORE_A_CHANGE = """
import os, signal, sys
from pathlib import Path
from apps.common.operations.metric_files import share
left, write = int(sys.argv[2]), os.pwrite
def change():
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
def look(event, arguments):
    changes = {"os.mkdir", "os.rename", "os.remove", "os.rmdir"}
    if event in changes or (event == "open" and str(arguments[0]).endswith(".db")):
        change()
sys.addaudithook(look)
os.pwrite = lambda *arguments: (change(), write(*arguments))[1]
share(Path(sys.argv[1]))
"""


class CountingProcess:
    """One that shares the root and counts trainings."""

    def __init__(self, root: Path, pid: int | None = None) -> None:
        command = [sys.executable, "-c", PROCESS, str(root), *([] if pid is None else [str(pid)])]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._wait()

    def tell(self, line: str) -> None:
        assert self._process.stdin
        print(line, file=self._process.stdin, flush=True)
        self._wait()

    def count(self, amount: int) -> "CountingProcess":
        self.tell(f"count {amount}")
        return self

    def kill(self) -> None:
        """With the child that talks in its place, if there is one: it ends when nobody talks to it any more."""
        self.kill_parent()
        self._process.communicate()

    def kill_parent(self) -> None:
        self._process.kill()
        self._process.wait()

    def _wait(self) -> None:
        assert self._process.stdout
        assert self._process.stdout.readline() == "done\n"


class Installation:
    """All processes that a test starts; none outlives it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.processes: list[CountingProcess] = []

    def start(self, pid: int | None = None) -> CountingProcess:
        self.processes.append(CountingProcess(self.root, pid))
        return self.processes[-1]

    def counted(self) -> float:
        """What `/metrics` says in whichever process."""
        with metric_files.files(self.root) as paths:
            families = MultiProcessCollector.merge(paths)  # type: ignore[no-untyped-call]
        samples = [sample for family in families for sample in family.samples]
        return float(sum(sample.value for sample in samples if sample.name == "scrum_ml_trainings_total"))

    def folders(self) -> list[str]:
        return sorted(path.name.rpartition("-")[0] for path in self.root.iterdir())


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    found = Installation(tmp_path / "metrics")
    yield found
    for each in found.processes:
        each.kill()


def test_processes_add_up(installation: Installation) -> None:
    installation.start().count(2)
    installation.start().count(3)

    assert installation.counted() == 5


def test_in_containers_every_first_process_has_the_same_id(installation: Installation) -> None:
    web, worker = installation.start(pid=1), installation.start(pid=1)
    web.count(2)
    worker.count(3).kill()
    installation.start(pid=1).count(1).kill()
    installation.start(pid=1).count(1)
    web.count(1)

    assert installation.counted() == 8


@pytest.mark.parametrize("how", ["leave", "kill"])
def test_no_counter_falls_with_the_last_process_of_a_container(installation: Installation, how: str) -> None:
    web = installation.start().count(1)
    worker = installation.start().count(2)
    if how == "leave":
        worker.tell("leave")
    worker.kill()
    ended = installation.counted()
    installation.start()
    started_again = installation.counted()
    web.count(4)

    assert (ended, started_again, installation.counted()) == (3, 3, 7)


def test_a_process_that_lives_counts_however_old_its_files_look(installation: Installation) -> None:
    """In memory, a write through a map leaves the time of a file as it was."""
    web = installation.start().count(2)
    for path in [installation.root, *installation.root.rglob("*")]:
        os.utime(path, (0, 0))
    installation.start()
    web.count(3)

    assert installation.counted() == 5


def test_many_starts_leave_one_folder_of_all_that_ended(installation: Installation) -> None:
    installation.start().count(1)
    for _ in range(6):
        installation.start().count(1).kill()
    installation.start()

    assert installation.counted() == 7
    assert installation.folders() == ["metrics-ended", "metrics-process", "metrics-process"]


def test_a_forked_process_counts_beside_its_parent_and_after_it(installation: Installation) -> None:
    installation.start()
    parent = installation.start().count(1)
    parent.tell("fork")
    child = parent.count(2)
    installation.start()
    child.count(4)
    folders = installation.folders()
    parent.kill_parent()
    installation.start()
    child.count(8)

    assert folders == ["metrics-process"] * 4
    assert installation.folders() == ["metrics-ended", *["metrics-process"] * 4]
    assert installation.counted() == 15


def test_a_forked_process_without_room_for_its_own_counts_in_its_parents_folder_and_after_it(
    installation: Installation,
) -> None:
    installation.start()
    parent = installation.start().count(1)
    parent.tell("fill")
    parent.tell("fork")
    child = parent.count(2)
    parent.kill_parent()
    installation.start()
    child.count(4)

    assert installation.folders() == ["metrics-process"] * 3
    assert installation.counted() == 7


def test_processes_that_come_and_go_below_one_that_stays_leave_one_folder(installation: Installation) -> None:
    """As a worker's, which end after a large training, and as many as there is work."""
    worker = installation.start().count(1)
    for _ in range(5):
        worker.tell("fork")
        worker.count(1)
        worker.tell("end")
    worker.tell("fork")
    worker.count(1)

    assert installation.counted() == 7
    assert installation.folders() == ["metrics-ended", "metrics-process", "metrics-process"]


def test_who_is_killed_while_adding_up_has_added_nothing_twice_and_lost_nothing(installation: Installation) -> None:
    worker = installation.start().count(1)
    killed = 0
    while True:
        worker.tell("fork")
        worker.count(1).tell("end")
        assert installation.counted() == killed + 2
        command = [sys.executable, "-c", KILLED_BEFORE_A_CHANGE, str(installation.root), str(killed + 1)]
        code = subprocess.run(command, check=False).returncode
        assert installation.counted() == killed + 2
        if not code:
            break
        assert code == -signal.SIGKILL
        killed += 1
    installation.start()

    # At least: a folder of its own, the sums' folder and file, what is in it, both new names, and what they replace.
    assert killed > 13
    assert installation.counted() == killed + 2
    assert installation.folders() == ["metrics-ended", "metrics-process", "metrics-process"]


def test_a_reader_sees_no_sum_fall_and_nothing_twice_while_processes_come_and_go(installation: Installation) -> None:
    installation.start().count(1)
    seen: list[float] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            seen.append(installation.counted())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(8):
            installation.start().count(1).kill()
    finally:
        over.set()
        reader.join()

    assert seen == sorted(seen)
    assert max(seen) <= 9
    assert installation.counted() == 9


def test_a_process_that_was_killed_before_its_file_had_a_size_stops_nobody(installation: Installation) -> None:
    installation.start().count(1)
    others = set(installation.root.iterdir())
    installation.start().kill()
    [folder] = set(installation.root.iterdir()) - others
    [file] = folder.iterdir()
    os.truncate(file, 0)
    read = installation.counted()
    installation.start()

    assert (read, installation.counted()) == (1, 1)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda file: os.truncate(file, 3), id="short"),
        pytest.param(lambda file: overwrite(file, 0, (10**9).to_bytes(4, "little")), id="more than there is"),
        pytest.param(lambda file: overwrite(file, 12, b"\xff" * 20), id="no text"),
        pytest.param(lambda file: overwrite(file, 12, b"{" * 8), id="no JSON"),
        pytest.param(lambda file: (file.unlink(), file.mkdir()), id="a folder"),
        pytest.param(lambda file: (file.unlink(), file.symlink_to("nowhere")), id="a link"),
    ],
)
def test_a_damaged_file_of_a_process_that_ended_is_left_out_and_stops_nobody(
    installation: Installation, damage: Callable[[Path], object]
) -> None:
    installation.start().count(1)
    others = set(installation.root.iterdir())
    installation.start().count(5).kill()
    [folder] = set(installation.root.iterdir()) - others
    [file] = folder.glob("counter_*.db")
    damage(file)

    read = installation.counted()
    installation.start()
    installation.start().kill()
    installation.start()

    assert (read, installation.counted()) == (1, 1)


def overwrite(file: Path, at: int, content: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(at)
        opened.write(content)


def test_the_web_server_may_read_its_configuration_again(installation: Installation) -> None:
    web = installation.start().count(1)
    web.tell("share")
    installation.start()
    web.count(1)

    assert installation.counted() == 2
    assert installation.folders() == ["metrics-process"] * 2


def test_the_first_process_of_all_begins_at_nothing(installation: Installation) -> None:
    installation.start().count(2).kill()
    installation.start().count(3)

    assert installation.counted() == 3
    assert installation.folders() == ["metrics-process"]


def test_the_last_process_takes_the_files_and_leaves_the_folder_to_who_counts_later(installation: Installation) -> None:
    installation.start().count(1).kill()
    last = installation.start()
    installation.start().count(1).kill()
    last.count(1).tell("leave")

    [own] = installation.root.iterdir()
    assert list(own.iterdir()) == []


def test_what_others_have_in_the_same_place_stays(installation: Installation) -> None:
    for name in ("process-of-work", "ended", "sums/of-money", "metrics/counter_1.db"):
        (installation.root / name).mkdir(parents=True)
    before = sorted(installation.root.rglob("*"))
    installation.start().count(1).kill()
    last = installation.start().count(2)
    counted = installation.counted()
    last.tell("leave")
    last.kill()

    assert counted == 2
    assert [path for path in sorted(installation.root.rglob("*")) if "metrics-" not in path.name] == before


def test_leaving_without_having_shared_takes_nothing_away_from_those_that_go_on(installation: Installation) -> None:
    installation.start().count(1)

    metric_files.leave(installation.root)

    assert installation.counted() == 1


def test_the_folder_is_in_memory_or_below_the_var_folder_and_never_anothers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = tmp_path / "memory"
    monkeypatch.setattr(metric_files, "MEMORY", memory)
    without_memory = metric_files.metrics_root(tmp_path)
    memory.mkdir()
    in_memory = metric_files.metrics_root(tmp_path)
    in_memory.symlink_to(tmp_path)

    assert without_memory == tmp_path / "metrics"
    assert in_memory.parent == memory
    assert metric_files.metrics_root(tmp_path) == tmp_path / "metrics"


def test_the_folder_is_for_its_owner_only(installation: Installation) -> None:
    installation.start().count(1)

    assert {stat.S_IMODE(path.stat().st_mode) for path in [installation.root, *installation.root.iterdir()]} == {0o700}
