"""Who gets a thread next, so that nobody's requests keep those of others waiting, however many there are."""

from collections import deque
from collections.abc import Hashable
from itertools import count
from typing import Generic, TypeVar

Job = TypeVar("Job", bound=Hashable)


class Lines(Generic[Job]):
    """Jobs in a line for each asker.

    One asker has half of the threads at most, whatever else they want and nobody else does: a thread is there at once
    for whoever comes. Where several wait, those come first who have the fewest threads, then who waits longest. So
    whoever asks one after the other waits for one answer of others at most, however many askers fill the threads.
    """

    def __init__(self, threads: int) -> None:
        self._threads, self._most = threads, max(threads // 2, 1)
        self._waiting: dict[str, deque[tuple[int, Job]]] = {}
        self._holding: dict[Job, str] = {}
        self._number = count()

    def add(self, asker: str, job: Job) -> None:
        """A job comes to the end of its asker's line."""
        self._waiting.setdefault(asker, deque()).append((next(self._number), job))

    def next(self) -> Job | None:
        """The job that a thread is given now; None while nobody's turn it is."""
        if len(self._holding) >= self._threads:
            return None
        held = self._held()
        able = [asker for asker in self._waiting if held.get(asker, 0) < self._most]
        if not able:
            return None
        asker = min(able, key=lambda each: (held.get(each, 0), self._waiting[each][0][0]))
        line = self._waiting[asker]
        _, job = line.popleft()
        if not line:
            del self._waiting[asker]
        self._holding[job] = asker
        return job

    def end(self, job: Job) -> None:
        """Its thread is free; one that was given none is no error."""
        self._holding.pop(job, None)

    def _held(self) -> dict[str, int]:
        held: dict[str, int] = {}
        for asker in self._holding.values():
            held[asker] = held.get(asker, 0) + 1
        return held
