"""One question to another host and its answer, within a time: from the connection to the last byte that is read."""

import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence

from apps.common.addresses import UrlParts
from apps.common.operations.deadlines import Deadline

#: A name may have many addresses; the third that does not answer is enough.
MOST_ADDRESSES = 3
#: What a connection that breaks, or an answer that is not HTTP, raises.
FAULTS = (http.client.HTTPException, OSError)


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
            connection.sock = connected
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
