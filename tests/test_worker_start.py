"""`./run worker`: two workers that begin and end together."""

import os
import signal
import subprocess
import sys
import threading
import time
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from celery import current_app

from apps.importers import waiting
from apps.ml.selectors import workers as queues
from base import worker
from base.celery import CELERY_BEAT_SCHEDULE

IMPORTER = yaml.safe_load((worker.ROOT / "compose.yaml").read_text())["services"]["importer"]["command"]
SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_each_queue_has_a_worker_of_its_own_and_one_of_them_the_schedule():
    commands = worker.commands(["--loglevel", "DEBUG"])

    assert [each[each.index("--queues") + 1] for each in commands] == ["celery", "long", "imports"]
    assert [each[each.index("--concurrency") + 1] for each in commands] == ["1", "1", "4"]
    # A pool that shrinks is not tried.
    assert not any("--autoscale" in each for each in (*commands, IMPORTER))
    assert IMPORTER[IMPORTER.index("--concurrency") + 1] == str(worker.IMPORTS_AT_ONCE)
    assert waiting.MOST_TRACKERS < worker.IMPORTS_AT_ONCE
    assert ["-B" in each for each in commands] == [True, False, False]
    assert {each[-1] for each in commands} == {"DEBUG"}


def test_what_may_take_long_comes_after_what_somebody_waits_for():
    short, *longer = (each[: each.index(sys.executable)] for each in worker.commands([]))
    command = [sys.executable, "-c", "import os; print(os.nice(0))"]
    told = [int(subprocess.check_output([*each, *command])) for each in longer]

    assert short == []
    assert told == [min(os.nice(0) + niceness, 19) for niceness in (10, 3)]


BEAT_IN_A_WORKER = """
import os, sys, time
from base import celery
celery._LOOK_SECONDS = 0.05
if not os.fork():
    celery._end_with_the_worker()
    print(os.getpid(), flush=True)
    os.close(1)
time.sleep(60)
"""


def test_the_beat_inside_a_worker_that_is_killed_ends_with_it():
    worker = subprocess.Popen([sys.executable, "-c", BEAT_IN_A_WORKER], stdout=subprocess.PIPE, text=True)
    beat = int(worker.stdout.readline())
    os.kill(beat, 0)
    worker.kill()
    worker.communicate()

    for _ in range(600):
        try:
            os.kill(beat, 0)
        except ProcessLookupError:
            return
        # Nobody may be there to take note of its end.
        if Path(f"/proc/{beat}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    os.kill(beat, 9)
    pytest.fail("The beat goes on.")


def test_without_beat_neither_runs_the_schedule():
    assert not any("-B" in each or "--without-beat" in each for each in worker.commands(["--without-beat"]))


@pytest.fixture
def restored_signals():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_when_one_ends_the_other_does_and_its_code_is_told(restored_signals):
    assert worker.run([[sys.executable, "-c", "import sys; sys.exit(3)"], SLEEPER]) in (3, -signal.SIGTERM)


def test_a_ctrl_c_interrupts_no_worker_that_still_loads(restored_signals):
    loads = "import signal, sys; sys.exit(0 if signal.getsignal(signal.SIGINT) is signal.SIG_IGN else 3)"

    assert worker.run([[sys.executable, "-c", loads]]) == 0


def test_a_signal_ends_both(restored_signals):
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()

    assert worker.run([SLEEPER, SLEEPER]) == -signal.SIGTERM
    assert subprocess.run(["true"], check=True).returncode == 0


@pytest.mark.parametrize("told", [[signal.SIGQUIT], [signal.SIGINT] * 3], ids=["SIGQUIT", "Ctrl-C three times"])
def test_a_worker_that_hangs_at_its_cold_end_is_killed_with_what_it_started(
    restored_signals, monkeypatch, tmp_path, told
):
    monkeypatch.setattr(worker, "COLD_SECONDS", 0.5)
    deaf = "import signal, time; [signal.signal(each, signal.SIG_IGN) for each in (2, 3, 15)]"
    child = f"import os; child = os.fork(); child and open({str(tmp_path / 'child')!r}, 'w').write(str(child))"
    tells = f"[child and (os.kill(os.getppid(), each), time.sleep(0.3)) for each in {list(map(int, told))}]"

    assert worker.run([[sys.executable, "-c", f"{deaf}; {child}; {tells}; time.sleep(600)"]]) == -signal.SIGKILL
    wait_until(lambda: not lives((tmp_path / "child").read_text()), 60)


def test_beside_the_server_what_ends_is_started_again_until_a_signal_says_to_end(restored_signals, tmp_path, capsys):
    starts = tmp_path / "starts"
    note = f"open({str(starts)!r}, 'a').write('.')"
    # The third one stays, and ends the test.
    stay = f"len(open({str(starts)!r}).read()) < 3 or (os.kill({os.getpid()}, signal.SIGTERM), time.sleep(60))"
    once = [sys.executable, "-c", f"import os, signal, time; {note}; {stay}"]

    code = worker.run([once], again=True)

    assert (starts.read_text(), code) == ("...", -signal.SIGTERM)
    told = "worker: one of its processes ended, and so do the others. Then all are started again."
    assert capsys.readouterr().err.splitlines() == [told] * 2


@pytest.mark.parametrize("again", [True, False])
def test_what_has_worked_and_ends_is_started_again_alone(restored_signals, monkeypatch, tmp_path, capsys, again):
    """The others go on with what they do, which may take an hour."""
    monkeypatch.setattr(worker, "LASTED_SECONDS", 0.0)
    starts = tmp_path / "starts"
    note = f"import os, signal, time; open({str(starts)!r}, 'a').write"
    stay = f"open({str(starts)!r}).read().count('e') < 3 or (os.kill({os.getpid()}, signal.SIGTERM), time.sleep(60))"
    ends, works = f"{note}('e'); {stay}", f"{note}('w'); time.sleep(60)"

    code = worker.run([[sys.executable, "-c", ends], [sys.executable, "-c", works]], again=again)

    assert sorted(starts.read_text()) == ["e", "e", "e", "w"]
    assert code == -signal.SIGTERM
    assert capsys.readouterr().err.splitlines() == ["worker: one of its processes ended, and is started again."] * 2


def test_beside_the_server_workers_end_with_it_however_it_ended(tmp_path):
    """A server that was killed tells nobody; the next `./run` would start a second schedule beside the first."""
    pids = tmp_path / "pids"
    stay = f"import os, time; open({str(pids)!r}, 'a').write(f'{{os.getppid()}} {{os.getpid()}}'); time.sleep(60)"
    ours = f"import sys; from base import worker; worker.run([[sys.executable, '-c', {stay!r}]], again=True)"
    server = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.call([sys.executable, '-c', {ours!r}])"]
    )
    wait_until(lambda: pids.exists() and pids.read_text(), 60)
    server.kill()
    server.wait()

    for pid in pids.read_text().split():
        wait_until(lambda pid=pid: not lives(pid), 60)


def lives(pid):
    # What has ended and that nobody has asked for has an empty one.
    command_line = Path(f"/proc/{pid}/cmdline")
    return command_line.exists() and command_line.read_bytes()


def wait_until(is_so, seconds):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_beside_the_server_workers_say_nothing_of_their_end(restored_signals, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from base import worker; worker.commands = lambda _: "
         "[[sys.executable, '-c', 'print(1)']]; sys.exit(worker.main(['--quiet']))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout == ""


def test_what_may_take_long_goes_to_the_queue_of_its_own_and_nothing_due_every_minute_does():
    for app in ("ml", "importers", "notifications"):
        import_module(f"apps.{app}.tasks")

    def queue_of(task):
        return current_app.amqp.router.route({}, task)["queue"].name

    assert queue_of("apps.ml.tasks.train_model") == queue_of("apps.ml.tasks.replay_past") == queues.LONG
    assert queue_of("apps.importers.tasks.run_import") == queues.IMPORTS
    notes = {"apps.ml.tasks.note_long_worker", "apps.importers.tasks.note_import_worker"}
    minutely = {entry["task"] for entry in CELERY_BEAT_SCHEDULE.values() if len(entry["schedule"].minute) == 60}
    assert minutely > notes
    assert {queue_of(task) for task in minutely - notes} == {queues.SHORT}
    assert (worker.SHORT, worker.LONG, worker.IMPORTS) == (queues.SHORT, queues.LONG, queues.IMPORTS)
