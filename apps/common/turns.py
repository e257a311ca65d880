"""Work in turns and in shares of the time: only so much of it in this process, or the rest of its work stands still."""

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")

#: Callers whose last turn is remembered; who is forgotten had it longest ago, and is taken for somebody new.
MOST_REMEMBERED = 1_000


class NoTurn(Exception):
    """None came free in time, or the places to wait are taken by those who come first."""

    def __init__(self, *, is_own: bool) -> None:
        super().__init__()
        #: Whether the caller's own other work takes the place, and not that of all.
        self.is_own = is_own


@dataclass(slots=True, eq=False)
class Piece:
    """Some work of a caller, from its coming to its end."""

    caller: str
    is_guest: bool
    is_at_work: bool = False
    #: Why it is sent away, once it is.
    refused: NoTurn | None = None

    @property
    def waits(self) -> bool:
        return not self.is_at_work and self.refused is None


class WaitingLine:
    """Who works, who waits and who is sent away; it is asked by one thread at a time.

    Nobody's second comes before anybody's first: not to work, and not to a place to wait. Of firsts people come before
    guests, and then whose last work ended longest ago. Whoever waits gives way to who comes before them.

    Parameters
    ----------
    at_once : int
        How many pieces of one caller's work are done at the same time.
    waiting : float
        How many more of one caller's may wait. Each holds a thread.
    at_once_of_all : float
        How many of all callers together are done at the same time.
    of_all : float
        How many of all callers together are done or wait; no fewer than are done.
    """

    def __init__(
        self, *, at_once: int, waiting: float = math.inf, at_once_of_all: float = math.inf, of_all: float = math.inf
    ) -> None:
        self.at_once, self.of_each = at_once, at_once + waiting
        self.at_once_of_all, self.of_all = at_once_of_all, of_all
        #: As they came.
        self.there: list[Piece] = []
        #: How many pieces had ended when a caller's last one did; longest ago first.
        self._ended: dict[str, int] = {}
        self._n_ended = 0

    def join(self, caller: str, *, is_guest: bool = False, may_wait: bool = True) -> Piece:
        """Some work comes; of what it finds no place for, the last in order is sent away: itself, or who waits."""
        piece = Piece(caller, is_guest)
        if len(self._of(caller)) >= (1 if is_guest else self.of_each):
            piece.refused = NoTurn(is_own=True)
            return piece
        self.there.append(piece)
        self._give_turns()
        if piece.waits and not may_wait:
            self.send_away(piece)
        elif len(self.there) > self.of_all:
            # Of equals the one that came last. As many as may work have places, so that one waits.
            self.send_away(max((each for each in reversed(self.there) if each.waits), key=self._claim))
        return piece

    def send_away(self, piece: Piece) -> None:
        """It has waited for too long, or others come first."""
        self.there.remove(piece)
        piece.refused = NoTurn(is_own=bool(self._of(piece.caller)))

    def end(self, piece: Piece) -> None:
        """The work is done, or has failed."""
        self.there.remove(piece)
        self._n_ended += 1
        self._ended.pop(piece.caller, None)
        self._ended[piece.caller] = self._n_ended
        if len(self._ended) > MOST_REMEMBERED:
            del self._ended[next(iter(self._ended))]
        self._give_turns()

    def at_work(self, caller: str | None = None) -> list[Piece]:
        """Of a caller, or of all."""
        return [each for each in (self.there if caller is None else self._of(caller)) if each.is_at_work]

    def _give_turns(self) -> None:
        while len(self.at_work()) < self.at_once_of_all:
            able = [each for each in self.there if each.waits and len(self.at_work(each.caller)) < self.at_once]
            if not able:
                return
            min(able, key=self._claim).is_at_work = True

    def _claim(self, piece: Piece) -> tuple[int, bool, int]:
        """The smaller, the sooner; of equals who came first."""
        return self._of(piece.caller).index(piece), piece.is_guest, self._ended.get(piece.caller, 0)

    def _of(self, caller: str) -> list[Piece]:
        return [each for each in self.there if each.caller == caller]


def within(seconds: float, items: Iterable[Item], *, clock: Callable[[], float] = time.monotonic) -> Iterator[Item]:
    """Items until the time is over, the first in any case: the rest has its turn next time."""
    until = clock() + seconds
    for item in items:
        yield item
        if clock() >= until:
            return


class MinuteShare:
    """So many seconds of any minute, in this process, for what waits for somebody outside: else others wait, too.

    Who begins within it may go beyond it, by what one piece takes.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds, self._clock = seconds, clock
        #: When each piece of the last minute ended, and how long it took.
        self._pieces: list[tuple[float, float]] = []

    @property
    def is_spent(self) -> bool:
        """Whether the next piece comes a minute later."""
        since = self._clock() - 60.0
        self._pieces = [piece for piece in self._pieces if piece[0] > since]
        return sum(took for _, took in self._pieces) >= self.seconds

    @contextmanager
    def spending(self) -> Iterator[None]:
        """One piece, however it ends."""
        began = self._clock()
        try:
            yield
        finally:
            self._pieces.append((self._clock(), self._clock() - began))


class DearWork:
    """A line for the threads of this process; who has a turn gives it back, and all end with the process."""

    def __init__(self, line: WaitingLine) -> None:
        self.line = line
        self._changed = threading.Condition()

    def take(self, caller: str = "", *, is_guest: bool = False, patience_seconds: float = 0.0) -> Piece:
        """Wait for a turn; raises `NoTurn`."""
        with self._changed:
            piece = self.line.join(caller, is_guest=is_guest, may_wait=patience_seconds > 0)
            # Somebody who waits may have been sent away.
            self._changed.notify_all()
            try:
                self._changed.wait_for(lambda: not piece.waits, patience_seconds)
            finally:
                if piece.waits:
                    self.line.send_away(piece)
            if piece.refused:
                raise piece.refused
            return piece

    def give_back(self, piece: Piece) -> None:
        """The work is done, or has failed."""
        with self._changed:
            self.line.end(piece)
            self._changed.notify_all()
