"""Guessing passwords is slow: locked by account and address, throttled by address, at every place to log in.

Whoever has many addresses is stopped by the account: after so many wrong passwords in a day, from wherever, it is open
only to browsers that have been in it. So a stranger who keeps it locked keeps nobody out for good: the owner comes in
by a browser of before, by single sign-on, with a new password by mail (which makes the browser a known one), or after
midnight (UTC); open sessions, log-ins and keys never notice.
"""

import hashlib
import hmac
import math
import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from apps.accounts.mailboxes import LONGEST_MAILBOX, LONGEST_SPELLING, mailbox
from apps.common.api.problems import PROBLEM_JSON, problem
from apps.common.api.programs import is_of_program
from apps.common.api.throttling import client_address, limit_of, wait_for
from apps.common.counters import count, counted_so_far

#: Marks a browser that has been in an account.
KNOWN_BROWSER = "known_browser"
#: Longer than anybody is on holiday.
KNOWN_SECONDS = 90 * 24 * 3600
_SALT = "apps.accounts.known-browser"


def account_tried(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str:
    """The account that a log-in is about, however its address was typed."""
    given = credentials or {}
    name = given.get("username") or given.get("email") or request.POST.get("username", "")
    # As long as an address may be: what is longer is none, and the table takes no more.
    return mailbox(str(name)[:LONGEST_SPELLING])[:LONGEST_MAILBOX]


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
    if is_of_program(request):
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


class AccountLimit:
    """A backend that refuses an account to strangers once too many wrong passwords have come for it."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        if request is None or "password" not in credentials:
            return
        account, limit = account_tried(request, credentials), limit_of("account")
        if limit is None:
            return
        most, window_seconds = limit
        guesses, seconds_left = counted_so_far(_guesses_of(account), window_seconds=window_seconds, now=time.time())
        if guesses >= most and not knows(request, account):
            request.axes_locked_out, request.seconds_to_wait = True, seconds_left  # type: ignore[attr-defined]
            raise PermissionDenied


def remember(response: HttpResponseBase, email: str) -> None:
    """Mark the browser as one that has been in this account."""
    response.set_cookie(
        KNOWN_BROWSER, signing.dumps(_digest(email), salt=_SALT), max_age=KNOWN_SECONDS, httponly=True, samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )  # fmt: skip


def knows(request: HttpRequest, account: str) -> bool:
    """Whether this browser has been in the account."""
    try:
        known = signing.loads(request.COOKIES.get(KNOWN_BROWSER, ""), salt=_SALT, max_age=KNOWN_SECONDS)
    except signing.BadSignature:
        return False
    return isinstance(known, str) and hmac.compare_digest(known, _digest(account))


def count_guess(*, credentials: Mapping[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """A password was wrong; one that was not looked at is no guess."""
    limit = limit_of("account")
    if limit is None or request is None or getattr(request, "axes_locked_out", False):
        return
    if account := account_tried(request, credentials):
        count(_guesses_of(account), window_seconds=limit[1], now=time.time())


def _guesses_of(account: str) -> str:
    return f"account:{_digest(account)}"


def _digest(account: str) -> str:
    """No table of counts says whose they are."""
    return hashlib.sha256(mailbox(account).encode()).hexdigest()


user_login_failed.connect(count_guess, dispatch_uid="count-guess")
