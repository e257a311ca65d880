"""gunicorn's threads, spared the waiting: a thread gets a request when all of it has arrived.

As it comes, gunicorn gives each new connection to a thread, which then waits for the client's bytes: as many silent or
dripping clients as there are threads stop the service (24 did, against 2 processes of 4 threads). Here the loop that
accepts connections gathers the bytes, for all clients at once, and a client that is too slow gets 408 and is gone.
"""

import json
import re
import selectors
import struct
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from socket import SHUT_RD, SO_SNDTIMEO, SOL_SOCKET
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

#: For the first line and the headers; what a phone on a bad line needs is below one second.
HEAD_SECONDS = 10.0
#: A body may take longer, at this pace at least: some 16 kB/s, less than any mobile network in use.
SLOWEST_BYTES_A_SECOND = 16_000
#: Four times what any browser sends; more is answered 431.
MOST_HEAD_BYTES = 64 * 1024
#: A body up to this is gathered whole; a larger one (an upload) is read by the thread, under the same deadline.
WHOLE_BODY_BYTES = 8 * 2**20
#: What unfinished requests of one process may hold together; beyond, the oldest go.
MOST_BYTES = 128 * 2**20
#: For a client to take more of an answer.
ANSWER_SECONDS = 30
_ANSWER_TIME = struct.pack("ll", ANSWER_SECONDS, 0)

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,18})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_CHUNKED = re.compile(rb"^transfer-encoding:[^\r\n]*chunked[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_EXPECTS = re.compile(rb"^expect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE | re.MULTILINE)
_LAST_CHUNK = re.compile(rb"(?:^|\r\n)0+(?:;[^\r\n]*)?\r\n(?:[^\r\n]+\r\n)*\r\n$")
#: Where the last chunk is looked for: its trailers are few.
_TAIL_BYTES = 1024
_RECEIVE_BYTES = 64 * 1024
_MOST_READS = 16


def _refusal(status: int, title: str, detail: str, code: str) -> bytes:
    """An answer with a problem document, as the application writes them."""
    problem = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}
    body = json.dumps(problem).encode()
    head = f"HTTP/1.1 {status} {title}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


TOO_SLOW = _refusal(
    408,
    "Request Timeout",
    f"The request did not arrive in time: headers within {HEAD_SECONDS:.0f} seconds, bodies at "
    f"{SLOWEST_BYTES_A_SECOND} bytes a second at least.",
    "request_timeout",
)
TOO_MUCH_HEAD = _refusal(
    431,
    "Request Header Fields Too Large",
    f"Headers hold {MOST_HEAD_BYTES} bytes at most.",
    "headers_too_large",
)


@dataclass(slots=True, eq=False)
class Arriving:
    """A request of which not everything is there."""

    conn: TConn
    deadline: float
    data: bytearray = field(default_factory=bytearray)
    #: Where the body begins and ends, once the headers are there; an end is unknown where chunks come.
    body_at: int | None = None
    ends_at: int | None = None

    @property
    def is_whole(self) -> bool:
        if self.body_at is None:
            return False
        if len(self.data) - self.body_at >= WHOLE_BODY_BYTES:
            return True
        if self.ends_at is not None:
            return len(self.data) >= self.ends_at
        return self._has_last_chunk

    @property
    def missing_bytes(self) -> int:
        """What a thread still has to read; where chunks come and have not ended, as much as was read."""
        if self.body_at is None or self._has_last_chunk:
            return 0
        return WHOLE_BODY_BYTES if self.ends_at is None else max(self.ends_at - len(self.data), 0)

    @property
    def _has_last_chunk(self) -> bool:
        if self.body_at is None or self.ends_at is not None:
            return False
        return _LAST_CHUNK.search(self.data[max(self.body_at - 2, len(self.data) - _TAIL_BYTES) :]) is not None

    def read_head(self, now: float) -> bool:
        """Look for the end of the headers; whether the client awaits leave to send the body."""
        found = self.data.find(_HEAD_END)
        if self.body_at is not None or found < 0:
            return False
        self.body_at = found + len(_HEAD_END)
        head = bytes(self.data[: self.body_at])
        length = _LENGTH.search(head)
        if length is None and not _CHUNKED.search(head):
            self.ends_at = self.body_at
            return False
        # Both at once is somebody's trick: gunicorn refuses it, and needs no body for that.
        size = int(length[1]) if length else WHOLE_BODY_BYTES
        self.ends_at = self.body_at + size if length else None
        self.deadline = now + HEAD_SECONDS + min(size, WHOLE_BODY_BYTES) / SLOWEST_BYTES_A_SECOND
        return bool(_EXPECTS.search(head)) and len(self.data) == self.body_at


class PatientWorker(ThreadWorker):  # type: ignore[misc] # it has no types
    """`gthread` whose threads never wait for a client's request."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Oldest first.
        self.arriving: dict[TConn, Arriving] = {}
        self.arriving_bytes = 0
        #: Until when a thread may read the rest of a large body.
        self.reading: dict[TConn, float] = {}

    def accept(self, listener: Any) -> None:
        """Take a connection, and wait for its request beside all others."""
        try:
            sock, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError, InterruptedError):
            return
        self.nr_conns += 1
        # At the limit the one that has kept us waiting longest goes: a healthy client is not among those.
        if self.nr_conns >= self.worker_connections and self.arriving:
            self._drop(next(iter(self.arriving.values())))
        self._await(TConn(self.cfg, sock, client, listener.getsockname()))

    def on_client_socket_readable(self, conn: TConn, client: Any) -> None:
        """The next request of a connection that was kept."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await(conn)

    def enqueue_req(self, conn: TConn) -> None:
        """What was read ahead of the next request is gathered on like any other."""
        if conn.parser is not None and (ahead := conn.parser.unreader.take_buffered()):
            conn.sock.setblocking(False)
            self._await(conn, ahead)
        else:
            super().enqueue_req(conn)

    def murder_keepalived(self, force: bool = False) -> None:
        """Every second: end what is over its time."""
        super().murder_keepalived(force)
        now = time.monotonic()
        for request in list(self.arriving.values()):
            # A server that stops waits for nobody who has not begun.
            if request.deadline <= now or force or not (self.alive or request.data):
                self._drop(request, TOO_SLOW)
        for conn in [conn for conn, deadline in self.reading.items() if deadline <= now]:
            del self.reading[conn]
            # The thread reads the end of the stream; if it has read all, nothing happens to the answer.
            with suppress(OSError):
                conn.sock.shutdown(SHUT_RD)

    def _await(self, conn: TConn, ahead: bytes = b"") -> None:
        request = self.arriving[conn] = Arriving(conn, time.monotonic() + HEAD_SECONDS)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_bytes, request))
        if ahead:
            self._take(request, ahead)

    def _on_bytes(self, request: Arriving, _sock: Any) -> None:
        try:
            data = request.conn.sock.recv(_RECEIVE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self._take(request, data)
        else:
            self._drop(request)

    def _take(self, request: Arriving, data: bytes) -> None:
        request.data += data
        self.arriving_bytes += len(data)
        if request.read_head(time.monotonic()):
            with suppress(OSError):
                request.conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if request.is_whole:
            self._hand_over(request)
        elif request.body_at is None and len(request.data) > MOST_HEAD_BYTES:
            self._drop(request, TOO_MUCH_HEAD)
        elif self.arriving_bytes > MOST_BYTES:
            self._drop(next(iter(self.arriving.values())))

    def _hand_over(self, request: Arriving) -> None:
        conn = request.conn
        self._forget(request)
        conn.init()
        # Leave to send the body was given already.
        conn.parser.unreader.unread(_EXPECTS.sub(b"", bytes(request.data), count=1))
        conn.data_ready = True
        # The thread makes the socket wait; not for ever, whatever the client does with the answer.
        conn.sock.setsockopt(SOL_SOCKET, SO_SNDTIMEO, _ANSWER_TIME)
        if request.missing_bytes:
            seconds = HEAD_SECONDS + request.missing_bytes / SLOWEST_BYTES_A_SECOND
            self.reading[conn] = time.monotonic() + seconds
        super().enqueue_req(conn)

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """The thread is done with the request, and with its body."""
        self.reading.pop(conn, None)
        super().finish_request(conn, fs)

    def _drop(self, request: Arriving, last_words: bytes = b"") -> None:
        self._forget(request)
        self.nr_conns -= 1
        # Whoever has sent nothing asks for nothing: browsers open connections ahead of need.
        if last_words and request.data:
            with suppress(OSError):
                request.conn.sock.send(last_words)
                # Closed over unread bytes, a connection is reset, and the client would not read why.
                for _ in range(_MOST_READS):
                    if not request.conn.sock.recv(_RECEIVE_BYTES):
                        break
        request.conn.close()

    def _forget(self, request: Arriving) -> None:
        self.arriving.pop(request.conn, None)
        self.arriving_bytes -= len(request.data)
        with suppress(KeyError, ValueError, OSError):
            self.poller.unregister(request.conn.sock)
