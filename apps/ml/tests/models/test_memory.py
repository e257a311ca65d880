"""Memory of a process: bounded, expiring, read by one thread at a time."""

import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from apps.ml.core.size import bytes_of
from apps.ml.services.models import memory
from apps.ml.services.models.memory import BoundedCache, MemoryRenewedAside, ProjectMemory, Remembered, StateMemory


def kept(cache):
    return cache.stats(now=0.0)["cached_keys"]


def test_the_least_recently_used_leave_first_when_the_size_is_reached():
    cache = BoundedCache[bytes](size=len)
    for key in ("a", "b"):
        cache.put(key, b"12345", now=0.0, most=10)
    cache.get("a", now=0.0)

    cache.put("c", b"12345", now=0.0, most=10)

    assert kept(cache) == ["a", "c"]
    assert cache.stats(now=0.0)["total_bytes"] == 10


@pytest.mark.parametrize(("keeps_last", "keys"), [(False, []), (True, ["large"])])
def test_a_value_larger_than_everything_stays_only_where_the_last_one_does(keeps_last, keys):
    cache = BoundedCache[bytes](size=len, keeps_last=keeps_last)
    cache.put("small", b"1", now=0.0, most=4)

    cache.put("large", b"12345", now=0.0, most=4)

    assert kept(cache) == keys


def test_a_value_that_is_put_again_counts_once():
    cache = BoundedCache[bytes](size=len)

    for _ in range(3):
        cache.put("a", b"12345", now=0.0, most=10)

    assert cache.stats(now=0.0)["total_bytes"] == 5


def test_an_expired_value_is_a_miss_and_is_removed():
    cache = BoundedCache[str](size=len)
    cache.put("a", "x", now=0.0, most=10, ttl_seconds=5.0)

    assert cache.get("a", now=4.9) == "x"
    assert cache.get("a", now=5.0) is None
    assert cache.stats(now=0.0) == {
        "total_cached": 0, "cached_keys": [], "total_bytes": 0, "hits": 1, "misses": 1
    }  # fmt: skip


class Source:
    """A database of one number, which counts how often it is asked."""

    def __init__(self):
        self.now, self.asked, self.number = 0.0, 0, 1

    def read(self, project_id, known):
        self.asked += 1
        return known if known and known.revision == self.number else Remembered([self.number], self.number)

    def memory(self, **options):
        return ProjectMemory(self.read, trusted_seconds=5.0, clock=lambda: self.now, **{"most": 2, **options})


def test_what_is_known_is_trusted_for_a_while_and_kept_while_its_revision_stands():
    source = Source()
    memory = source.memory()
    first = memory.of_project("p")
    source.now = 4.0
    assert (memory.of_project("p"), source.asked) == ([1], 1)

    source.now = 5.0
    assert memory.of_project("p") is first
    assert source.asked == 2

    source.now, source.number = 10.0, 2
    assert memory.of_project("p") == [2]


def test_the_longest_unused_project_is_forgotten():
    source = Source()
    memory = source.memory()
    first = memory.of_project("a")
    for project in ("b", "c"):
        memory.of_project(project)

    assert memory.of_project("a") is not first


def test_threads_that_ask_at_once_read_once():
    started, go_on = threading.Event(), threading.Event()
    asked = []

    def read(project_id, known):
        asked.append(project_id)
        started.set()
        go_on.wait(10)
        return Remembered("read")

    memory = ProjectMemory(read, trusted_seconds=60.0, most=10)
    with ThreadPoolExecutor(4) as threads:
        answers = [threads.submit(memory.of_project, "p") for _ in range(4)]
        started.wait(10)
        go_on.set()

    assert {answer.result() for answer in answers} == {"read"}
    assert asked == ["p"]


def test_memories_share_their_bytes_and_the_longest_unused_leaves_whichever_it_is_in(settings):
    settings.ML_CACHE_BYTES = 25_000
    asked = []

    def memory(name):
        def read(project_id, known):
            asked.append((name, project_id))
            return Remembered(b"x" * 10)

        return ProjectMemory(read, trusted_seconds=60.0, size=lambda _: 10_000)

    first, second = memory("first"), memory("second")
    try:
        for ask in (first, second, second, first):
            ask.of_project("p")
        second.of_project("q")
        first.of_project("p")
        second.of_project("p")
    finally:
        first.clear()
        second.clear()

    assert asked == [("first", "p"), ("second", "p"), ("second", "q"), ("second", "p")]


def test_what_is_told_of_a_state_is_made_once_and_another_state_tells_anew():
    states, made = StateMemory(), []
    try:
        told = [states.told(key, lambda: made.append(1) or len(made)) for key in ("a", "a", "b")]
    finally:
        states.clear()

    assert told == [1, 1, 2]


class Renewed:
    """A revision, and what is made of it once the maker may go on."""

    def __init__(self):
        self.now, self.revision, self.may_go_on, self.made = 0.0, 1, threading.Event(), threading.Event()
        self.fails = False

    def make(self, project_id, known, revision):
        if known is not None:
            self.may_go_on.wait(10)
            self.made.set()
        if self.fails:
            raise ValueError("not readable")
        return f"made of {revision}"

    def memory(self):
        return MemoryRenewedAside(
            lambda project_id: self.revision,
            self.make,
            trusted_seconds=5.0,
            gone=lambda revision: revision // 10,
            most=10**6,
            clock=lambda: self.now,
        )


def test_while_a_change_is_read_aside_the_old_value_answers(settings):
    settings.ML_RENEW_ASIDE = True
    source = Renewed()
    memory = source.memory()
    memory.of_project("p")

    source.now, source.revision = 5.0, 2
    during = memory.of_project("p")
    source.may_go_on.set()
    wait_for(lambda: memory.of_project("p") == "made of 2")

    assert during == "made of 1"


def test_what_was_taken_away_is_not_told_while_it_is_read_again(settings):
    settings.ML_RENEW_ASIDE = True
    source = Renewed()
    memory = source.memory()
    memory.of_project("p")

    source.now, source.revision = 5.0, 10
    source.may_go_on.set()

    assert memory.of_project("p") == "made of 10"


def test_what_took_long_to_make_is_trusted_from_when_it_was_asked_for(settings):
    settings.ML_RENEW_ASIDE = True
    source = Renewed()
    memory = source.memory()
    memory.of_project("p")
    source.now, source.revision = 5.0, 2
    memory.of_project("p")

    # Something is taken away meanwhile, and the renewal that knows nothing of it ends.
    source.now, source.revision = 12.0, 10
    source.may_go_on.set()
    wait_for(lambda: not memory._renewing)

    assert memory.of_project("p") == "made of 10"


def test_a_renewal_that_fails_is_logged_and_the_old_value_goes_on(settings, caplog):
    settings.ML_RENEW_ASIDE = True
    source = Renewed()
    memory = source.memory()
    memory.of_project("p")
    source.now, source.revision, source.fails = 5.0, 2, True
    source.may_go_on.set()

    memory.of_project("p")
    wait_for(lambda: "could not be renewed project=p" in caplog.text)

    assert memory.of_project("p") == "made of 1"


def wait_for(holds):
    """Threads end when they like."""
    for _ in range(1_000):
        if holds():
            return
        threading.Event().wait(0.01)
    raise AssertionError("It did not come about.")


def test_the_size_of_a_value_is_that_of_its_parts_by_a_sample():
    rows = [("x" * 1_000, number) for number in range(10_000)]

    assert bytes_of(np.zeros(1_000)) == 8_000
    assert 10_000 * 1_000 < bytes_of(rows) < 10_000 * 1_500
    assert bytes_of({"a": rows, "b": (None, 1.0, {2})}) > bytes_of(rows)


@pytest.mark.parametrize(("letters", "most"), [(4_000, 2**20), (1, 2**19)])
def test_many_small_values_are_bounded_with_their_keys(settings, monkeypatch, letters, most):
    """A key may be longer than its value; else a bound of a mebibyte held gigabytes."""
    own = BoundedCache[Remembered](size=lambda known: known.nbytes, keeps_last=True)
    monkeypatch.setattr(memory, "_OF_PROJECTS", own)
    settings.ML_CACHE_BYTES = most
    told = StateMemory()
    tracemalloc.start()

    for number in range(5_000):
        told.told(f"{number} {'x' * letters}", lambda: 1.5)

    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1.2 * most
    assert own.stats(now=0.0)["total_cached"] > 200
