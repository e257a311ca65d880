"""The thread that shows that a worker lives."""

import threading
import time
from datetime import datetime

from django.db import OperationalError

from apps.common.exceptions import Conflict
from apps.common.heartbeat import beating


def test_it_beats_while_the_work_goes_on_and_never_after() -> None:
    beats: list[datetime] = []
    enough = threading.Event()

    def beat(now: datetime) -> None:
        beats.append(now)
        if len(beats) == 3:
            enough.set()

    with beating(beat, every_seconds=0.001):
        assert enough.wait(5)
    counted = len(beats)
    time.sleep(0.01)

    assert len(beats) == counted
    assert beats == sorted(beats)
    assert all(now.tzinfo is not None for now in beats)


def test_work_shorter_than_a_beat_costs_no_beat() -> None:
    beats: list[datetime] = []

    with beating(beats.append, every_seconds=60):
        pass

    assert beats == []


def test_a_database_that_restarts_costs_a_beat_and_no_more() -> None:
    calls: list[datetime] = []
    recovered = threading.Event()

    def beat(now: datetime) -> None:
        calls.append(now)
        if len(calls) < 3:
            raise OperationalError("the server restarts")
        recovered.set()

    with beating(beat, every_seconds=0.001):
        assert recovered.wait(5)


def test_it_ends_when_the_claim_is_lost() -> None:
    calls: list[datetime] = []
    lost = threading.Event()

    def beat(now: datetime) -> None:
        calls.append(now)
        lost.set()
        raise Conflict

    with beating(beat, every_seconds=0.001):
        assert lost.wait(5)
        time.sleep(0.02)

    assert len(calls) == 1
