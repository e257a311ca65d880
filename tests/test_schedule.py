"""The schedule goes on, whatever becomes of the clock or of the file of its last runs."""

import errno
import os
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from celery.app.task import Task
from celery.apps.beat import Beat
from celery.beat import EmbeddedService, Service
from celery.worker import WorkController
from kombu.exceptions import OperationalError

from apps.common.heartbeat import CLOCKS_DIFFER
from base.beat import SteadyScheduler
from base.celery import app

#: Longer than the schedule sleeps at once.
LOOKS = 60
EVERY_MINUTE, DAILY = "run-due-imports", "remove-old-history"


@pytest.fixture
def clock(monkeypatch):
    """What the schedule takes for the time."""
    clock = [datetime(2026, 3, 2, 9, 0, 5, tzinfo=UTC)]
    monkeypatch.setattr(app, "now", lambda: clock[0])
    return clock


@pytest.fixture
def sent():
    return []


@pytest.fixture
def begun(tmp_path, clock, sent, monkeypatch):
    """Begins one as both a beat of its own and one inside a worker make it."""

    def begin():
        service = Service(app, scheduler_cls=app.conf.beat_scheduler, schedule_filename=str(tmp_path / "schedule"))
        monkeypatch.setattr(service.scheduler, "apply_entry", lambda entry, producer: sent.append(entry.name))
        monkeypatch.setattr(service.scheduler, "producer", None, raising=False)
        return service.scheduler

    return begin


@pytest.fixture
def scheduler(begun):
    scheduler = begun()
    yield scheduler
    scheduler.close()


def runs(scheduler, clock, seconds):
    """So long it ticks, as beat does: at once where there is more, else when it says."""
    until = clock[0] + timedelta(seconds=seconds)
    while clock[0] < until:
        # A tick takes a little time.
        clock[0] += timedelta(seconds=min(max(scheduler.tick(), 0.0), LOOKS), milliseconds=20)


@pytest.fixture
def runs_of(clock, sent):
    """So often what is due every minute was sent in so many seconds."""

    def count(scheduler, seconds):
        sent.clear()
        runs(scheduler, clock, seconds)
        return sent.count(EVERY_MINUTE)

    return count


def test_a_clock_that_is_set_back_stops_nothing_of_what_runs(scheduler, clock, sent):
    runs(scheduler, clock, 3 * 3600)
    assert sent.count(EVERY_MINUTE) == 180
    sent.clear()
    clock[0] -= timedelta(hours=1)

    runs(scheduler, clock, 600)

    assert sent.count(EVERY_MINUTE) in (9, 10)
    assert sent.count("forget-log-ins") == 0
    runs(scheduler, clock, 3000)
    assert (sent.count("forget-log-ins"), sent.count(DAILY)) == (1, 0)


def test_a_small_step_back_sends_nothing_twice(scheduler, clock, sent):
    clock[0] = datetime(2026, 3, 2, 3, 29, 30, tzinfo=UTC)
    runs(scheduler, clock, 40)
    assert sent.count(DAILY) == 1
    clock[0] -= CLOCKS_DIFFER / 2

    runs(scheduler, clock, 300)

    assert sent.count(DAILY) == 1
    assert sent.count(EVERY_MINUTE) in (5, 6)


def test_last_runs_of_tomorrow_are_forgotten_at_the_start(scheduler, clock, sent):
    entries = scheduler.schedule
    entries[EVERY_MINUTE].last_run_at = clock[0] + timedelta(days=1)
    entries["send-deliveries"].last_run_at = earlier = clock[0] - timedelta(seconds=3)

    scheduler.tick()

    assert entries[EVERY_MINUTE].last_run_at == clock[0]
    assert entries["send-deliveries"].last_run_at == earlier
    runs(scheduler, clock, 60)
    assert sent.count(EVERY_MINUTE) == 1


def test_a_beat_of_its_own_and_one_inside_a_worker_keep_this_schedule(tmp_path):
    file = str(tmp_path / "schedule")
    alone = Beat(app=app, schedule=file)
    inside = EmbeddedService(app, max_interval=1, schedule_filename=file, scheduler_cls=_of_a_worker())

    assert Service(app, scheduler_cls=alone.scheduler_cls).get_scheduler(lazy=True).__class__ is SteadyScheduler
    assert inside.service.get_scheduler(lazy=True).__class__ is SteadyScheduler


def _of_a_worker():
    worker = WorkController.__new__(WorkController)
    worker.app = app
    worker.setup_defaults()
    return worker.scheduler


def test_what_fell_due_while_no_schedule_ran_is_sent_once(begun, clock, sent):
    clock[0] = datetime(2026, 3, 2, 3, 20, tzinfo=UTC)
    begun().close()
    clock[0] += timedelta(hours=30)

    runs(begun(), clock, 90)

    assert sent.count(DAILY) == 1
    assert sent.count("forget-log-ins") == 1


@pytest.mark.parametrize("is_begun_anew", [False, True])
def test_what_the_broker_does_not_take_is_sent_once_it_does(tmp_path, clock, sent, monkeypatch, is_begun_anew):
    """The trainings of Monday at two, say, while the broker is started again."""

    def begin():
        service = Service(app, scheduler_cls=app.conf.beat_scheduler, schedule_filename=str(tmp_path / "schedule"))
        monkeypatch.setattr(service.scheduler, "producer", None, raising=False)
        monkeypatch.setattr(service.scheduler, "send_task", take)
        return service.scheduler

    def take(name, *_, **__):
        if is_away:
            raise OperationalError("Connection refused")
        sent.append(name)

    clock[0], is_away = datetime(2026, 3, 2, 1, 55, tzinfo=UTC), False
    # What a beat of its own does not know by name alone.
    monkeypatch.setattr(Task, "apply_async", lambda task, *_, **__: take(task.name))
    scheduler = begin()
    runs(scheduler, clock, 240)
    is_away = True
    runs(scheduler, clock, 180)
    n_before, is_away = len(sent), False
    if is_begun_anew:
        scheduler.close()
        scheduler = begin()

    runs(scheduler, clock, 3600)

    assert sent[n_before:].count("apps.ml.tasks.retrain_ml_models") == 1
    assert sent[n_before:].count("apps.importers.tasks.run_due_imports") in (60, 61)


def empty(file):
    file.write_bytes(b"")


def zeros(file):
    file.write_bytes(bytes(file.stat().st_size))


def torn(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def of_another_kind(file):
    file.write_text('["2026-03-02"]')


def moments_of_another_kind(file):
    file.write_text('{"remove-old-history": 7}')


def a_moment_before_all(file):
    file.write_text('{"remove-old-history": "0001-01-01T00:00:00+14:00"}')


def a_folder(file):
    file.unlink()
    (file / "within").mkdir(parents=True)


DAMAGES = [empty, zeros, torn, of_another_kind, moments_of_another_kind, a_moment_before_all, a_folder]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_is_none_any_more_is_told_and_put_away_once(begun, runs_of, tmp_path, caplog, damage):
    begun().close()
    for file in list(tmp_path.iterdir()):
        damage(file)

    again = begun()
    assert runs_of(again, 120) in (2, 3)
    again.close()
    begun()

    [told] = caplog.messages
    assert "schedule.damaged" in told
    assert {file.name for file in tmp_path.iterdir()} == {"schedule", "schedule.damaged"}


@contextmanager
def no_room(place):
    """As a full disk answers."""
    with pytest.MonkeyPatch.context() as patch:

        def refuse(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        patch.setattr(os, "fsync", refuse)
        yield


@contextmanager
def no_folder(place):
    aside = place.with_name("aside")
    place.rename(aside)
    yield
    aside.rename(place)


@pytest.mark.parametrize("refusal", [no_room, no_folder])
def test_a_disk_that_takes_nothing_ends_no_schedule(begun, runs_of, tmp_path, caplog, refusal):
    """It goes on in memory, and is written once there is room."""
    scheduler = begun()
    with refusal(tmp_path):
        assert runs_of(scheduler, 600) == 10
        scheduler.sync()
        scheduler.sync()
    assert [each.name for each in tmp_path.iterdir()] == ["schedule"]
    [told] = caplog.messages
    assert str(tmp_path / "schedule") in told

    scheduler.sync()

    assert begun().schedule[EVERY_MINUTE].last_run_at == scheduler.schedule[EVERY_MINUTE].last_run_at
    with refusal(tmp_path):
        scheduler.close()
    assert len(caplog.messages) == 2
