"""Dear work in turns: a line of which everything is tried, and real threads that wait for each other's events."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from apps.common import turns as module
from apps.common.api import busy
from apps.common.api.busy import Busy, TooManyAtOnce, asked_by, asked_by_guest_of, heavy_question, turns_of
from apps.common.api.limits import RequestLimits
from apps.common.turns import DearWork, NoTurn, Piece, WaitingLine

#: Nothing here takes as long; what waits for nothing would.
PATIENCE_SECONDS = 60.0


class AnyLine(RuleBasedStateMachine):
    """Whoever comes, ends and gives up, in whatever order: what is promised holds after each step."""

    @initialize(threads=st.integers(1, 8))
    def begin(self, threads: int) -> None:
        self.line, self.half, self.of_all = turns_of(threads).line, max(threads // 2, 1), max(threads - 1, 1)
        #: The order in which callers' work ended, and what waits, each as this test has seen it.
        self.ended: list[str] = []

    @rule(caller=st.sampled_from(["mallory", "ann", "bea", "cleo", "guests", "other guests"]), may_wait=st.booleans())
    def come(self, caller: str, may_wait: bool) -> None:
        before, waited = list(self.line.there), self._waiting()
        is_guest = caller.endswith("guests")
        piece = self.line.join(caller, is_guest=is_guest, may_wait=may_wait)

        gone = [each for each in before if each.refused]
        assert set(gone) <= set(waited)
        assert len(gone) <= (piece.refused is None)
        assert may_wait or not piece.waits
        others = [each for each in before if each.caller != caller]
        if not piece.refused or others != before:
            return
        # Who has no place is refused where all are taken by as many callers, or where nothing waits.
        assert not piece.refused.is_own
        if may_wait:
            assert len({each.caller for each in others}) == len(others) == self.of_all
            assert is_guest or not any(each.is_guest for each in waited)
        else:
            assert len(self.line.at_work()) == self.half

    @precondition(lambda self: self.line.at_work())
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        piece, waited = data.draw(st.sampled_from(self.line.at_work())), self._waiting()
        self.line.end(piece)
        self.ended.append(piece.caller)

        for begun in (each for each in waited if each.is_at_work):
            # Nobody who had a turn lately comes before those who wait for one, and no guest before people.
            assert all(self._order(begun) <= self._order(other) for other in self._firsts_that_wait())

    @precondition(lambda self: self._waiting())
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        self.line.send_away(data.draw(st.sampled_from(self._waiting())))

    @invariant()
    def nobody_has_more_than_may_be(self) -> None:
        at_work, there = (Counter(each.caller for each in some) for some in (self.line.at_work(), self.line.there))
        assert at_work.total() <= self.half
        assert there.total() <= self.of_all
        assert all(n <= 1 for n in at_work.values())
        assert all(n <= (1 if caller.endswith("guests") else self.half) for caller, n in there.items())

    @invariant()
    def no_turn_stays_free_that_somebody_waits_for(self) -> None:
        if len(self.line.at_work()) < self.half:
            assert all(self.line.at_work(each.caller) for each in self._waiting())

    def _waiting(self) -> list[Piece]:
        return [each for each in self.line.there if each.waits]

    def _firsts_that_wait(self) -> list[Piece]:
        return [each for each in self._waiting() if not self.line.at_work(each.caller)]

    def _order(self, piece: Piece) -> tuple[bool, int]:
        last = max((at for at, caller in enumerate(self.ended) if caller == piece.caller), default=-1)
        return piece.is_guest, last


AnyLine.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestAnyLine = AnyLine.TestCase


def test_somebody_new_takes_the_place_in_which_a_second_waits_and_the_next_turn() -> None:
    line = turns_of(4).line
    first, guest, second = line.join("mallory"), line.join("guests", is_guest=True), line.join("mallory")
    assert (first.is_at_work, guest.is_at_work, second.waits) == (True, True, True)

    ann = line.join("ann")
    third = line.join("mallory")

    assert ann.waits
    assert all(each.refused and each.refused.is_own for each in (second, third))
    line.end(first)
    assert ann.is_at_work


def test_two_that_come_of_one_caller_do_not_keep_a_second_caller_out() -> None:
    line = turns_of(6).line
    for name in ("bea", "cleo", "dora"):
        line.join(name)
    one, two = line.join("mallory"), line.join("mallory")

    ann = line.join("ann")

    assert (one.waits, ann.waits, bool(two.refused)) == (True, True, True)


def test_guests_give_way_to_people_and_are_sent_away_as_by_all() -> None:
    line = turns_of(4).line
    bea, _ = line.join("bea"), line.join("cleo")
    guest = line.join("guests", is_guest=True)

    ann = line.join("ann")

    assert guest.refused
    assert not guest.refused.is_own
    line.end(bea)
    assert ann.is_at_work


def test_turns_are_given_by_order_and_not_by_who_came_first() -> None:
    line = turns_of(8).line
    line.end(line.join("lately"))
    at_work = [line.join(name) for name in ("bea", "cleo", "dora", "eve")]
    guest, lately, new = line.join("guests", is_guest=True), line.join("lately"), line.join("new")

    for expected, done in zip((new, lately, guest), at_work, strict=False):
        assert expected.waits
        line.end(done)
        assert expected.is_at_work


def test_of_many_who_ask_without_pause_all_are_answered_alike() -> None:
    """However they come: whoever was answered last longest ago is next."""
    line, answered = turns_of(4).line, Counter[str]()
    for _ in range(60):
        for name in ("m1", "m2", "m3", "m4", "ann"):
            if not any(each.caller == name for each in line.there):
                line.join(name)
        done = line.at_work()[0]
        answered[done.caller] += 1
        line.end(done)

    assert set(answered.values()) == {60 // 5}


def test_callers_are_forgotten_after_many_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REMEMBERED", 2)
    line = turns_of(4).line

    for name in ("ann", "bea", "cleo", "bea"):
        line.end(line.join(name))

    assert list(line._ended) == ["cleo", "bea"]


def test_of_one_caller_who_comes_first_is_first() -> None:
    line = WaitingLine(at_once=2)
    pieces = [line.join("") for _ in range(6)]

    for n_ended in range(4):
        assert [each.is_at_work for each in pieces[n_ended:]] == [True] * 2 + [False] * (4 - n_ended)
        line.end(pieces[n_ended])


@pytest.mark.parametrize(
    ("threads", "of_each", "at_work", "of_all"),
    [(1, 1, 1, 1), (2, 1, 1, 1), (3, 1, 1, 2), (4, 2, 2, 3), (5, 2, 2, 4), (64, 32, 32, 63)],
)
def test_one_person_holds_half_of_the_threads_and_all_leave_one(
    threads: int, of_each: int, at_work: int, of_all: int
) -> None:
    line = turns_of(threads).line

    assert (line.at_once, line.of_each, line.at_once_of_all, line.of_all) == (1, of_each, at_work, of_all)


def test_a_thread_waits_for_its_turn_and_who_has_no_patience_leaves_no_trace() -> None:
    turns = DearWork(WaitingLine(at_once=1, waiting=1))
    first = turns.take("ann")
    for _ in range(3):
        with pytest.raises(NoTurn) as told:
            turns.take("ann")
        assert told.value.is_own
    assert turns.line.there == [first]

    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(turns.take, "ann", patience_seconds=PATIENCE_SECONDS)
        until(lambda: len(turns.line.there) == 2)
        turns.give_back(first)
        turns.give_back(second.result(PATIENCE_SECONDS))

    assert not turns.line.there


def test_who_has_waited_for_too_long_goes_and_leaves_no_trace() -> None:
    turns = DearWork(WaitingLine(at_once=1))
    first = turns.take("ann")

    with pytest.raises(NoTurn):
        turns.take("ann", patience_seconds=0.001)

    assert turns.line.there == [first]


def test_who_is_sent_away_is_told_so_while_it_waits() -> None:
    turns = turns_of(4)
    held = [turns.take("mallory"), turns.take("bea")]

    with ThreadPoolExecutor(2) as pool:
        second = pool.submit(turns.take, "mallory", patience_seconds=PATIENCE_SECONDS)
        until(lambda: len(turns.line.there) == 3)
        ann = pool.submit(turns.take, "ann", patience_seconds=PATIENCE_SECONDS)
        assert isinstance(second.exception(PATIENCE_SECONDS), NoTurn)
        turns.give_back(held.pop())
        turns.give_back(ann.result(PATIENCE_SECONDS))
    turns.give_back(held.pop())

    assert not turns.line.there


def until(is_so: Callable[[], bool]) -> None:
    """Another thread has come as far."""
    pause = threading.Event()
    for _ in range(int(PATIENCE_SECONDS * 1_000)):
        if is_so():
            return
        pause.wait(0.001)
    pytest.fail("It never came as far.")


class Asked:
    """A heavy question of a person, answered by a thread of the pool once it may go."""

    def __init__(
        self, pool: ThreadPoolExecutor, person: str = "", *, project: str = "", address: str = "203.0.113.7"
    ) -> None:
        self.at_work, self.may_go, self.fails = threading.Event(), threading.Event(), False
        request = RequestFactory().get("/api/v1/", REMOTE_ADDR=address)
        self.answer: Future[HttpResponseBase] = pool.submit(
            RequestLimits(lambda _: self._answer(person, project)), request
        )

    def _answer(self, person: str, project: str) -> HttpResponse:
        if person:
            asked_by(person)
        if project:
            asked_by_guest_of(project)
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
    assert not busy.TURNS.line.there


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
    assert not busy.TURNS.line.there


def test_who_reads_by_links_of_a_project_is_one_asker_and_a_person_who_does_is_that_person(
    pool: ThreadPoolExecutor,
) -> None:
    first = Asked(pool, project="ALPHA")
    assert first.at_work.wait(PATIENCE_SECONDS)

    other_address = Asked(pool, project="ALPHA", address="203.0.113.8")
    assert isinstance(other_address.answer.exception(PATIENCE_SECONDS), TooManyAtOnce)
    ann = Asked(pool, "ann", project="ALPHA")
    assert ann.at_work.wait(PATIENCE_SECONDS)
    first.ends()
    other_project = Asked(pool, project="BETA")
    assert other_project.at_work.wait(PATIENCE_SECONDS)

    for each in (ann, other_project):
        each.ends()
    again = Asked(pool, project="ALPHA")
    assert again.at_work.wait(PATIENCE_SECONDS)
    again.ends()


def test_one_person_who_asks_many_at_once_in_all_ways_does_not_keep_another_from_being_answered(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an account, and by links of two projects from many addresses; a thread stays for what is light."""
    monkeypatch.setattr(busy, "PATIENCE_SECONDS", PATIENCE_SECONDS)
    first, guest = Asked(pool, "mallory"), Asked(pool, project="ALPHA")
    assert first.at_work.wait(PATIENCE_SECONDS)
    assert guest.at_work.wait(PATIENCE_SECONDS)
    second = Asked(pool, "mallory")
    until(lambda: len(busy.TURNS.line.there) == 3)

    ann = Asked(pool, "ann")

    assert isinstance(second.answer.exception(PATIENCE_SECONDS), TooManyAtOnce)
    assert isinstance(Asked(pool, "mallory").answer.exception(PATIENCE_SECONDS), TooManyAtOnce)
    for project, told in (("ALPHA", TooManyAtOnce), ("BETA", Busy)):
        more = Asked(pool, project=project, address="203.0.113.9").answer
        assert isinstance(more.exception(PATIENCE_SECONDS), told)
    assert pool.submit(lambda: "light").result(PATIENCE_SECONDS) == "light"
    assert not ann.answer.done()
    guest.ends()
    assert ann.at_work.wait(PATIENCE_SECONDS)
    for each in (first, ann):
        each.ends()
    assert ann.answer.result().status_code == 200


def test_where_as_many_people_ask_as_there_are_places_one_more_is_told_to_come_again(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(busy, "PATIENCE_SECONDS", PATIENCE_SECONDS)
    asked = [Asked(pool, person) for person in ("ann", "bea", "cleo")]
    until(lambda: len(busy.TURNS.line.there) == 3)

    refused_one = Asked(pool, "dora").answer.exception(PATIENCE_SECONDS)

    assert isinstance(refused_one, Busy)
    assert refused_one.status_code == 503
    assert pool.submit(lambda: "light").result(PATIENCE_SECONDS) == "light"
    for each in asked:
        each.ends()


def test_outside_of_a_request_nobody_waits(pool: ThreadPoolExecutor) -> None:
    for _ in range(10):
        heavy_question()

    assert not busy.TURNS.line.there
