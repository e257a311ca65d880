"""Who gets a thread next, so that nobody's requests keep those of others waiting, however many there are."""

from collections import deque
from collections.abc import Callable, Hashable, Mapping
from itertools import count
from typing import Generic, TypeVar

#: Askers whose last answer is remembered; who is forgotten had it longest ago, and is taken for somebody new.
MOST_REMEMBERED = 1_000
Job = TypeVar("Job", bound=Hashable)


def holds_too_much(held: Mapping[str, int], *, of_each: int, of_all: int) -> str | None:
    """The asker who holds most bytes, where one or all together hold more than this."""
    most = max(held, key=held.__getitem__, default=None)
    if most is None or (held[most] <= of_each and sum(held.values()) <= of_all):
        return None
    return most


class Lines(Generic[Job]):
    """Jobs in a line for each asker.

    One asker has half of the threads at most, whatever else they want and nobody else does: a thread is there at once
    for whoever comes. Where several wait, those come first who have the fewest threads, then whose last answer is
    longest ago, then who waits longest. So whoever asks one after the other waits for one answer of each other asker
    at most.
    """

    def __init__(self, threads: int) -> None:
        self._threads, self._most = threads, max(threads // 2, 1)
        self._waiting: dict[str, deque[tuple[int, Job, int]]] = {}
        self._holding: dict[Job, str] = {}
        self._number = count()
        #: By number, when an asker's last answer ended; longest ago first.
        self._ended: dict[str, int] = {}

    def add(self, asker: str, job: Job, n_bytes: int = 0) -> None:
        """A job comes to the end of its asker's line, with what it holds while it waits."""
        self._waiting.setdefault(asker, deque()).append((next(self._number), job, n_bytes))

    def name_again(self, asker_of: Callable[[Job], str]) -> None:
        """More is known of who asks: all jobs go where they belong, in the order in which they came."""
        for each in self._take_all():
            self._waiting.setdefault(asker_of(each[1]), deque()).append(each)
        self._holding = {job: asker_of(job) for job in self._holding}

    def send_all_away(self) -> list[Job]:
        """All that wait, as they came; none of them waits any more."""
        return [job for _, job, _ in self._take_all()]

    def too_many(self, *, of_each: int, of_all: int) -> Job | None:
        """One to be sent away where those that wait hold more bytes than this: the last of who holds most."""
        holds = {asker: sum(n_bytes for *_, n_bytes in line) for asker, line in self._waiting.items()}
        most = holds_too_much(holds, of_each=of_each, of_all=of_all)
        if most is None:
            return None
        line = self._waiting[most]
        _, job, _ = line.pop()
        if not line:
            del self._waiting[most]
        return job

    def next(self) -> Job | None:
        """The job that a thread is given now; None while nobody's turn it is."""
        if len(self._holding) >= self._threads:
            return None
        held = self._held()
        able = [asker for asker in self._waiting if held.get(asker, 0) < self._most]
        if not able:
            return None
        asker = min(able, key=lambda each: (held.get(each, 0), self._ended.get(each, -1), self._waiting[each][0][0]))
        line = self._waiting[asker]
        _, job, _ = line.popleft()
        if not line:
            del self._waiting[asker]
        self._holding[job] = asker
        return job

    def end(self, job: Job) -> None:
        """Its thread is free; one that was given none is no error."""
        if (asker := self._holding.pop(job, None)) is None:
            return
        self._ended.pop(asker, None)
        self._ended[asker] = next(self._number)
        if len(self._ended) > MOST_REMEMBERED:
            del self._ended[next(iter(self._ended))]

    def _take_all(self) -> list[tuple[int, Job, int]]:
        waiting = sorted((each for line in self._waiting.values() for each in line), key=lambda each: each[0])
        self._waiting = {}
        return waiting

    def _held(self) -> dict[str, int]:
        held: dict[str, int] = {}
        for asker in self._holding.values():
            held[asker] = held.get(asker, 0) + 1
        return held
