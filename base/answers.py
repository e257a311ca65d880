"""Answers on their way out: what a client does not take at once waits in the loop of all, and holds no thread.

A thread that sends waits for as long as the client likes: of an answer of megabytes a client that takes a few kilobytes
a second held one for minutes, and each time it took something, a limit on waiting began anew.
"""

import socket
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from base.lines import holds_too_much

#: For a client that takes nothing at all.
IDLE_SECONDS = 30.0
#: What is sent of one answer before others get their turn.
_SEND_BYTES, _MOST_SENDS = 256 * 1024, 4


class ClientSocket(socket.socket):
    """A connection of whose answers all that is not taken at once is left for later, whoever sends: it never waits."""

    #: In pieces, as they were written.
    left: deque[memoryview]
    n_left = 0

    @classmethod
    def of(cls, accepted: socket.socket) -> "ClientSocket":
        """The same connection; the one that was accepted is none any more."""
        client = cls(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        client.left = deque()
        super(ClientSocket, client).setblocking(False)
        return client

    def setblocking(self, flag: bool, /) -> None:
        """It stays as it is: a thread of gunicorn's that would wait for the client gets an error in place of that."""

    def settimeout(self, value: float | None, /) -> None:
        """The same."""

    def send(self, data: Any, flags: int = 0, /) -> int:
        """All of it, as far as the caller has to know."""
        self.sendall(data, flags)
        return memoryview(data).nbytes

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send what is taken now, keep the rest; raises `OSError` where nobody is there any more."""
        rest = memoryview(data).cast("B")
        if not self.left:
            rest = rest[self._sent(rest) :]
        if rest:
            self.left.append(rest)
            self.n_left += len(rest)

    def send_left(self) -> bool:
        """Send some of what is left; whether anything was taken."""
        before = self.n_left
        for _ in range(_MOST_SENDS):
            if not self.left:
                break
            piece = self.left.popleft()
            n_sent = self._sent(piece[:_SEND_BYTES])
            self.n_left -= n_sent
            if n_sent < len(piece):
                self.left.appendleft(piece[n_sent:])
            if n_sent < min(len(piece), _SEND_BYTES):
                break
        return self.n_left < before

    def _sent(self, data: memoryview) -> int:
        try:
            return super().send(data)
        except (BlockingIOError, InterruptedError):
            return 0


@dataclass(slots=True, eq=False)
class Leaving:
    """An answer of which not everything was taken."""

    #: gunicorn's connection, and what became of the request.
    conn: Any
    done: Any
    #: When it must have been taken as a whole, and when more of it.
    deadline: float
    idle_until: float

    @property
    def sock(self) -> ClientSocket:
        found: ClientSocket = self.conn.sock
        return found

    def send(self, now: float) -> None:
        """Send some; raises `OSError` where nobody is there any more."""
        if self.sock.send_left():
            self.idle_until = now + IDLE_SECONDS

    def is_too_slow(self, now: float) -> bool:
        """Whether the client has taken nothing for long, or too little in all."""
        return now >= min(self.deadline, self.idle_until)


def too_many(leaving: Iterable[Leaving], *, of_each: int, of_all: int) -> Leaving | None:
    """One to be given up where answers hold more bytes than this: the last of who holds most."""
    held: dict[str, int] = {}
    last: dict[str, Leaving] = {}
    for each in leaving:
        held[each.conn.asking.name] = held.get(each.conn.asking.name, 0) + each.sock.n_left
        last[each.conn.asking.name] = each
    most = holds_too_much(held, of_each=of_each, of_all=of_all)
    return None if most is None else last[most]
