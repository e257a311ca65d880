"""What is read of the database when Prometheus asks: all at once, in time, and no more often than it is worth."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import InterfaceError, OperationalError
from prometheus_client.core import GaugeMetricFamily, Metric

from apps.common.operations import scrape
from apps.common.operations.scrape import LiveMetrics

#: More than any machine needs; a test that works waits for nobody.
PATIENCE_SECONDS = 60.0
UP = "scrum_ml_live_metrics_up"


class Reader:
    """Reads one figure, which is how often it was asked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked = 0
        self.error: Exception | None = None
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self) -> list[Metric]:
        self.asked += 1
        family = GaugeMetricFamily(self.name, "How often it was asked.", value=self.asked)
        assert self.may_answer.wait(PATIENCE_SECONDS)
        if self.error:
            raise self.error
        return [family]


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """How long a scrape waits; at first as long as it takes."""

    def have(seconds: float) -> None:
        monkeypatch.setattr(scrape, "SCRAPE_SECONDS", seconds)

    have(PATIENCE_SECONDS)
    return have


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def readers() -> Iterator[list[Reader]]:
    """One that is kept for a minute, and one that is asked every time."""
    readers = [Reader("models"), Reader("outbox")]
    yield readers
    for reader in readers:
        reader.may_answer.set()


@pytest.fixture
def live(clock: Clock, readers: list[Reader]) -> LiveMetrics:
    live = LiveMetrics(clock)
    models, outbox = readers
    live.add("models", models, keep_seconds=60)
    live.add("outbox", outbox)
    return live


def told(live: LiveMetrics) -> dict[str, float]:
    return {sample.name: sample.value for family in live.collect() for sample in family.samples}


def test_what_may_be_a_minute_old_is_asked_once_a_minute_and_the_rest_each_time(
    live: LiveMetrics, clock: Clock
) -> None:
    first = told(live)
    clock.seconds = 59.0
    second = told(live)
    clock.seconds = 60.0

    assert (first, second) == ({UP: 1, "models": 1, "outbox": 1}, {UP: 1, "models": 1, "outbox": 2})
    assert told(live) == {UP: 1, "models": 2, "outbox": 3}


def test_all_are_asked_at_the_same_time(clock: Clock) -> None:
    """One after the other, each would wait for the next."""
    together = threading.Barrier(3)
    live = LiveMetrics(clock)
    for name in ("models", "outbox", "another"):

        def meet() -> list[Metric]:
            together.wait(PATIENCE_SECONDS)
            return []

        live.add(name, meet)

    assert told(live) == {UP: 1}


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("closed")])
def test_without_a_database_that_is_told_and_asked_again_no_sooner_than_with_one(
    live: LiveMetrics, clock: Clock, readers: list[Reader], error: Exception
) -> None:
    models, outbox = readers
    models.error = outbox.error = error
    away = [told(live), told(live)]
    models.error = outbox.error = None
    clock.seconds = 30.0
    still_told = told(live)
    clock.seconds = 60.0

    assert away == [{UP: 0}, {UP: 0}]
    assert (models.asked, outbox.asked) == (1, 3)
    assert still_told == {UP: 0, "outbox": 3}
    assert told(live) == {UP: 1, "models": 2, "outbox": 4}


def test_a_database_that_hangs_holds_up_no_scrape_and_is_not_asked_twice_meanwhile(
    live: LiveMetrics, clock: Clock, readers: list[Reader], patience: Callable[[float], None]
) -> None:
    before = told(live)
    for reader in readers:
        reader.may_answer.clear()
    patience(0.0)
    clock.seconds = 60.0
    hangs = [told(live), told(live)]
    for reader in readers:
        reader.may_answer.set()
    patience(PATIENCE_SECONDS)

    # What was told before goes on, so that no alert on it begins anew with every slow answer.
    assert hangs == [before | {UP: 0}] * 2
    assert told(live)[UP] == 1
    assert readers[0].asked == 2


def test_one_that_hangs_does_not_take_the_others_with_it(
    clock: Clock, readers: list[Reader], patience: Callable[[float], None]
) -> None:
    live = LiveMetrics(clock)
    for reader in readers:
        live.add(reader.name, reader, keep_seconds=60)
    models, outbox = readers
    models.may_answer.clear()
    patience(0.0)
    live.collect()
    assert live._inquiries.ask("outbox", outbox, fresh_seconds=60).answer(PATIENCE_SECONDS)

    assert told(live) == {UP: 0, "outbox": 1}


def test_a_slip_of_ours_is_no_database_that_is_away(live: LiveMetrics, readers: list[Reader]) -> None:
    readers[0].error = ZeroDivisionError("of ours")

    with pytest.raises(ZeroDivisionError):
        live.collect()


@pytest.mark.parametrize("then", [(59.0, 1), (61.0, 2)])
def test_an_answer_that_comes_too_late_is_one_for_the_next_scrape_but_not_for_one_much_later(
    live: LiveMetrics,
    clock: Clock,
    readers: list[Reader],
    patience: Callable[[float], None],
    then: tuple[float, int],
) -> None:
    """Else a large database, asked by turns in several processes, would never be told to be there."""
    for reader in readers:
        reader.may_answer.clear()
    patience(0.0)
    late = told(live)
    clock.seconds, told_then = then
    for reader in readers:
        reader.may_answer.set()
        while live._inquiries._last[reader.name].is_under_way:
            time.sleep(0.01)
    patience(PATIENCE_SECONDS)

    assert late == {UP: 0}
    assert told(live) == {UP: 1, "models": told_then, "outbox": told_then}
