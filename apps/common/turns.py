"""Dear work in turns: only so much of it at a time in this process, or the rest of its work stands still."""

import math
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class NoTurn(Exception):
    """None came free in time, or as many wait as may."""

    def __init__(self, *, is_own: bool) -> None:
        super().__init__()
        #: Whether it is the caller's own work that takes the place, and not that of all.
        self.is_own = is_own


class DearWork:
    """Places of this process; who holds one gives it back, and all end with the process.

    Parameters
    ----------
    at_once : int
        How many pieces of one caller's work are done at the same time.
    waiting : float
        How many more of one caller's may wait. Each holds a thread.
    of_all : float
        How many of all callers together are done or wait.
    """

    def __init__(self, *, at_once: int, waiting: float = math.inf, of_all: float = math.inf) -> None:
        self.at_once, self.of_each, self.of_all = at_once, at_once + waiting, of_all
        self._changed = threading.Condition()
        #: By caller; those that are there are at work or wait.
        self._at_work, self._there = Counter[str](), Counter[str]()

    def take(self, caller: str = "", *, patience_seconds: float = 0.0) -> None:
        """Wait for a turn; raises `NoTurn`."""
        with self._changed:
            if self._there[caller] >= self.of_each or self._there.total() >= self.of_all:
                raise NoTurn(is_own=self._there[caller] >= self.of_each)
            self._there[caller] += 1
            has_turn = False
            try:
                has_turn = self._changed.wait_for(lambda: self._at_work[caller] < self.at_once, patience_seconds)
            finally:
                # `-=` of counters keeps no zeros: who has left is forgotten.
                if has_turn:
                    self._at_work[caller] += 1
                else:
                    self._there -= Counter([caller])
            if not has_turn:
                raise NoTurn(is_own=True)

    def give_back(self, caller: str = "") -> None:
        """The work is done, or has failed."""
        with self._changed:
            self._at_work -= Counter([caller])
            self._there -= Counter([caller])
            self._changed.notify_all()

    @contextmanager
    def turn(self, caller: str = "", *, patience_seconds: float = 0.0) -> Iterator[None]:
        """A place for as long as some work takes."""
        self.take(caller, patience_seconds=patience_seconds)
        try:
            yield
        finally:
            self.give_back(caller)
