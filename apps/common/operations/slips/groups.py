"""Settings that mean nothing without another, or that hardly anybody means: warnings, since each may be meant."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register
from django.http.request import validate_host

from apps.common.operations.environment import Environment
from apps.common.operations.slips import SETTINGS

#: Of a bucket alone; its address and its prefix without one are errors.
_OF_A_BUCKET = (
    "AWS_S3_REGION_NAME", "AWS_S3_USE_ACCELERATE_ENDPOINT", "AWS_S3_CHECKSUMS", "AWS_S3_CONNECT_TIMEOUT_SECONDS",
    "AWS_S3_TIMEOUT_SECONDS", "AWS_S3_MAX_RETRIES",
)  # fmt: skip
#: Of a past that is shorter, a month's figures are of less than a month.
_FEWEST_DAYS = 30
#: The largest private networks are 10.0.0.0/8 and fc00::/7, of which one house has a part: fd….
_SHORTEST_PREFIX = 8


@register(SETTINGS, deploy=True)
def settings_go_together(**_: Any) -> list[CheckMessage]:
    return [Warning(text, hint=hint, id="common.W009") for text, hint in _odd_ones()]


def _odd_ones() -> Iterator[tuple[str, str]]:
    if settings.AWS_STORAGE_BUCKET_NAME:
        yield from _without_meaning(("MODEL_STORE_DIR",), "models lie in a bucket", "Take it away.")
    else:
        yield from _without_meaning(_OF_A_BUCKET, "no bucket is named", "Set AWS_STORAGE_BUCKET_NAME, or take it away.")
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        hint = "Set DATABASE_URL=postgresql://…, or take it away."
        yield from _without_meaning(("DATABASE_POOL_SIZE",), "SQLite has no pool", hint)
    yield from _of_mail()
    yield from _of_networks()
    if settings.ML_HISTORY_DAYS < _FEWEST_DAYS:
        yield (
            f"ML_HISTORY_DAYS is {settings.ML_HISTORY_DAYS}: what is older is removed for good, every night.",
            f"The usual is 365; with fewer than {_FEWEST_DAYS} not even a month can be looked back on.",
        )


def _of_mail() -> Iterator[tuple[str, str]]:
    sends = settings.EMAIL_URL.startswith("smtp")
    if not settings.EMAIL_URL:
        yield from _without_meaning(("DEFAULT_FROM_EMAIL",), "no mail server is named", "Set EMAIL_URL.")
    if sends and settings.DEFAULT_FROM_EMAIL.endswith("@localhost"):
        yield (
            "EMAIL_URL names a mail server, and DEFAULT_FROM_EMAIL a sender at localhost, whom few servers take.",
            "Set DEFAULT_FROM_EMAIL to an address of yours, like Scrum ML <scrum@example.com>.",
        )
    host = _host_of(settings.PUBLIC_URL)
    if host and not validate_host(host, settings.ALLOWED_HOSTS):
        yield (
            "PUBLIC_URL names a host that ALLOWED_HOSTS does not: what mails lead to is answered 400.",
            "Add it to ALLOWED_HOSTS, unless the proxy in front asks under another name.",
        )


def _of_networks() -> Iterator[tuple[str, str]]:
    for name in ("WEBHOOK_ALLOWED_NETWORKS", "TRACKER_ALLOWED_NETWORKS"):
        for each in getattr(settings, name):
            if _is_wide(each):
                yield (
                    f"{name} holds {each}: who leads a project reaches nearly all that this machine does, itself too.",
                    "Name the networks that are meant, like 10.1.0.0/16.",
                )


def _is_wide(network: str) -> bool:
    try:
        return ip_network(network).prefixlen < _SHORTEST_PREFIX
    except ValueError:
        # Another check says so.
        return False


def _without_meaning(names: tuple[str, ...], reason: str, hint: str) -> Iterator[tuple[str, str]]:
    for name in filter(Environment.is_given, names):
        yield f"{name} is set and means nothing: {reason}.", hint


def _host_of(url: str) -> str:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        # Another check says so.
        return ""
    return f"[{host}]" if ":" in host else host
