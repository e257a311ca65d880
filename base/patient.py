"""gunicorn's threads, spared the waiting: a thread gets a request when all of it has arrived.

As it comes, gunicorn gives each new connection to a thread, which then waits for the client's bytes: as many silent or
dripping clients as there are threads stop the service (24 did, against 2 processes of 4 threads). Here the loop that
accepts connections gathers the bytes, for all clients at once, and a client that is too slow gets 408 and is gone.
What a thread is given is all that it will ever read: however a request was written, no thread asks the client for more.
Threads are dealt to askers (`base/lines.py`), so that nobody's requests fill them all.

Connections are dealt evenly between the processes (`base/dealing.py`), and those that are kept end after some requests,
so that they are dealt again.
"""

import math
import re
import selectors
import struct
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from socket import SHUT_WR, SO_SNDTIMEO, SOL_SOCKET
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from apps.common.api.askers import ASKERS, network_of, shown_by
from apps.common.uploads import LONGEST_BODY_BYTES, LONGEST_UPLOAD_BYTES, longest_body
from base.dealing import Shares
from base.lines import Lines
from base.refusals import refusal, refusal_of

#: For the first line and the headers; what a phone on a bad line needs is below one second.
HEAD_SECONDS = 10.0
#: A body may take longer, at this pace at least: some 16 kB/s, less than any mobile network in use.
SLOWEST_BYTES_A_SECOND = 16_000
#: Four times what any browser sends; more is answered 431.
MOST_HEAD_BYTES = 64 * 1024
#: What unfinished requests of one process may hold together; beyond, the oldest go. Whole ones that wait for a thread
#: may hold as much, of one asker half: one file of the largest.
MOST_BYTES = 128 * 2**20
#: For a client to take more of an answer.
ANSWER_SECONDS = 30
#: Answers on one connection; the last one says that it ends, and the client opens the next where there is more room.
#: Apache's default; the handshake is a hundredth of a request's.
MOST_ANSWERS = 100
#: What a process with fewer connections is given to take a new one. It is awake by then, unless it is very busy.
LEFT_SECONDS = _LOOK_SECONDS = 0.01
_ANSWER_TIME = struct.pack("ll", ANSWER_SECONDS, 0)

_HEAD_END = b"\r\n\r\n"
# Zeros in front make a number no larger; what is no length for us has no body, and gunicorn refuses it.
_LENGTH = re.compile(rb"^content-length:[ \t]*0*(\d{1,18})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
# With a space before the colon it is refused by gunicorn; nothing is gathered for it.
_ENCODED = re.compile(rb"^transfer-encoding[ \t]*:", re.IGNORECASE | re.MULTILINE)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_EXPECTS = re.compile(rb"^expect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE | re.MULTILINE)
#: What tells whose a request is.
_SHOWN = re.compile(rb"^(authorization|cookie|x-forwarded-for):([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_SESSION = re.compile(r"(?:^|;)[ \t]*sessionid=([^;]*)")
_RECEIVE_BYTES = 64 * 1024
_MOST_READS = 16


TOO_SLOW = refusal(
    408,
    "Request Timeout",
    f"The request did not arrive in time: headers within {HEAD_SECONDS:.0f} seconds, bodies at "
    f"{SLOWEST_BYTES_A_SECOND} bytes a second at least.",
    "request_timeout",
)
TOO_MUCH_HEAD = refusal(
    431,
    "Request Header Fields Too Large",
    f"Headers hold {MOST_HEAD_BYTES} bytes at most.",
    "headers_too_large",
)
TOO_MUCH_BODY = refusal(
    413,
    "Payload Too Large",
    f"The body is larger than {LONGEST_BODY_BYTES} bytes, or {LONGEST_UPLOAD_BYTES} where files are taken.",
    "payload_too_large",
)
#: The application reads no chunks: a request without a length has no body for it.
NO_LENGTH = refusal(
    411,
    "Length Required",
    "Send the body whole, with its Content-Length and without Transfer-Encoding.",
    "length_required",
)


#: Of one asker, or of all together.
TOO_MUCH_WAITS = refusal(
    503,
    "Service Unavailable",
    "Requests that wait to be answered hold too much already, yours or everybody's. Ask one after the other, later.",
    "busy",
).replace(b"Connection: close", b"Connection: close\r\nRetry-After: 5")


def _path_of(head: bytes) -> str:
    """Of the first line, without question and host."""
    target = head.partition(b" ")[2].partition(b" ")[0].partition(b"?")[0].decode("latin-1")
    # Not by urllib, which raises at a host that is none.
    return f"/{target.split('/', 3)[-1]}" if target.startswith(("http://", "https://")) else target


@dataclass(slots=True, eq=False)
class Arriving:
    """A request of which not everything is there."""

    conn: TConn
    deadline: float
    data: bytearray = field(default_factory=bytearray)
    #: Where the body begins and ends, once the headers are there.
    body_at: int | None = None
    ends_at: int = 0

    @property
    def is_whole(self) -> bool:
        return self.body_at is not None and len(self.data) >= self.ends_at

    def read_head(self, now: float) -> bytes:
        """Look for the end of the headers; what the client is told at once: to send the body, or why not to."""
        found = self.data.find(_HEAD_END)
        if self.body_at is not None or found < 0:
            return b""
        self.body_at = found + len(_HEAD_END)
        head = bytes(self.data[: self.body_at])
        if _ENCODED.search(head):
            return NO_LENGTH
        length = _LENGTH.search(head)
        size = int(length[1]) if length else 0
        # What is answered 413 is not gathered first: only where files are taken a body may be large.
        if size > longest_body(_path_of(head)):
            return TOO_MUCH_BODY
        self.ends_at = self.body_at + size
        self.deadline = now + HEAD_SECONDS + size / SLOWEST_BYTES_A_SECOND
        return CONTINUE if size and _EXPECTS.search(head) and len(self.data) == self.body_at else b""

    def handed_over(self) -> "tuple[bytes, Rest, bytes]":
        """The headers without what was answered already, the body, and what was sent ahead of the next request."""
        head, body = bytes(self.data[: self.body_at]), memoryview(self.data)[self.body_at : self.ends_at]
        return _EXPECTS.sub(b"", head, count=1), Rest(body), bytes(self.data[self.ends_at :])


class Rest:
    """What gunicorn reads in place of the socket: the body that has arrived, and then the end."""

    def __init__(self, body: memoryview) -> None:
        self._body, self._at = body, 0

    def __call__(self, size_hint: int | None = None) -> bytes:
        # Never all that is left, which is what is hinted at: gunicorn copies its rest for each piece that is read.
        piece = bytes(self._body[self._at : self._at + min(size_hint or _RECEIVE_BYTES, _RECEIVE_BYTES)])
        self._at += len(piece)
        return piece


class Connection(TConn):  # type: ignore[misc] # it has no types
    """A connection that ends without waiting for the client: gunicorn lingers two seconds, in the loop of all."""

    #: Requests that were answered on it, or are about to be.
    n_asked = 0

    def close(self, graceful: bool = False) -> None:
        if graceful:
            with suppress(OSError):
                self.sock.setblocking(False)
                self.sock.shutdown(SHUT_WR)
                _discard(self.sock)
        super().close()


def _discard(sock: Any) -> None:
    """Take what has come: closed over unread bytes, a connection is reset, and the client would not read its answer."""
    for _ in range(_MOST_READS):
        if not sock.recv(_RECEIVE_BYTES):
            break


#: This module is loaded before the processes are forked.
SHARES = Shares()


class PatientWorker(ThreadWorker):  # type: ignore[misc] # it has no types
    """`gthread` whose threads never wait for a client's request."""

    #: Whether a proxy of ours says where requests come from.
    is_behind_proxy = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Oldest first.
        self.arriving: dict[TConn, Arriving] = {}
        self.lines: Lines[TConn] = Lines(self.cfg.threads)
        self.arriving_bytes = 0
        #: What was sent behind a request that is being answered.
        self.ahead: dict[TConn, bytes] = {}
        #: Until when new connections are left to others.
        self.left_until = -math.inf

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Say how much there is to do, and look again soon while connections are left to others."""
        now = time.monotonic()
        SHARES.tell(self.age, self.nr_conns, now=now)
        if self.left_until > now and not SHARES.others_have_fewer(self.age, self.nr_conns, now=now):
            self.left_until = -math.inf
        super().wait_for_and_dispatch_events(_LOOK_SECONDS if self.left_until > now else timeout)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Not while others are given their time."""
        super().set_accept_enabled(enabled and self.left_until <= time.monotonic())

    def _leaves_it(self) -> bool:
        """Whether a process with fewer connections shall take the next one; what is still there then is taken."""
        now = time.monotonic()
        if now < self.left_until + LEFT_SECONDS or not SHARES.others_have_fewer(self.age, self.nr_conns, now=now):
            return False
        self.left_until = now + LEFT_SECONDS
        self.set_accept_enabled(False)
        return True

    def accept(self, listener: Any) -> None:
        """Take a connection, and wait for its request beside all others."""
        if self._leaves_it():
            return
        try:
            sock, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError, InterruptedError):
            return
        self.nr_conns += 1
        SHARES.tell(self.age, self.nr_conns, now=time.monotonic())
        # At the limit the one that has kept us waiting longest goes: a healthy client is not among those.
        if self.nr_conns >= self.worker_connections and self.arriving:
            self._drop(next(iter(self.arriving.values())))
        self._await(Connection(self.cfg, sock, client, listener.getsockname()))

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

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """gunicorn's own refusals as problem documents, as all others are."""
        status, answer = refusal_of(exc)
        if status == 500:
            self.log.error("A request failed outside of the application", exc_info=exc)
        else:
            self.log.info("A request was refused: %s", type(exc).__name__)
        with suppress(OSError):
            client.sendall(answer)

    def murder_keepalived(self, force: bool = False) -> None:
        """Every second: end what is over its time."""
        super().murder_keepalived(force)
        now = time.monotonic()
        for request in list(self.arriving.values()):
            # A server that stops waits for nobody who has not begun.
            if request.deadline <= now or force or not (self.alive or request.data):
                self._drop(request, TOO_SLOW)

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
        if not data:
            self._drop(request)
            return
        try:
            self._take(request, data)
        except Exception:
            # The loop is everybody's: what one request does to it ends that request.
            self.log.exception("A request could not be read")
            self._drop(request)

    def _take(self, request: Arriving, data: bytes) -> None:
        request.data += data
        self.arriving_bytes += len(data)
        answer = request.read_head(time.monotonic())
        if answer and answer != CONTINUE:
            self._drop(request, answer)
            return
        if answer:
            with suppress(OSError):
                request.conn.sock.send(answer)
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
        head, body, self.ahead[conn] = request.handed_over()
        conn.parser.unreader.unread(head)
        conn.parser.unreader.chunk = body
        conn.data_ready = True
        # The thread makes the socket wait; not for ever, whatever the client does with the answer.
        conn.sock.setsockopt(SOL_SOCKET, SO_SNDTIMEO, _ANSWER_TIME)
        self.lines.add(self._asker(head, conn), conn, len(request.data))
        self._deal()
        while (late := self.lines.too_many(of_each=MOST_BYTES // 2, of_all=MOST_BYTES)) is not None:
            self._send_away(late)

    def _send_away(self, conn: TConn) -> None:
        """A whole request for which there is no room to wait."""
        self.ahead.pop(conn, None)
        self.nr_conns -= 1
        with suppress(OSError):
            conn.sock.setblocking(False)
            conn.sock.send(TOO_MUCH_WAITS)
        conn.close(graceful=True)

    def _asker(self, head: bytes, conn: TConn) -> str:
        """Whose request it is, as far as that is known; else where it comes from."""
        fields = {name.lower(): value.decode("latin-1").strip() for name, value in _SHOWN.findall(head)}
        session = _SESSION.search(fields.get(b"cookie", ""))
        shown = shown_by(fields.get(b"authorization", ""), session[1] if session else "")
        person: str = ASKERS.known(shown)
        if person:
            return person
        forwarded = fields.get(b"x-forwarded-for", "").rpartition(",")[2] if self.is_behind_proxy else ""
        where = network_of(forwarded, conn.client[0] if conn.client else "")
        # Whoever shows what is not known keeps nobody waiting who shows nothing: log-ins and probes.
        return f"unknown {where}" if shown else where

    def _deal(self) -> None:
        """Threads that are free to those whose turn it is."""
        while (conn := self.lines.next()) is not None:
            super().enqueue_req(conn)

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """After so many answers the connection ends, unless the client has sent more already."""
        conn.n_asked += 1
        if conn.n_asked >= MOST_ANSWERS and not self.ahead.get(conn):
            req.force_close()
        return super().handle_request(req, conn)

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """The thread is done with the request: the next one may be here already."""
        if ahead := self.ahead.pop(conn, b""):
            conn.parser.unreader.unread(ahead)
        self.lines.end(conn)
        super().finish_request(conn, fs)
        self._deal()

    def _drop(self, request: Arriving, last_words: bytes = b"") -> None:
        self._forget(request)
        self.nr_conns -= 1
        # Whoever has sent nothing asks for nothing: browsers open connections ahead of need.
        if last_words and request.data:
            with suppress(OSError):
                request.conn.sock.send(last_words)
                _discard(request.conn.sock)
        request.conn.close()

    def _forget(self, request: Arriving) -> None:
        self.arriving.pop(request.conn, None)
        self.arriving_bytes -= len(request.data)
        with suppress(KeyError, ValueError, OSError):
            self.poller.unregister(request.conn.sock)
