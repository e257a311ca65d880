"""How often somebody may ask: by person, key and address, counted for all processes together."""

import logging
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

from apps.common.api.askers import network_of
from apps.common.api.busy import asked_by
from apps.common.counters import count
from apps.common.operations.database_faults import DATABASE_FAULTS

logger = logging.getLogger(__name__)

#: The name of a limit, and who is counted.
Counted = tuple[str, str]

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
#: A process counts so large a share of a limit in one statement, and no more requests than this. What it has taken and
#: does not use, a caller whom several processes answer lacks: less than a hundredth of the limit each.
SHARE_AT_ONCE, MOST_AT_ONCE = 150, 8


def client_address(request: HttpRequest | Request) -> str:
    """Whose request it is, as far as networks tell: the header of proxies is read if one of ours writes it.

    Of an IPv6 address the network.
    """
    if api_settings.NUM_PROXIES and "HTTP_X_FORWARDED_FOR" not in request.META:
        _tell_of_silent_proxy()
    # Only its `META` is read, which both kinds of request have.
    named = str(BaseThrottle().get_ident(request))  # type: ignore[arg-type]
    return network_of(named, str(request.META.get("REMOTE_ADDR", "")))


@cache
def _tell_of_silent_proxy() -> None:
    """Once a process."""
    logger.warning(
        "BEHIND_TLS_PROXY is set, and a request came without X-Forwarded-For: whoever comes by such a proxy is counted "
        "as one address. Let it write the header."
    )


def caller_of(request: Request) -> str:
    """Whose answers are kept for whom: a key may do less than its person, so that each has its own."""
    prefix = getattr(request.auth, "prefix", None)
    return f"user:{request.user.pk}" if prefix is None else f"key:{prefix}"


def limit_of(scope: str) -> tuple[int, int] | None:
    """How many in how many seconds; None: without a limit. '20/min' as Django REST framework writes it."""
    rate = api_settings.DEFAULT_THROTTLE_RATES.get(scope)
    if not rate:
        return None
    number, _, period = str(rate).partition("/")
    return int(number), SECONDS[period[0]]


def wait_for(scope: str, caller: str, request: HttpRequest) -> float | None:
    """Count one request of a caller; seconds to wait where it was one too many."""
    request.is_counted = True  # type: ignore[attr-defined]
    limit = limit_of(scope)
    if limit is None:
        return None
    most, window_seconds = limit
    at_once = min(max(most // SHARE_AT_ONCE, 1), MOST_AT_ONCE)
    counted, seconds_left = count(f"{scope}:{caller}", window_seconds=window_seconds, now=time.time(), at_once=at_once)
    _note(request, most, most - counted, seconds_left)
    return seconds_left if counted > most else None


def wait_for_refused(request: HttpRequest, response: HttpResponseBase) -> float | None:
    """Count a request that was refused before any throttle was asked; seconds to wait where it was one too many.

    It is counted when all is over. Whose it is, only the look at what it shows tells: an address that has used its
    limit up is also that of people and programs with good keys, who are not refused for what others do there. So a
    made-up key costs the query that finds no such key, before the limit and over it.
    """
    if getattr(request, "is_counted", False):
        return None
    # Whoever was let into an endpoint or not is known there, and not asked again.
    asked = (getattr(response, "renderer_context", None) or {}).get("request") or _shown(request)
    return _wait_for_each(_counted_as(asked), request)


def _wait_for_each(callers: Iterable[Counted], request: HttpRequest) -> float | None:
    """Count one request as that of each caller, up to the first whose limit refuses it; seconds to wait there."""
    waits = (wait_for(*caller, request) for caller in callers)
    return next((wait for wait in waits if wait is not None), None)


def _shown(request: HttpRequest) -> Request:
    """What reached no endpoint, read as endpoints read it."""
    kinds: Iterable[Callable[[], Any]] = api_settings.DEFAULT_AUTHENTICATION_CLASSES  # type: ignore[assignment]
    return Request(request, authenticators=[kind() for kind in kinds])


def _counted_as(request: Request) -> list[Counted]:
    """Who is counted: the key or person that a request shows, else its address.

    All keys of a person count together, too, beside what the person asks without one: else new keys were new limits.
    """
    try:
        user = request.user
    except (APIException, *DATABASE_FAULTS):
        # It lets nobody in, or just now nobody can tell: an answer says so already.
        user = None
    # A key that is not for this lets nobody in either; it and its person are known nevertheless.
    key = getattr(request._request, "api_key", None)
    if key is not None:
        asked_by(key.user_id)
        return [("key", key.prefix), ("user", f"keys of {key.user_id}")]
    if user and user.is_authenticated:
        asked_by(user.pk)
        return [("user", str(user.pk))]
    return [("address", client_address(request))]


def _note(request: Any, most: int, remaining: int, seconds_left: float) -> None:
    """What the answer's headers will say: of several limits the one that is nearest."""
    told = getattr(request, "rate_limit", None)
    if told is None or remaining < told[1]:
        request.rate_limit = (most, max(remaining, 0), seconds_left)


class SharedThrottle(BaseThrottle):
    """Counts each request of a caller in fixed windows."""

    def __init__(self) -> None:
        self._wait: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        self._wait = _wait_for_each(self.callers(request, view), request._request)
        return self._wait is None

    def wait(self) -> float | None:
        return self._wait

    def callers(self, request: Request, view: Any) -> list[Counted]:
        return _counted_as(request)


class DearThrottle(SharedThrottle):
    """A view's own limit for a person, by its `throttle_scope`: for writing to others, say."""

    def callers(self, request: Request, view: Any) -> list[Counted]:
        scope = getattr(view, "throttle_scope", "") if request.method == "POST" else ""
        return [(scope, str(request.user.pk))]


class LogInThrottle(SharedThrottle):
    """Attempts of an address, whomever they are about."""

    def callers(self, request: Request, view: Any) -> list[Counted]:
        return [("login", client_address(request))]
