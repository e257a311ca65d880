"""Exchanges that end in time: a timeout of a socket begins anew with every byte."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

#: The deadline of what each thread says just now.
_PRESENT = threading.local()


@dataclass(slots=True)
class Deadline:
    """Ends what this thread says over a connection, from its handshake to the last byte, after some seconds."""

    #: Whether what was said was ended; then what was read may be cut off without a fault.
    is_over: bool = False
    #: Of its own on the same connection: TLS itself would say goodbye first, to somebody who does not listen.
    _handle: socket.socket | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """All that is said inside, over new connections and those of before."""
        self.is_over = False
        timer = threading.Timer(seconds, self._end)
        timer.daemon = True
        timer.start()
        _PRESENT.deadline = self
        try:
            yield
        finally:
            _PRESENT.deadline = None
            timer.cancel()
            timer.join()
            self._let_go()

    def hold(self, connected: socket.socket) -> None:
        """Speak over this connection from now on."""
        self._let_go()
        handle = socket.fromfd(connected.fileno(), connected.family, connected.type)
        with self._lock:
            self._handle = handle
            is_late = self.is_over
        if is_late:
            self._end()

    def _let_go(self) -> None:
        with self._lock:
            handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            if self._handle is not None:
                with contextlib.suppress(OSError):  # the other side was faster
                    self._handle.shutdown(socket.SHUT_RDWR)


class Ending:
    """A connection of urllib3 that tells the present deadline of itself; stands before the class it is mixed into."""

    sock: Any

    def _new_conn(self) -> socket.socket:
        """Connected, and no TLS spoken yet."""
        made: socket.socket = super()._new_conn()  # type: ignore[misc]
        _held(made)
        return made

    def request(self, *args: Any, **options: Any) -> None:
        """Over a connection that was kept, too."""
        if self.sock is not None:
            _held(self.sock)
        super().request(*args, **options)  # type: ignore[misc]


def _held(connected: socket.socket) -> None:
    deadline: Deadline | None = getattr(_PRESENT, "deadline", None)
    if deadline is not None and connected.fileno() >= 0:
        deadline.hold(connected)
