"""Guessing passwords is slow: locked by account and address, throttled by address, at every place to log in."""

import math
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from apps.common.api.problems import PROBLEM_JSON, problem
from apps.common.api.throttling import client_address, wait_for

_API = "/api/"


def account_tried(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str:
    """The account that a log-in is about, in whichever case it was typed."""
    given = credentials or {}
    name = given.get("username") or given.get("email") or request.POST.get("username", "")
    # As long as an address may be: what is longer is none, and the table takes no more.
    return str(name).strip().lower()[:254]


def locked_answer(
    request: HttpRequest, response: HttpResponseBase | None, credentials: Mapping[str, Any] | None
) -> HttpResponseBase:
    """What somebody is told who tried too often; whether the account exists is not."""
    return too_many(request, getattr(request, "seconds_to_wait", settings.AXES_COOLOFF_TIME.total_seconds()))


def too_many(request: HttpRequest, seconds: float) -> HttpResponseBase:
    """429: to programs as a problem document, to people in a sentence."""
    wait = max(math.ceil(seconds), 1)
    detail = f"Too many attempts to log in. Try again in {math.ceil(wait / 60)} min."
    headers = {"Retry-After": str(wait)}
    if request.path.startswith(_API):
        body = {**problem(429, "Throttled", detail, "throttled"), "instance": request.path}
        return JsonResponse(body, status=429, content_type=PROBLEM_JSON, headers=headers)
    return HttpResponse(detail, status=429, content_type="text/plain; charset=utf-8", headers=headers)


class AddressLimit:
    """A backend asked first of all, so that every log-in counts, whichever page or endpoint it comes by.

    It knows no users: sessions belong to the backends after it.
    """

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        """Refuse an address that has tried too often, whichever accounts it tried."""
        wait = wait_for("login", client_address(request), request) if request is not None else None
        if wait is not None:
            # Seen by the middleware, which answers in place of the page.
            request.axes_locked_out, request.seconds_to_wait = True, wait  # type: ignore[union-attr]
            raise PermissionDenied
