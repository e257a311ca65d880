"""Connections of which every exchange ends in time: a timeout of a socket begins anew with every byte."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection


@dataclass(slots=True)
class Deadline:
    """Ends what is said over the one connection of a pool, from its handshake to the last byte, after some seconds."""

    #: Whether the present exchange was ended; then what was read may be cut off without a fault.
    is_over: bool = False
    _connection: HTTPConnection | None = None
    #: Of its own on the same connection: TLS itself would say goodbye first, to somebody who does not listen.
    _handle: socket.socket | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """One exchange, over a new connection or the one of before."""
        self.is_over = False
        kept = self._connection.sock if self._connection is not None else None
        if kept is not None and kept.fileno() >= 0:
            self._hold(kept)
        timer = threading.Timer(seconds, self._end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
            self._let_go()

    def begins(self, connection: HTTPConnection, raw: socket.socket) -> socket.socket:
        """A connection is made, and speaks no TLS yet."""
        self._connection = connection
        self._hold(raw)
        return raw

    def _hold(self, connected: socket.socket) -> None:
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


class EndingConnection(HTTPConnection):
    """Tells its deadline when it is made."""

    def __init__(self, *args: Any, deadline: Deadline, **options: Any) -> None:
        super().__init__(*args, **options)
        self._deadline = deadline

    def _new_conn(self) -> socket.socket:
        return self._deadline.begins(self, super()._new_conn())


class EndingTlsConnection(HTTPSConnection):
    """Likewise, before its handshake."""

    def __init__(self, *args: Any, deadline: Deadline, **options: Any) -> None:
        super().__init__(*args, **options)
        self._deadline = deadline

    def _new_conn(self) -> socket.socket:
        return self._deadline.begins(self, super()._new_conn())


class EndingPool(urllib3.HTTPConnectionPool):
    """Makes such connections; takes the deadline as `deadline=`."""

    ConnectionCls = EndingConnection


class EndingTlsPool(urllib3.HTTPSConnectionPool):
    """Likewise, over TLS."""

    ConnectionCls = EndingTlsConnection
