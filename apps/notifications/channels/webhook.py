"""Posting to a webhook: to a checked address, within a few seconds, without following anything."""

import http.client
import ssl
from collections.abc import Mapping
from datetime import datetime

from django.conf import settings

from apps.common.addresses import Resolver, reachable_addresses, target_of
from apps.common.exceptions import ApplicationError
from apps.common.exchanges import FAULTS, asked
from apps.common.lookups import Lookup
from apps.notifications.channels.outcome import Outcome, excerpt_of
from apps.notifications.channels.signature import secret_with, signature
from apps.notifications.models import Delivery

CONNECT_SECONDS = 3.0
#: A resolver asks the next server after five seconds.
_LOOKUP = Lookup(seconds=6.0, most_at_once=16)
#: From the first attempt to connect to the end of the answer, however slowly that drips.
ANSWER_SECONDS = 10.0
#: Of an answer, which is only read to be shown when something is wrong.
MOST_ANSWER_BYTES = 4096


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
        with asked(
            "POST", target, addresses, headers=headers, body=body,
            connect_seconds=CONNECT_SECONDS, seconds=ANSWER_SECONDS, context=context,
        ) as answer:  # fmt: skip
            if 200 <= answer.status < 300:
                # Not one byte more is read: the sooner this is recorded, the more rarely it is sent twice.
                return Outcome(is_delivered=True, status_code=answer.status)
            return _failed(f"The receiver answered {answer.status}.", answer.status, _beginning(answer))
    except FAULTS as error:
        return _failed(f"No answer: {type(error).__name__}.")


def _failed(error: str, status: int | None = None, answer: bytes = b"") -> Outcome:
    """Whatever it is, the next post to the same receiver would fail like this one."""
    return Outcome(is_delivered=False, status_code=status, error=error, excerpt=excerpt_of(answer), is_way_blocked=True)


def _beginning(answer: http.client.HTTPResponse) -> bytes:
    try:
        beginning = answer.read(MOST_ANSWER_BYTES)
        # What goes on ends in the midst of a word.
        return beginning if len(beginning) < MOST_ANSWER_BYTES else b" ".join(beginning.split()[:-1])
    except FAULTS:
        # The status is known, which is what counts.
        return b""
