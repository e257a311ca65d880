"""One question to another host and its answer, within a time: from the connection to the last byte that is read."""

import contextlib
import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from apps.common.addresses import UrlParts
from apps.common.operations.deadlines import Deadline

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: A name may have many addresses; the third that does not answer is enough.
MOST_ADDRESSES = 3
#: What a connection that breaks, or an answer that is not HTTP, raises.
FAULTS = (http.client.HTTPException, OSError)
#: The size of a chunk as HTTP writes it (RFC 9112, section 7.1); some servers fill it up with blanks.
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(;[^\r\n]*)?\r?\n")
_MOST_SIZE_LINE_BYTES = 4096
#: As the library has of headers.
_MOST_TRAILERS, _MOST_TRAILER_BYTES = 100, 64 * 2**10


class FramingRefused(http.client.HTTPException):
    """Where the pieces of an answer end cannot be told."""


class WholeAnswer(http.client.HTTPResponse):
    """An answer of somebody else, whoever reads it: its chunks are put together here, before any library sees them.

    Both http.client and urllib3 read a chunk's size by `int(…, 16)`. '-1' is one to them, of which they read without
    end into memory, however little was asked for; '-5' is a ValueError.
    """

    def begin(self) -> None:
        """Read the headers, and see how the body comes."""
        super().begin()
        told = ",".join(self.headers.get_all("Transfer-Encoding", [])).lower()
        codings = [coding.strip() for coding in told.split(",") if coding.strip()]
        if codings == ["chunked"]:
            self.fp = io.BufferedReader(_Chunks(self.fp))
            # From here on it is a body up to its end: what a length says counts no more (section 6.3).
            self.chunked = False
            del self.headers["Transfer-Encoding"], self.headers["Content-Length"]
        elif codings not in ([], ["identity"]):
            # Nothing else was asked for.
            raise FramingRefused("an unknown transfer encoding")


class _Chunks(io.RawIOBase):
    """What the chunks of a body hold; no more is in memory than is asked for."""

    def __init__(self, source: io.BufferedReader) -> None:
        self._source = source
        #: Of the present chunk; None before the first, 0 after the last.
        self._left: int | None = None

    def readable(self) -> bool:
        """It is; nothing can be written."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Some bytes, 0 at the end; raises `FramingRefused` or `IncompleteRead`."""
        if self._left is None:
            self._left = self._next_size()
        if self._left == 0:
            return 0
        room = memoryview(buffer).cast("B")
        part = self._source.read1(min(len(room), self._left))
        if not part:
            raise http.client.IncompleteRead(b"")
        room[: len(part)] = part
        self._left -= len(part)
        if self._left == 0:
            if self._source.readline(3) not in (b"\r\n", b"\n"):
                raise FramingRefused("a chunk is longer than it says")
            self._left = None
        return len(part)

    def close(self) -> None:
        """The connection is let go, too."""
        self._source.close()
        super().close()

    def _next_size(self) -> int:
        line = self._source.readline(_MOST_SIZE_LINE_BYTES)
        if not line:
            raise http.client.IncompleteRead(b"")
        size = _SIZE.fullmatch(line)
        if size is None:
            raise FramingRefused("the size of a chunk is none")
        if not (found := int(size[1], 16)):
            self._skip_trailers()
        return found

    def _skip_trailers(self) -> None:
        for _ in range(_MOST_TRAILERS):
            line = self._source.readline(_MOST_TRAILER_BYTES)
            # Some end without the empty line.
            if line in (b"\r\n", b"\n", b""):
                return
            if not line.endswith(b"\n"):
                break
        raise FramingRefused("too much follows the last chunk")


@contextlib.contextmanager
def asked(
    method: str,
    target: UrlParts,
    addresses: Sequence[str],
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
    connect_seconds: float,
    seconds: float,
    context: ssl.SSLContext | None = None,
) -> Iterator[http.client.HTTPResponse]:
    """An answer, to be read inside; a redirect is one like any other.

    Parameters
    ----------
    addresses : sequence of str
        Where the host is. Its name is not asked again: it might answer differently.
    connect_seconds : float
        For each address, within `seconds`.
    seconds : float
        For everything, however slowly the answer drips. Then the connection breaks, so what is read may be cut off
        without a fault: whoever reads up to the end looks at a clock.

    Raises
    ------
    http.client.HTTPException, OSError
        If no connection is made, or it breaks, or what comes is not HTTP; as `FAULTS`.
    """
    until = time.monotonic() + seconds
    with (
        _connected(target, addresses, connect_seconds, until) as raw,
        _wrapped(raw, target, context, until) as connected,
        _ending_at(until, connected),
    ):
        if isinstance(connected, ssl.SSLSocket):
            connected.do_handshake()
        with contextlib.closing(http.client.HTTPConnection(target.host, target.port)) as connection:
            # Given, so that it makes none of its own.
            connection.sock, connection.response_class = connected, WholeAnswer
            connection.request(method, target.path, body=body, headers={**headers, "Host": target.host_header})
            with connection.getresponse() as answer:
                yield answer


def _connected(target: UrlParts, addresses: Sequence[str], seconds: float, until: float) -> socket.socket:
    """A connection to the first address that takes one."""
    *others, last = addresses[:MOST_ADDRESSES]
    for address in others:
        with contextlib.suppress(OSError):  # the next one may answer
            return socket.create_connection((address, target.port), min(seconds, _left(until)))
    return socket.create_connection((last, target.port), min(seconds, _left(until)))


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _wrapped(raw: socket.socket, target: UrlParts, context: ssl.SSLContext | None, until: float) -> socket.socket:
    """The connection, for TLS where the address says so; the certificate must be that of the name.

    The handshake comes later, when what has taken the connection over is sure to be closed.
    """
    raw.settimeout(_left(until))
    if target.scheme == "http":
        return raw
    tls = context or ssl.create_default_context()
    return tls.wrap_socket(raw, server_hostname=target.host, do_handshake_on_connect=False)


@contextlib.contextmanager
def _ending_at(until: float, connected: socket.socket) -> Iterator[None]:
    """A deadline for the whole exchange, TLS included: a timeout of the socket begins anew with every byte."""
    deadline = Deadline()
    with deadline.within(max(until - time.monotonic(), 0.0)):
        deadline.hold(connected)
        yield
