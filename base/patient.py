"""gunicorn's threads, spared the waiting: a thread gets a request when all of it has arrived.

As it comes, gunicorn gives each new connection to a thread, which then waits for the client's bytes: as many silent or
dripping clients as there are threads stop the service (24 did, against 2 processes of 4 threads). Here the loop that
accepts connections gathers the bytes, for all clients at once, and a client that is too slow gets 408 and is gone.
What a thread is given is all that it will ever read: however a request was written, no thread asks the client for more.
What of an answer is not taken at once goes out from the loop, too (`base/answers.py`). Threads are dealt to askers
(`base/lines.py`), so that nobody's requests fill them all.

Connections are dealt evenly between the processes (`base/dealing.py`), and those that are kept end after some requests,
so that they are dealt again.
"""

import errno
import math
import selectors
import time
from contextlib import suppress
from functools import partial
from socket import SHUT_WR
from typing import Any

from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from apps.common.api.askers import ASKERS
from base import arriving
from base.answers import IDLE_SECONDS, ClientSocket, Leaving, too_many
from base.arriving import CONTINUE, RECEIVE_BYTES, STOPPING, TOO_MUCH_HEAD, TOO_MUCH_WAITS, TOO_SLOW, Arriving
from base.asking import Asking, asking
from base.dealing import Shares
from base.lines import Lines
from base.refusals import refusal_of

#: What unfinished requests of one process may hold together; beyond, the oldest go. Whole ones that wait for a thread
#: may hold as much, of one asker half: one file of the largest. So may answers that wait for their clients.
MOST_BYTES = 128 * 2**20
#: Answers on one connection; the last one says that it ends, and the client opens the next where there is more room.
#: Apache's default; the handshake is a hundredth of a request's.
MOST_ANSWERS = 100
#: Before a process that stops is ended, with which it tells those that still wait: ask again.
LAST_WORDS_SECONDS = 3.0
#: What a process with fewer connections is given to take a new one. It is awake by then, unless it is very busy.
LEFT_SECONDS = _LOOK_SECONDS = 0.01

_MOST_READS = 16
_TOLD_EVERY_SECONDS = 60.0
#: What `accept` says of a client that is gone, or whose network is (accept(2)), and where the system has no room.
_GONE = frozenset({
    errno.EAGAIN, errno.EINTR, errno.ECONNABORTED, errno.ECONNRESET, errno.EPERM, errno.EPROTO, errno.ENOPROTOOPT,
    errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENONET, errno.EOPNOTSUPP,
    errno.ETIMEDOUT,
})  # fmt: skip
_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Connection(TConn):  # type: ignore[misc] # it has no types
    """A connection that ends without waiting for the client: gunicorn lingers two seconds, in the loop of all."""

    #: Requests that were answered on it, or are about to be.
    n_asked = 0
    #: Whose the one is that is being answered.
    asking = Asking(b"", "")

    def __init__(self, cfg: Any, sock: Any, client: Any, server: Any) -> None:
        super().__init__(cfg, ClientSocket.of(sock), client, server)

    def close(self, graceful: bool = False) -> None:
        if graceful:
            with suppress(OSError):
                self.sock.shutdown(SHUT_WR)
                _discard(self.sock)
        super().close()


def _discard(sock: Any) -> None:
    """Take what has come: closed over unread bytes, a connection is reset, and the client would not read its answer."""
    for _ in range(_MOST_READS):
        if not sock.recv(RECEIVE_BYTES):
            break


#: This module is loaded before the processes are forked.
SHARES = Shares()


class PatientWorker(ThreadWorker):  # type: ignore[misc] # it has no types
    """`gthread` whose threads never wait for a client."""

    #: Whether a proxy of ours says where requests come from.
    is_behind_proxy = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: What it listens on.
        self.sockets: list[Any]
        #: Oldest first.
        self.arriving: dict[TConn, Arriving] = {}
        self.arriving_bytes = 0
        self.lines: Lines[Connection] = Lines(self.cfg.threads)
        #: How much was known of who asks when jobs were put in lines.
        self.n_learned = 0
        #: Longest on its way first.
        self.leaving: dict[TConn, Leaving] = {}
        #: What was sent behind a request that is being answered.
        self.ahead: dict[TConn, bytes] = {}
        #: Until when new connections are left to others.
        self.left_until = -math.inf
        #: When a process that stops sends away what it will not come to.
        self.last_words_at = math.inf
        #: When a process that stops noticed that it shall.
        self.stopped_at = math.inf
        #: When it was last told that there is no room.
        self.lack_told_at = -math.inf

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Say how much there is to do, and look again soon while connections are left to others."""
        now = time.monotonic()
        SHARES.tell(self.age, self.nr_conns, now=now)
        if self.left_until > now and not SHARES.others_have_fewer(self.age, self.nr_conns, now=now):
            self.left_until = -math.inf
        wait_seconds = _LOOK_SECONDS if self.left_until > now else timeout
        # The loop has decided before whether to listen: whoever waits long listens, or clients would wait as long.
        if self.alive:
            self.set_accept_enabled(self.nr_conns < self.worker_connections)
        super().wait_for_and_dispatch_events(wait_seconds)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Not while others are given their time."""
        super().set_accept_enabled(enabled and self.left_until <= time.monotonic())
        if not self.alive:
            self._close_doors()

    def _close_doors(self) -> None:
        """Whoever is there is answered; who comes later is refused at once, and asks another server or once more.

        gunicorn keeps what it listens on until the process ends: the system would let clients in, whom nobody hears.
        """
        for listener in self.sockets:
            for _ in range(self.worker_connections):
                if not self._accept(listener):
                    break
            listener.close()
        self.sockets = []

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
        if not self._leaves_it():
            self._accept(listener)

    def _accept(self, listener: Any) -> bool:
        """Whether there was one."""
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno in _NO_ROOM:
                self._lack_room(error)
            elif error.errno not in _GONE:
                raise
            return False
        self.nr_conns += 1
        SHARES.tell(self.age, self.nr_conns, now=time.monotonic())
        if self.nr_conns >= self.worker_connections:
            self._make_room()
        self._await(Connection(self.cfg, sock, client, listener.getsockname()))
        return True

    def _lack_room(self, error: OSError) -> None:
        """Whoever goes leaves a file for the next one; where nobody can, threads are given the time to."""
        now = time.monotonic()
        if now >= self.lack_told_at + _TOLD_EVERY_SECONDS:
            self.lack_told_at = now
            self.log.warning("There is no room for another connection, the oldest goes: %s", error.strerror)
        if not self._make_room():
            time.sleep(_LOOK_SECONDS)

    def _make_room(self) -> bool:
        """At the limit one connection goes, if any can: the process would take none any more, whoever comes.

        One that is only kept, since its client asks on another; else whoever has kept us waiting longest, for a healthy
        client is not among those; else of whoever holds most.
        """
        if self.keepalived_conns:
            conn = self.keepalived_conns.popleft()
            self.poller.unregister(conn.sock)
            self.nr_conns -= 1
            conn.close()
        elif self.arriving:
            self._drop(next(iter(self.arriving.values())))
        elif answer := too_many(self.leaving.values(), of_each=0, of_all=0):
            self._give_up(answer)
        elif (late := self.lines.too_many(of_each=0, of_all=0)) is not None:
            self._send_away(late, TOO_MUCH_WAITS)
        else:
            return False
        return True

    def on_client_socket_readable(self, conn: TConn, client: Any) -> None:
        """The next request of a connection that was kept."""
        if conn not in self.keepalived_conns:
            # Closed to make room in the same moment.
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await(conn)

    def enqueue_req(self, conn: TConn) -> None:
        """What was read ahead of the next request is gathered on like any other."""
        if conn.parser is not None and (ahead := conn.parser.unreader.take_buffered()):
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
        if not self.alive:
            self.last_words_at = min(self.last_words_at, now + self.cfg.graceful_timeout - LAST_WORDS_SECONDS)
            self.stopped_at = min(self.stopped_at, now)
        if force or now >= self.last_words_at:
            for late in self.lines.send_all_away():
                self._send_away(late, STOPPING)
        for request in list(self.arriving.values()):
            # For who has not begun a server that stops waits as long as gunicorn does where a connection is kept: what
            # was sent before anybody could know of the stop is read yet, also of whoever was answered after it.
            heard_until = max(self.stopped_at, request.begun_at) + STOP_KEEPALIVE_LINGER
            if request.deadline <= now or force or (now >= heard_until and not request.data):
                self._drop(request, TOO_SLOW)
        for answer in list(self.leaving.values()):
            if force or answer.is_too_slow(now):
                self._give_up(answer)

    def _await(self, conn: TConn, ahead: bytes = b"") -> None:
        now = time.monotonic()
        request = self.arriving[conn] = Arriving(conn, now, now + arriving.HEAD_SECONDS)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_bytes, request))
        if ahead:
            self._take(request, ahead)

    def _on_bytes(self, request: Arriving, _sock: Any) -> None:
        if self.arriving.get(request.conn) is not request:
            # Dropped for another one that was heard of in the same moment.
            return
        try:
            data = request.conn.sock.recv(RECEIVE_BYTES)
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
        elif request.body_at is None and len(request.data) > arriving.MOST_HEAD_BYTES:
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
        conn.asking = asking(head, conn.client[0] if conn.client else "", is_behind_proxy=self.is_behind_proxy)
        self.lines.add(conn.asking.name, conn, len(request.data))
        self._deal()
        while (late := self.lines.too_many(of_each=MOST_BYTES // 2, of_all=MOST_BYTES)) is not None:
            self._send_away(late, TOO_MUCH_WAITS)

    def _send_away(self, conn: TConn, last_words: bytes) -> None:
        """A whole request that waits in vain."""
        self.ahead.pop(conn, None)
        self.nr_conns -= 1
        with suppress(OSError):
            conn.sock.send(last_words)
        conn.close(graceful=True)

    def _deal(self) -> None:
        """Threads that are free to those whose turn it is."""
        # Whoever shows something new is known once the first request with it is looked at, and the rest are theirs.
        if self.n_learned != ASKERS.n_learned:
            self.n_learned = ASKERS.n_learned
            self.lines.name_again(lambda conn: conn.asking.name)
        while (conn := self.lines.next()) is not None:
            super().enqueue_req(conn)

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """After so many answers the connection ends, unless the client has sent more already."""
        conn.n_asked += 1
        if conn.n_asked >= MOST_ANSWERS and not self.ahead.get(conn):
            req.force_close()
        return super().handle_request(req, conn)

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """The thread is done with the request: what the client has not taken of the answer leaves beside all others."""
        self.lines.end(conn)
        if conn.sock.left:
            self._let_leave(conn, fs)
        else:
            self._finish(conn, fs)
        self._deal()

    def _finish(self, conn: TConn, fs: Any) -> None:
        """The answer was taken: the next request may be here already."""
        if ahead := self.ahead.pop(conn, b""):
            conn.parser.unreader.unread(ahead)
        super().finish_request(conn, fs)

    def _let_leave(self, conn: TConn, fs: Any) -> None:
        now = time.monotonic()
        deadline = now + arriving.HEAD_SECONDS + conn.sock.n_left / arriving.SLOWEST_BYTES_A_SECOND
        answer = self.leaving[conn] = Leaving(conn, fs, deadline, now + IDLE_SECONDS)
        self.poller.register(conn.sock, selectors.EVENT_WRITE, partial(self._on_room, answer))
        while (late := too_many(self.leaving.values(), of_each=MOST_BYTES // 2, of_all=MOST_BYTES)) is not None:
            self._give_up(late)

    def _on_room(self, answer: Leaving, sock: Any) -> None:
        if self.leaving.get(answer.conn) is not answer:
            # Given up for another one that was heard of in the same moment.
            return
        try:
            answer.send(time.monotonic())
        except OSError:
            self._give_up(answer)
            return
        if not sock.left:
            self.poller.unregister(sock)
            del self.leaving[answer.conn]
            self._finish(answer.conn, answer.done)

    def _give_up(self, answer: Leaving) -> None:
        """A client that is too slow, or gone, or of which too much is kept."""
        del self.leaving[answer.conn]
        self.ahead.pop(answer.conn, None)
        self.nr_conns -= 1
        with suppress(KeyError, ValueError, OSError):
            self.poller.unregister(answer.conn.sock)
        answer.conn.close()

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
