"""What is refused before a view sees it, and what every answer says of limits."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import get_resolver

from apps.common.api.askers import shown_by
from apps.common.api.busy import Busy, answering, asked_by
from apps.common.api.headers import LONGEST_HEADER, too_long_of
from apps.common.api.problems import (
    MOST_FAULTS,
    PROBLEM_JSON,
    PayloadTooLarge,
    database_away,
    names_what_is_gone,
    not_allowed,
    problem,
    problem_of,
)
from apps.common.api.programs import is_of_program
from apps.common.api.query import has_body_in_vain, unknown_parameters
from apps.common.api.throttling import client_address, wait_for, wait_for_refused
from apps.common.operations.database_faults import is_of_the_database
from apps.common.uploads import longest_body

#: Bytes of path and query. Browsers and proxies stop at about twice as many.
LONGEST_ADDRESS = 4_000
#: The one character of an address that no column of PostgreSQL takes; what is no UTF-8 Django has replaced by then.
NUL = "\0"


class RequestLimits:
    """Middleware: 431 for long headers, 414 for long addresses, 404 for a NUL in the path, 400 for one in a parameter,
    for query parameters that do not exist and bodies that nobody reads, 405 with words, 503 while the database is away,
    `X-RateLimit-*`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._answered(request)
        if response.status_code == 405 and _says_nothing(response):
            response = not_allowed(response.get("Allow", ""))
        if (limit := getattr(request, "rate_limit", None)) is not None:
            most, remaining, seconds_left = limit
            response["X-RateLimit-Limit"] = str(most)
            response["X-RateLimit-Remaining"] = str(remaining)
            response["X-RateLimit-Reset"] = str(math.ceil(seconds_left))
        return response

    def _answered(self, request: HttpRequest) -> HttpResponseBase:
        shown = shown_by(
            request.META.get("HTTP_AUTHORIZATION", ""), request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
        )
        with answering(lambda: client_address(request), shown):
            # First of all: what is refused for its length is not read.
            response = _too_long(request) or self._get_response(request)
            # Whose it is, may be told by the count alone.
            if _is_refused(request, response) and (wait := wait_for_refused(request, response)) is not None:
                return _throttled(request, wait)
            return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """A misspelt filter would change nothing, and the answer would look as if it had.

        Pages are counted here, endpoints where they know whose key it is, and what they refuse before that at the end.
        """
        if not hasattr(view, "cls") and (wait := _wait_for_page(request)) is not None:
            return _throttled(request, wait)
        if NUL in request.path_info:
            raise Http404("No address holds a NUL character.")
        if has_body_in_vain(view, request):
            return _invalid(request, "This takes no body: nothing of it would be heeded. Send none, or {}.")
        unknown, known = unknown_parameters(view, request)
        if unknown:
            detail = f"There is no such parameter. Parameters: {', '.join(known) or 'none'}."
            return _refused_parameters(request, unknown, "Some parameters do not exist.", detail)
        if with_nul := [name for name, values in request.GET.lists() if NUL in "".join([name, *values])]:
            if not is_of_program(request):
                raise BadRequest("A parameter holds a NUL character.")
            detail = "Null characters are not allowed."
            return _refused_parameters(request, with_nul, "Some parameters hold a NUL character.", detail)
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """Outside of what the API answers itself: a row that is gone, no place just now, a database that is away."""
        if names_what_is_gone(error) and (body := problem_of(error)):
            return _answer(body)
        if isinstance(error, Busy):
            # As the page of a fault, which looks at what went wrong, and not logged as one.
            answer: HttpResponseBase = get_resolver().resolve_error_handler(500)(request)
            return answer
        if not is_of_the_database(error) or not is_of_program(request):
            # A page tells it as a page.
            return None
        body, headers = database_away(error)
        return _answer(body, headers)


def _refused_parameters(request: HttpRequest, names: Sequence[str], detail: str, of_each: str) -> JsonResponse:
    errors = [{"pointer": f"/{name[:100]}", "code": "invalid", "detail": of_each} for name in names[:MOST_FAULTS]]
    return _invalid(request, detail, errors=errors)


def _invalid(request: HttpRequest, detail: str, **more: Any) -> JsonResponse:
    return _answer({**problem(400, "Invalid input", detail, "invalid", **more), "instance": request.path})


def _too_long(request: HttpRequest) -> HttpResponseBase | None:
    if name := too_long_of(request.META):
        detail = f"The header {name[:100]} is longer than {LONGEST_HEADER} bytes, all its lines together."
        return _answer(problem(431, "Request header fields too large", detail, "headers_too_large"))
    if len(request.META.get("PATH_INFO", "")) + len(request.META.get("QUERY_STRING", "")) > LONGEST_ADDRESS:
        detail = f"Path and query are longer than {LONGEST_ADDRESS} bytes."
        return _answer(problem(414, "Uri too long", detail, "uri_too_long"))
    if _length_of(request) > _longest_body(request):
        return _answer(problem(413, "Payload too large", PayloadTooLarge.default_detail, "payload_too_large"))
    return None


def _is_refused(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Whether a program asks, and in vain: what is done is counted before, and faults of ours count for nobody."""
    return is_of_program(request) and 400 <= response.status_code < 500


def _says_nothing(response: HttpResponseBase) -> bool:
    """As Django, its decorators and the server of static files refuse a method; the last as a file of no bytes."""
    return response.streaming or not getattr(response, "content", b"")


def _length_of(request: HttpRequest) -> int:
    text = str(request.META.get("CONTENT_LENGTH") or 0)
    return int(text[:20]) if text.isascii() and text.isdigit() else 0


def _longest_body(request: HttpRequest) -> int:
    """Files may be larger than what is read into memory, where files are taken."""
    is_upload = str(request.META.get("CONTENT_TYPE", "")).startswith("multipart/form-data")
    return longest_body(request.path_info, is_upload=is_upload)


def _wait_for_page(request: HttpRequest) -> float | None:
    """Seconds to wait for who asks for pages too often; who has no session is counted by address."""
    has_session = settings.SESSION_COOKIE_NAME in request.COOKIES
    if has_session and request.user.is_authenticated:
        asked_by(request.user.pk)
        return wait_for("user", str(request.user.pk), request)
    return wait_for("address", client_address(request), request)


def _throttled(request: HttpRequest, wait: float) -> JsonResponse:
    seconds = max(math.ceil(wait), 1)
    body = problem(429, "Throttled", f"Too many requests: wait {seconds} s.", "throttled")
    return _answer({**body, "instance": request.path}, {"Retry-After": str(seconds)})


def _answer(body: dict[str, Any], headers: dict[str, str] | None = None) -> JsonResponse:
    return JsonResponse(body, status=body["status"], content_type=PROBLEM_JSON, headers=headers)
