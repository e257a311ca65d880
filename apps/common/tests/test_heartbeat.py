"""The thread that shows that a worker lives."""

import threading
import time

from django.db import OperationalError

from apps.ml.services.training.claims import ClaimLost
from apps.ml.services.training.heartbeat import beating


def test_it_beats_while_the_work_goes_on_and_never_after():
    beats, enough = [], threading.Event()

    def beat(now):
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


def test_work_shorter_than_a_beat_costs_no_beat():
    beats = []

    with beating(beats.append, every_seconds=60):
        pass

    assert beats == []


def test_a_database_that_restarts_costs_a_beat_and_no_more():
    calls, recovered = [], threading.Event()

    def beat(now):
        calls.append(now)
        if len(calls) < 3:
            raise OperationalError("the server restarts")
        recovered.set()

    with beating(beat, every_seconds=0.001):
        assert recovered.wait(5)


def test_it_ends_when_the_claim_is_lost():
    calls, lost = [], threading.Event()

    def beat(now):
        calls.append(now)
        lost.set()
        raise ClaimLost

    with beating(beat, every_seconds=0.001):
        assert lost.wait(5)
        time.sleep(0.02)

    assert len(calls) == 1
