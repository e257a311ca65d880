"""Slips in the settings that a type cannot tell: found at start and by every `./run manage check`.

Each is an error with what would be right. The web server and the worker do not start with one, because what fails
later fails in somebody's request.
"""

import ipaddress
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register, run_checks
from kombu.transport import TRANSPORT_ALIASES
from rest_framework.throttling import SimpleRateThrottle

#: Checks under this tag ask nobody and are run before anything is served.
SETTINGS = "settings"
_NEITHER = ' \t\r\n\\"<>^`{|}'


def refuse_slips() -> None:
    """End the process, saying why, if a setting cannot be right."""
    slips = [found for found in run_checks(tags=[SETTINGS]) if found.is_serious()]
    if slips:
        sys.exit("\n".join(f"settings: {found.msg} {found.hint or ''}".rstrip() for found in slips))


def slip_in_url(url: str, *, schemes: tuple[str, ...]) -> str:
    """What is wrong with an address, as the end of a sentence; empty if nothing is.

    The address itself is not repeated: it may hold a password.
    """
    if any(character in _NEITHER or not character.isprintable() for character in url):
        return "holds a space or another character that no address has"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "has a port that is none; ports go from 1 to 65535"
    if parts.scheme not in schemes:
        return f"does not begin with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    if not parts.hostname:
        return "names no host"
    return "has a port that is none; ports go from 1 to 65535" if port == 0 else ""


@register(SETTINGS)
def addresses_are_addresses(**_: Any) -> list[CheckMessage]:
    return [Error(text, hint=hint, id="common.E006") for text, hint in _slips()]


def _slips() -> Iterator[tuple[str, str]]:
    if settings.PUBLIC_URL and (slip := slip_in_url(settings.PUBLIC_URL, schemes=("https", "http"))):
        yield f"PUBLIC_URL {slip}.", "It is like https://scrum.example.com."
    if slip := _slip_in_broker(settings.CELERY_BROKER_URL):
        yield (
            f"CELERY_BROKER_URL {slip}.",
            "It is like redis://:password@host:6379/0 or amqp://user:password@host:5672.",
        )
    rates: dict[str, str | None] = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]  # type: ignore[assignment]
    for name, rate in rates.items():
        if not _is_rate(rate):
            yield (
                f"The throttle rate {rate!r} of {name} is none.",
                "It is like 20/min.",
            )
    for name in ("WEBHOOK_ALLOWED_NETWORKS", "TRACKER_ALLOWED_NETWORKS"):
        for network in getattr(settings, name):
            if not _is_network(network):
                yield f"{name} holds {network!r}, which is no network.", "Write it as 10.1.0.0/16."


def _slip_in_broker(url: str) -> str:
    scheme, mark, _ = url.partition("://")
    if not mark or scheme not in TRANSPORT_ALIASES:
        return "does not begin with redis://, amqp:// or filesystem://"
    return "" if url == f"{scheme}://" else slip_in_url(url, schemes=(scheme,))


def _is_rate(rate: str | None) -> bool:
    try:
        number, _ = SimpleRateThrottle.parse_rate(SimpleRateThrottle.__new__(SimpleRateThrottle), rate)
    except (ValueError, KeyError, IndexError):
        return False
    return rate is None or bool(number)


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
