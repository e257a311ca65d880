"""Values that cannot be right: each is an error."""

import ipaddress
import math
import re
from collections.abc import Iterator
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ValidationError
from django.core.mail.message import sanitize_address
from django.core.validators import validate_email

from apps.common.operations.environment import Environment
from apps.common.operations.slips import SETTINGS, slip_in_url

#: As browsers send it (RFC 1123): letters of other scripts as xn--…, no dot at the end.
_NAME = r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*"
#: A name, one with all below it, everything, or an address: without scheme, port and path, or nobody is let in.
_HOST = re.compile(rf"\*|\.?{_NAME}|\[[0-9a-f:.]+\]", re.IGNORECASE)
#: What a bearer's token is made of (RFC 6750).
_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]*=*")
#: The framework reads a unit's first letter only, and takes a month for a minute.
_RATE = re.compile(r"[1-9][0-9]{0,8}/(s|sec|second|m|min|minute|h|hour|d|day)")
#: Where nobody is on the way.
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
#: Kombu knows more: whose packages are not installed, which no address describes wholly (sentinel), or which lose what
#: is sent (memory).
BROKERS = frozenset({"redis", "rediss", "amqp", "amqps", "pyamqp", "filesystem"})
#: Of RabbitMQ; None is the first that it offers.
_LOG_INS = frozenset({None, "PLAIN", "AMQPLAIN", "EXTERNAL"})
_DISCOVERY = "/.well-known/openid-configuration"
_REDIS_DATABASE = re.compile(r"/?|/[0-9]{1,5}")


@register(SETTINGS)
def addresses_are_addresses(**_: Any) -> list[CheckMessage]:
    return [Error(text, hint=hint, id="common.E006") for text, hint in _slips()]


def _slips() -> Iterator[tuple[str, str]]:
    if settings.PUBLIC_URL and (slip := _slip_in_what_mails_show(settings.PUBLIC_URL)):
        yield f"PUBLIC_URL {slip}.", "It is like https://scrum.example.com."
    if slip := slip_in_broker(settings.CELERY_BROKER_URL):
        yield (
            f"CELERY_BROKER_URL {slip}.",
            "It is like redis://:password@host:6379/0 or amqp://user:password@host:5672.",
        )
    for host in settings.ALLOWED_HOSTS:
        if not _is_host(host):
            yield (
                f"ALLOWED_HOSTS holds {host!r}, which is no host name.",
                "Write it as scrum.example.com, as .example.com with all below it, or as [::1].",
            )
    if not _is_sender(settings.DEFAULT_FROM_EMAIL):
        yield "DEFAULT_FROM_EMAIL is no address that sends mails.", "It is like Scrum ML <scrum@example.com>."
    if not _TOKEN.fullmatch(settings.METRICS_TOKEN):
        yield "METRICS_TOKEN holds what no header carries.", "It is made of letters, digits and - . _ ~ + / =."
    rates: dict[str, str | None] = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]  # type: ignore[assignment]
    for name, rate in rates.items():
        if not _is_rate(rate):
            yield (
                f"{name.upper()}_THROTTLE_RATE is {rate!r}.",
                "It is like 20/min, or empty: no limit.",
            )
    yield from _slips_of_mail()
    tokens: Any = settings.SIMPLE_JWT
    if tokens["ACCESS_TOKEN_LIFETIME"] > tokens["REFRESH_TOKEN_LIFETIME"]:
        yield (
            "JWT_ACCESS_MINUTES is longer than JWT_REFRESH_DAYS: a token would outlive what renews it.",
            "A day has 1,440 minutes; the usual is 60 minutes and 7 days.",
        )
    yield from _slips_of_single_sign_on()
    for name in ("WEBHOOK_ALLOWED_NETWORKS", "TRACKER_ALLOWED_NETWORKS"):
        for network in getattr(settings, name):
            if not _is_network(network):
                yield f"{name} holds {network!r}, which is no network.", "Write it as 10.1.0.0/16."


def _slip_in_what_mails_show(url: str) -> str:
    if slip := slip_in_url(url, schemes=("https", "http")):
        return slip
    parts = urlsplit(url)
    if parts.username is not None:
        return "holds a name or a password, which each mail would show"
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else str(parts.hostname)
    if host.startswith(("*", ".")) or not _is_host(host):
        return "names a host that is none (of other scripts than English write xn--…)"
    return "holds a question, and addresses are put behind it" if "?" in url else ""


def _slips_of_mail() -> Iterator[tuple[str, str]]:
    """Two ports say by themselves who speaks first; spoken to otherwise, both wait until the time is over."""
    scheme = settings.EMAIL_URL.partition("://")[0]
    if scheme in ("smtp", "smtp+tls") and settings.EMAIL_PORT == 465:
        yield f"EMAIL_URL begins with {scheme}://, and port 465 speaks TLS at once.", "Write smtp+ssl://…:465."
    if scheme == "smtp+ssl" and settings.EMAIL_PORT in (25, 587):
        port = settings.EMAIL_PORT
        yield (
            f"EMAIL_URL begins with smtp+ssl://, and port {port} speaks TLS only when it is asked.",
            f"Write smtp+tls://…:{port}.",
        )


def _slips_of_single_sign_on() -> Iterator[tuple[str, str]]:
    if not settings.OIDC_ISSUER:
        given = [name for name in ("OIDC_NAME", "OIDC_ALGORITHM") if Environment.is_given(name)]
        if given or settings.OIDC_RP_CLIENT_ID or settings.OIDC_RP_CLIENT_SECRET or settings.OIDC_CREATE_USER:
            yield (
                "OIDC_ISSUER is empty, so nothing else of OIDC_ means anything.",
                "Set it to have single sign-on; to have none, take all that begins with OIDC_ away.",
            )
        return
    if not settings.OIDC_NAME.isprintable():
        yield "OIDC_NAME holds a line break or another sign that no button shows.", "It is like Single sign-on."
    hint = "It is like https://id.example.com/realms/team, to the letter as the provider names itself."
    if slip := slip_in_url(settings.OIDC_ISSUER, schemes=("https", "http")):
        yield f"OIDC_ISSUER {slip}.", hint
    elif "?" in settings.OIDC_ISSUER:
        yield "OIDC_ISSUER holds a question, which no issuer does.", hint
    elif "@" in urlsplit(settings.OIDC_ISSUER).netloc:
        yield "OIDC_ISSUER holds a name or a password, which no issuer does.", hint
    elif settings.OIDC_ISSUER.endswith(_DISCOVERY):
        yield f"OIDC_ISSUER ends with {_DISCOVERY}, which is put behind it.", hint
    elif urlsplit(settings.OIDC_ISSUER).scheme == "http" and urlsplit(settings.OIDC_ISSUER).hostname not in _HERE:
        yield "OIDC_ISSUER is reached without TLS: whoever is on the way could let anybody in.", hint
    for name, value in (
        ("OIDC_CLIENT_ID", settings.OIDC_RP_CLIENT_ID),
        ("OIDC_CLIENT_SECRET", settings.OIDC_RP_CLIENT_SECRET),
        ("OIDC_NAME", settings.OIDC_NAME),
    ):
        if not value.strip():
            yield (
                f"OIDC_ISSUER is set and {name} is empty.",
                "Register this service with the provider: it tells id and secret; the name is ours.",
            )


def slip_in_broker(url: str) -> str:
    """What is wrong with the address of a broker, as the end of a sentence; empty if nothing is."""
    scheme, mark, _ = url.partition("://")
    if not mark or scheme not in BROKERS:
        return "does not begin with redis://, amqp:// or filesystem://"
    if scheme == "filesystem":
        # The library has an option for the folder, which is the service's own.
        return "" if url == "filesystem://" else "names a folder; the service's own is meant by filesystem:// alone"
    if url == f"{scheme}://":
        return ""
    if slip := slip_in_url(url, schemes=(scheme,)):
        return slip
    if scheme in ("redis", "rediss") and not _REDIS_DATABASE.fullmatch(urlsplit(url).path):
        return "ends with a database that is no number"
    return _slip_in_broker_options(url)


def _slip_in_broker_options(url: str) -> str:
    if "?" not in url:
        return ""
    from kombu import Connection  # noqa: PLC0415 - for the few that have options

    try:
        broker = Connection(url)
        seconds = float(broker.connect_timeout), float(broker.heartbeat or 0)
    except (TypeError, ValueError, KeyError):
        return "has an option behind the ? that the broker's client does not know"
    if not all(0 <= each < math.inf for each in seconds) or broker.login_method not in _LOG_INS:
        return "has an option behind the ? whose value cannot be"
    return ""


def _is_host(text: str) -> bool:
    if not _HOST.fullmatch(text):
        return False
    # What ends with a number is an address to browsers, or nothing.
    if text.rpartition(".")[2].isdigit():
        return _is_network(text)
    return not text.startswith("[") or _is_network(text[1:-1])


def _is_rate(rate: str | None) -> bool:
    return not rate or _RATE.fullmatch(rate) is not None


def _is_sender(text: str) -> bool:
    # Line breaks, and what nobody sees: no mail goes out with the former.
    if not text.isprintable():
        return False
    _, address = parseaddr(text)
    try:
        validate_email(address)
        # As each mail will read it: one address, and nothing beside it.
        sanitize_address(text, "utf-8")
    except (ValidationError, ValueError):
        return False
    return True


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
