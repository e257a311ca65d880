"""Requests on their way in: gathered as they come, until all of one is there or it is refused."""

import re
from dataclasses import dataclass, field

from gunicorn.workers.gthread import TConn

from apps.common.uploads import LONGEST_BODY_BYTES, LONGEST_UPLOAD_BYTES, longest_body
from base.refusals import refusal

#: For the first line and the headers; what a phone on a bad line needs is below one second.
HEAD_SECONDS = 10.0
#: A body may take longer, at this pace at least: some 16 kB/s, less than any mobile network in use.
SLOWEST_BYTES_A_SECOND = 16_000
#: Four times what any browser sends; more is answered 431.
MOST_HEAD_BYTES = 64 * 1024
RECEIVE_BYTES = 64 * 1024

_HEAD_END = b"\r\n\r\n"
# Zeros in front make a number no larger; what is no length for us has no body, and gunicorn refuses it.
_LENGTH = re.compile(rb"^content-length:[ \t]*0*(\d{1,18})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
# With a space before the colon it is refused by gunicorn; nothing is gathered for it.
_ENCODED = re.compile(rb"^transfer-encoding[ \t]*:", re.IGNORECASE | re.MULTILINE)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_EXPECTS = re.compile(rb"^expect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE | re.MULTILINE)

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
_LATER = (b"Connection: close", b"Connection: close\r\nRetry-After: 5")
#: Of one asker, or of all together.
TOO_MUCH_WAITS = refusal(
    503,
    "Service Unavailable",
    "Requests that wait to be answered hold too much already, yours or everybody's. Ask one after the other, later.",
    "busy",
).replace(*_LATER)
STOPPING = refusal(
    503,
    "Service Unavailable",
    "The server stops before it comes to this request; nothing of it was done. Ask again.",
    "stopping",
).replace(*_LATER)


def _path_of(head: bytes) -> str:
    """Of the first line, without question and host."""
    target = head.partition(b" ")[2].partition(b" ")[0].partition(b"?")[0].decode("latin-1")
    # Not by urllib, which raises at a host that is none.
    return f"/{target.split('/', 3)[-1]}" if target.startswith(("http://", "https://")) else target


@dataclass(slots=True, eq=False)
class Arriving:
    """A request of which not everything is there."""

    conn: TConn
    begun_at: float
    deadline: float
    data: bytearray = field(default_factory=bytearray)
    #: How far the end of the headers was looked for.
    looked_until: int = 0
    #: Where the body begins and ends, once the headers are there.
    body_at: int | None = None
    ends_at: int = 0

    @property
    def is_whole(self) -> bool:
        return self.body_at is not None and len(self.data) >= self.ends_at

    def read_head(self, now: float) -> bytes:
        """Look for the end of the headers; what the client is told at once: to send the body, or why not to."""
        if self.body_at is not None:
            return b""
        found = self.data.find(_HEAD_END, self.looked_until)
        if found < 0:
            # Not from the beginning at each byte of a client that drips; the end may come in pieces, too.
            self.looked_until = max(len(self.data) - len(_HEAD_END) + 1, 0)
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
        return _EXPECTS.sub(b"", head), Rest(body), bytes(self.data[self.ends_at :])


class Rest:
    """What gunicorn reads in place of the socket: the body that has arrived, and then the end."""

    def __init__(self, body: memoryview) -> None:
        self._body, self._at = body, 0

    def __call__(self, size_hint: int | None = None) -> bytes:
        # Never all that is left, which is what is hinted at: gunicorn copies its rest for each piece that is read.
        piece = bytes(self._body[self._at : self._at + min(size_hint or RECEIVE_BYTES, RECEIVE_BYTES)])
        self._at += len(piece)
        return piece
