"""Counting goes on where nothing can be written: no process ends for want of room, and no counter falls."""

import errno
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.multiprocess import MultiProcessCollector

from apps.common.operations.metric_files import tallies
from apps.common.operations.metric_files.tallies import TRY_AGAIN_SECONDS, Tallies, Tally
from tests.processes import ROOT

#: Is its own root and has a file system of its own, where no other process can fill it.
OWN_FILE_SYSTEM = ["unshare", "--user", "--map-root-user", "--mount"]
MOUNTED = 'mount -t tmpfs -o size=1m tmpfs "$1" && shift && exec "$@"'
FULL_PLACE = """
import contextlib, errno, os, subprocess, sys
from pathlib import Path
from apps.common.operations.metric_files import files, has_room, share
root = Path(sys.argv[1])
share(root)
from prometheus_client.multiprocess import MultiProcessCollector
from apps.common.operations.metric_files import tallies
from apps.common.operations.metrics import TRAININGS, STORE_SECONDS
tallies.TRY_AGAIN_SECONDS = 0.0
if len(sys.argv) > 2:  # the next process, which adds up what is there
    TRAININGS.labels(type="effort_prediction", outcome="kept").inc()
    os._exit(0)

def count_many():
    for number in range(20):
        STORE_SECONDS.labels(operation=f"kind-{number}", engine="directory").observe(1)

def count_in_children():
    for _ in range(3):
        if not os.fork():
            count_many()
            TRAININGS.labels(type="effort_prediction", outcome="kept").inc()
            os._exit(0)
        _, status = os.wait()
        assert status == 0, status

def told():
    with files(root) as paths:
        samples = [each for family in MultiProcessCollector.merge(paths) for each in family.samples]
    names = ("scrum_ml_trainings_total", "scrum_ml_store_seconds_count")
    print(has_room(root), *(int(sum(each.value for each in samples if each.name == name)) for name in names))

trainings = TRAININGS.labels(type="effort_prediction", outcome="kept")
trainings.inc(5)
count_in_children()
told()
with contextlib.suppress(OSError), open(root / "another's", "wb", buffering=0) as another:
    while True:
        another.write(bytes(1024))
trainings.inc(2)
count_many()
count_in_children()
subprocess.run([sys.executable, *sys.orig_argv[1:], "next"], check=True)
told()
os.unlink(root / "another's")
trainings.inc(1)
told()
subprocess.run([sys.executable, *sys.orig_argv[1:], "next"], check=True)
told()
"""


def test_where_their_place_is_full_processes_go_on_and_nothing_that_was_told_falls(tmp_path: Path) -> None:
    if subprocess.run([*OWN_FILE_SYSTEM, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody but root mount a file system")
    command = ["sh", "-c", MOUNTED, "sh", str(tmp_path), sys.executable, "-c", FULL_PLACE, str(tmp_path)]

    done = subprocess.run([*OWN_FILE_SYSTEM, *command], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    # Room, trainings, calls to the store: 5 and 3 by children, 60 by children.
    before, full, again, later = done.stdout.splitlines()
    assert before == "True 8 60"
    # What has its room is written; what had none is lost with the children that counted it, and with nobody else.
    assert (full, again, later) == ("False 10 60", "True 11 80", "True 12 80")
    assert "and wait in memory: No space left on device." in done.stderr


class Disk:
    """How many bytes of a file may be written, and the time."""

    def __init__(self) -> None:
        self.takes_bytes = 10**6
        self.seconds = 0.0
        self.tries = 0

    def write(self, descriptor: int, content: bytes, at: int) -> int:
        """As a system call: what still finds room is written."""
        self.tries += 1
        there = max(min(self.takes_bytes - at, len(content)), 0)
        if not there:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.lseek(descriptor, at, os.SEEK_SET)
        return os.write(descriptor, content[:there])

    def clock(self) -> float:
        return self.seconds


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """Where this process counts for the length of a test."""
    disk = Disk()
    monkeypatch.setattr("os.pwrite", disk.write)
    counting = Tallies(tmp_path, disk.clock)
    monkeypatch.setattr(tallies, "_tallies", counting, raising=False)
    yield disk
    counting.close()


def tally_of(series: str, kind: str = "counter") -> Tally:
    return Tally(kind, "deeds", f"deeds_{series}", ["who"], ["me"], "What was done.")


def told(folder: Path) -> dict[str, float]:
    """As `/metrics` reads it."""
    paths = [str(path) for path in folder.glob("*.db")]
    families = MultiProcessCollector.merge(paths)  # type: ignore[no-untyped-call]
    return {sample.name.removeprefix("deeds_"): sample.value for family in families for sample in family.samples}


def test_what_is_counted_is_what_is_read(disk: Disk, tmp_path: Path) -> None:
    series = {f"{'s' * length}{length}": float(length) for length in range(40)}
    for name, amount in series.items():
        tally = tally_of(name)
        tally.inc(amount / 2)
        tally.inc(amount / 2)
    gone = tally_of("set", "histogram")
    gone.inc(7)
    gone.set(2)

    assert told(tmp_path) == series | {"set": 2}
    assert gone.get() == 2


@pytest.mark.parametrize("room", range(8, 200, 12))
def test_a_disk_that_takes_no_more_loses_nothing_once_it_does_again(disk: Disk, tmp_path: Path, room: int) -> None:
    disk.takes_bytes = room
    for name in "abc":
        tally_of(name).inc(1)
    full = told(tmp_path)
    disk.takes_bytes, disk.seconds = 10**6, TRY_AGAIN_SECONDS
    tally_of("d").inc(2)

    assert full.items() <= {"a": 1, "b": 1, "c": 1}.items()
    assert told(tmp_path) == {"a": 1, "b": 1, "c": 1, "d": 2}


def test_without_any_room_no_empty_files_pile_up(disk: Disk, tmp_path: Path) -> None:
    disk.takes_bytes = 0
    tally = tally_of("a")
    for _ in range(5):
        disk.seconds += TRY_AGAIN_SECONDS
        tally.inc(1)
    full = list(tmp_path.iterdir())
    disk.takes_bytes, disk.seconds = 10**6, disk.seconds + TRY_AGAIN_SECONDS
    tally.inc(1)

    assert full == []
    assert told(tmp_path) == {"a": 6}


def test_a_folder_that_somebody_took_away_ends_nobody(disk: Disk, tmp_path: Path) -> None:
    tmp_path.rmdir()
    tally = tally_of("a")
    tally.inc(3)
    tmp_path.mkdir()
    disk.seconds = TRY_AGAIN_SECONDS
    tally.inc(1)

    assert told(tmp_path) == {"a": 4}


def test_what_has_its_room_is_written_while_others_wait(disk: Disk, tmp_path: Path) -> None:
    early = tally_of("early")
    disk.takes_bytes = (next(tmp_path.iterdir())).stat().st_size
    late = tally_of("late")
    late.inc(1)
    early.inc(2)

    assert told(tmp_path) == {"early": 2}
    assert late.get() == 1


def test_a_full_disk_is_asked_once_a_second_and_told_once(disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    disk.takes_bytes = 0
    several = [tally_of(name) for name in "abcdef"]
    for _ in range(20):
        for tally in several:
            tally.inc(1)

    assert disk.tries == 1
    assert [record.message.partition(" in ")[0] for record in caplog.records] == ["Metrics find no room"]
    disk.takes_bytes, disk.seconds = 10**6, TRY_AGAIN_SECONDS
    with caplog.at_level(logging.INFO):
        several[0].inc(1)
    assert "again" in caplog.records[-1].message


def test_a_gauge_is_refused_since_processes_add_up_to_none(disk: Disk) -> None:
    with pytest.raises(ValueError, match="read it when it is asked for"):
        tally_of("a", "gauge")
