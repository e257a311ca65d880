"""Guessing passwords is slow: locked by account and address, throttled by address, at every place to log in."""

import math
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from apps.common.api.problems import PROBLEM_JSON, problem
from apps.common.api.throttling import client_address, wait_for

View = Callable[..., HttpResponseBase]
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
    return too_many(request, settings.AXES_COOLOFF_TIME.total_seconds())


def too_many(request: HttpRequest, seconds: float) -> HttpResponseBase:
    """429: to programs as a problem document, to people in a sentence."""
    wait = max(math.ceil(seconds), 1)
    detail = f"Too many attempts to log in. Try again in {math.ceil(wait / 60)} min."
    headers = {"Retry-After": str(wait)}
    if request.path.startswith(_API):
        body = {**problem(429, "Throttled", detail, "throttled"), "instance": request.path}
        return JsonResponse(body, status=429, content_type=PROBLEM_JSON, headers=headers)
    return HttpResponse(detail, status=429, content_type="text/plain; charset=utf-8", headers=headers)


def slowed(view: View) -> View:
    """A page to log in on, with the same limit for an address as the API has."""

    @wraps(view)
    def throttled(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        wait = wait_for("login", client_address(request), request) if request.method == "POST" else None
        return view(request, *args, **kwargs) if wait is None else too_many(request, wait)

    return throttled
