"""Posting to a webhook: to a checked address, within a few seconds, without following anything."""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime

from django.conf import settings

from apps.common.addresses import Resolver, UrlParts, reachable_addresses, target_of
from apps.common.exceptions import ApplicationError
from apps.common.lookups import Lookup
from apps.notifications.channels.outcome import Outcome, excerpt_of
from apps.notifications.channels.signature import secret_with, signature
from apps.notifications.models import Delivery

CONNECT_SECONDS = 3.0
#: A resolver asks the next server after five seconds.
_LOOKUP = Lookup(seconds=6.0, most_at_once=16)
#: From the connection to the end of the answer, however slowly that drips.
ANSWER_SECONDS = 10.0
#: A name may have many addresses; the third that does not answer is enough.
MOST_ADDRESSES = 3
#: Of an answer, which is only read to be shown when something is wrong.
MOST_ANSWER_BYTES = 4096
#: What a connection that breaks, or an answer that is not HTTP, raises.
_FAULTS = (http.client.HTTPException, OSError)


def send_webhook(delivery: Delivery, now: datetime) -> Outcome:
    """Post a delivery's notification, signed; the delivery's id lets the receiver drop what it has had."""
    webhook, notification = delivery.webhook, delivery.notification
    assert webhook is not None  # noqa: S101 - for the type checker; a constraint of the table
    body = notification.payload.encode()
    try:
        secret = secret_with(webhook.salt, webhook.secret_digest, keys=settings.ML_SIGNING_KEYS)
    except ApplicationError as error:
        return _failed(error.message)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Scrum-ML",
        "X-Scrum-ML-Event": notification.event,
        "X-Scrum-ML-Delivery": str(delivery.id),
        "X-Scrum-ML-Signature": signature(body, secret=secret, at=now),
    }
    return post(webhook.url, body, headers)


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    resolve: Resolver = _LOOKUP,
    context: ssl.SSLContext | None = None,
) -> Outcome:
    """Post once; whatever goes wrong is in the outcome. A redirect is an answer like any other that is not 2xx."""
    try:
        target = target_of(url)
        addresses = reachable_addresses(target, allowed=settings.WEBHOOK_ALLOWED_NETWORKS, resolve=resolve)
    except ApplicationError as error:
        return _failed(error.message)
    try:
        with (
            _connected(target, addresses) as raw,
            _wrapped(raw, target, context) as connected,
            _ending_after(ANSWER_SECONDS, connected),
        ):
            if isinstance(connected, ssl.SSLSocket):
                connected.do_handshake()
            return _asked(connected, target, body, headers)
    except _FAULTS as error:
        return _failed(f"No answer: {type(error).__name__}.")


def _failed(error: str, status: int | None = None, answer: bytes = b"") -> Outcome:
    """Whatever it is, the next post to the same receiver would fail like this one."""
    return Outcome(is_delivered=False, status_code=status, error=error, excerpt=excerpt_of(answer), is_way_blocked=True)


def _connected(target: UrlParts, addresses: list[str]) -> socket.socket:
    """A connection to the first address that takes one. The name is not asked again: it might answer differently."""
    *others, last = addresses[:MOST_ADDRESSES]
    for address in others:
        with contextlib.suppress(OSError):  # the next one may answer
            return socket.create_connection((address, target.port), CONNECT_SECONDS)
    return socket.create_connection((last, target.port), CONNECT_SECONDS)


def _wrapped(raw: socket.socket, target: UrlParts, context: ssl.SSLContext | None) -> socket.socket:
    """The connection, for TLS where the address says so; the certificate must be that of the name.

    The handshake comes later, when what has taken the connection over is sure to be closed.
    """
    raw.settimeout(ANSWER_SECONDS)
    if target.scheme == "http":
        return raw
    tls = context or ssl.create_default_context()
    return tls.wrap_socket(raw, server_hostname=target.host, do_handshake_on_connect=False)


def _asked(connected: socket.socket, target: UrlParts, body: bytes, headers: Mapping[str, str]) -> Outcome:
    with contextlib.closing(http.client.HTTPConnection(target.host, target.port)) as connection:
        # Given, so that it makes none of its own.
        connection.sock = connected
        connection.request("POST", target.path, body=body, headers={**headers, "Host": target.host_header})
        with connection.getresponse() as answer:
            if 200 <= answer.status < 300:
                # Not one byte more is read: the sooner this is recorded, the more rarely it is sent twice.
                return Outcome(is_delivered=True, status_code=answer.status)
            return _failed(f"The receiver answered {answer.status}.", answer.status, _beginning(answer))


def _beginning(answer: http.client.HTTPResponse) -> bytes:
    try:
        return answer.read(MOST_ANSWER_BYTES)
    except _FAULTS:
        # The status is known, which is what counts.
        return b""


@contextlib.contextmanager
def _ending_after(seconds: float, connected: socket.socket) -> Iterator[None]:
    """A deadline for the whole exchange, TLS included: a timeout of the socket begins anew with every byte."""
    # A handle of its own on the same connection: TLS itself would say goodbye first, to somebody who does not listen.
    with socket.fromfd(connected.fileno(), connected.family, connected.type) as handle:

        def end() -> None:
            with contextlib.suppress(OSError):  # the other side was faster
                handle.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
