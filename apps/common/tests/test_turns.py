"""Dear work in turns: with real threads that wait for each other's events, whatever time they take."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory

from apps.common.api import busy
from apps.common.api.busy import Busy, TooManyAtOnce, asked_by, heavy_question, turns_of
from apps.common.api.limits import RequestLimits
from apps.common.turns import DearWork, NoTurn

#: Nothing here takes as long; what waits for nothing would.
PATIENCE_SECONDS = 60.0


def test_one_of_a_caller_works_one_waits_for_it_and_the_next_is_sent_away() -> None:
    turns, there = DearWork(at_once=1, waiting=1), threading.Event()
    turns.take("ann")

    def wait() -> str:
        there.set()
        with turns.turn("ann", patience_seconds=PATIENCE_SECONDS):
            return "worked"

    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(wait)
        there.wait(PATIENCE_SECONDS)
        # Until the second stands in line, this one does, has no patience, and leaves.
        while turns._there["ann"] < 2:
            refused(turns, "ann")
        assert refused(turns, "ann").is_own
        assert not second.done()
        turns.give_back("ann")
        assert second.result(PATIENCE_SECONDS) == "worked"

    turns.take("ann")


def refused(turns: DearWork, caller: str) -> NoTurn:
    with pytest.raises(NoTurn) as told:
        turns.take(caller)
    return told.value


def test_nobody_waits_for_others_until_all_places_are_taken() -> None:
    turns = DearWork(at_once=1, waiting=1, of_all=2)
    turns.take("ann")
    turns.take("bea")

    assert not refused(turns, "cleo").is_own
    turns.give_back("ann")
    turns.take("cleo")


def test_who_waited_in_vain_leaves_no_trace() -> None:
    turns = DearWork(at_once=1, waiting=1)
    turns.take("ann")

    for _ in range(3):
        refused(turns, "ann")
    turns.give_back("ann")

    assert not turns._there
    assert not turns._at_work


def test_work_that_fails_gives_its_place_back() -> None:
    turns = DearWork(at_once=1)

    with pytest.raises(RuntimeError), turns.turn("ann"):
        raise RuntimeError

    turns.take("ann")


@pytest.mark.parametrize(
    ("threads", "of_each", "of_all"), [(1, 1, 1), (2, 1, 1), (3, 1, 2), (4, 2, 3), (5, 2, 4), (64, 32, 63)]
)
def test_one_person_holds_half_of_the_threads_and_all_leave_one(threads: int, of_each: int, of_all: int) -> None:
    turns = turns_of(threads)

    assert (turns.at_once, turns.of_each, turns.of_all) == (1, of_each, of_all)


class Asked:
    """A heavy question of a person, answered by a thread of the pool once it may go."""

    def __init__(self, pool: ThreadPoolExecutor, person: str, *, address: str = "203.0.113.7") -> None:
        self.at_work, self.may_go, self.fails = threading.Event(), threading.Event(), False
        request = RequestFactory().get("/api/v1/", REMOTE_ADDR=address)
        self.answer: Future[HttpResponseBase] = pool.submit(RequestLimits(lambda _: self._answer(person)), request)

    def _answer(self, person: str) -> HttpResponse:
        if person:
            asked_by(person)
        heavy_question()
        # What else it reads is of the same question.
        heavy_question()
        self.at_work.set()
        self.may_go.wait(PATIENCE_SECONDS)
        if self.fails:
            raise RuntimeError
        return HttpResponse()

    def ends(self) -> None:
        """It is answered, whatever with."""
        self.may_go.set()
        self.answer.exception(PATIENCE_SECONDS)


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadPoolExecutor]:
    """Threads of a process with four, in which nobody waits: what finds no turn is refused."""
    monkeypatch.setattr(busy, "TURNS", turns_of(4))
    monkeypatch.setattr(busy, "PATIENCE_SECONDS", 0.0)
    with ThreadPoolExecutor(4) as threads:
        yield threads


def test_a_person_is_refused_what_comes_beside_the_own_question_and_others_are_not(pool: ThreadPoolExecutor) -> None:
    first = Asked(pool, "ann")
    assert first.at_work.wait(PATIENCE_SECONDS)

    assert isinstance(Asked(pool, "ann").answer.exception(PATIENCE_SECONDS), TooManyAtOnce)
    other = Asked(pool, "bea")
    assert other.at_work.wait(PATIENCE_SECONDS)

    for each in (first, other):
        each.ends()
    again = Asked(pool, "ann")
    assert again.at_work.wait(PATIENCE_SECONDS)
    again.ends()
    assert not busy.TURNS._there


def test_who_is_not_logged_in_is_known_by_address(pool: ThreadPoolExecutor) -> None:
    first = Asked(pool, "")
    assert first.at_work.wait(PATIENCE_SECONDS)

    assert isinstance(Asked(pool, "").answer.exception(PATIENCE_SECONDS), TooManyAtOnce)
    other = Asked(pool, "", address="203.0.113.8")
    assert other.at_work.wait(PATIENCE_SECONDS)

    for each in (first, other):
        each.ends()


def test_a_question_that_fails_leaves_no_place_held(pool: ThreadPoolExecutor) -> None:
    first = Asked(pool, "ann")
    assert first.at_work.wait(PATIENCE_SECONDS)
    first.fails = True
    first.ends()

    assert isinstance(first.answer.exception(), RuntimeError)
    assert not busy.TURNS._there


def test_heavy_questions_of_many_leave_a_thread_for_what_is_light(pool: ThreadPoolExecutor) -> None:
    asked = [Asked(pool, person) for person in ("ann", "bea", "cleo")]
    assert all(each.at_work.wait(PATIENCE_SECONDS) for each in asked)

    refused_one = Asked(pool, "dora").answer.exception(PATIENCE_SECONDS)

    assert isinstance(refused_one, Busy)
    assert refused_one.status_code == 503
    assert pool.submit(lambda: "light").result(PATIENCE_SECONDS) == "light"
    for each in asked:
        each.ends()


def test_outside_of_a_request_nobody_waits(pool: ThreadPoolExecutor) -> None:
    for _ in range(10):
        heavy_question()

    assert not busy.TURNS._there
