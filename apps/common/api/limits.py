"""What is refused before a view sees it, and what every answer says of limits."""

import math
from collections.abc import Callable
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from apps.common.api.problems import PROBLEM_JSON, database_away, problem
from apps.common.api.query import unknown_parameters

#: Bytes of path and query. Browsers and proxies stop at about twice as many.
LONGEST_ADDRESS = 4_000


class Limits:
    """Middleware: 414 for long addresses, 400 for query parameters that do not exist, 503 while the database is away,
    `X-RateLimit-*`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if len(request.META.get("PATH_INFO", "")) + len(request.META.get("QUERY_STRING", "")) > LONGEST_ADDRESS:
            detail = f"Path and query are longer than {LONGEST_ADDRESS} bytes."
            return _answer(problem(414, "Uri too long", detail, "uri_too_long"))
        response = self._get_response(request)
        if (limit := getattr(request, "rate_limit", None)) is not None:
            most, remaining, seconds_left = limit
            response["X-RateLimit-Limit"] = str(most)
            response["X-RateLimit-Remaining"] = str(remaining)
            response["X-RateLimit-Reset"] = str(math.ceil(seconds_left))
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """A misspelt filter would change nothing, and the answer would look as if it had."""
        unknown, known = unknown_parameters(view, request)
        if not unknown:
            return None
        names = ", ".join(known) or "none"
        errors = [
            {"pointer": f"/{name}", "code": "invalid", "detail": f"There is no such parameter. Parameters: {names}."}
            for name in unknown
        ]
        body = problem(400, "Invalid input", "Some parameters do not exist.", "invalid", errors=errors)
        return _answer({**body, "instance": request.path})

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """A page may find the database locked as well as the API, which answers such errors itself."""
        if not isinstance(error, (OperationalError, InterfaceError)):
            return None
        body, headers = database_away(error)
        return _answer(body, headers)


def _answer(body: dict[str, Any], headers: dict[str, str] | None = None) -> JsonResponse:
    return JsonResponse(body, status=body["status"], content_type=PROBLEM_JSON, headers=headers)
