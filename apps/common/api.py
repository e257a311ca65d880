"""What all endpoints share: problem documents for errors, one pagination."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions, status
from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response
from rest_framework.views import set_rollback

from apps.common.exceptions import Conflict, NotEnoughData

PROBLEM_JSON = "application/problem+json"


class Pagination(PageNumberPagination):
    """Pages of 50, at most 100."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 100


def problem(status_code: int, title: str, detail: str, code: str, **extra: Any) -> dict[str, Any]:
    """An RFC 9457 problem document."""
    return {"type": "about:blank", "title": title, "status": status_code, "detail": detail, "code": code, **extra}


def problem_response(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler: known errors become problem documents, a bug stays a bug (500)."""
    if isinstance(error, Http404):
        error = exceptions.NotFound("There is no such thing, or you may not see it.")
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    body = _body(error)
    if body is None:
        return None
    set_rollback()
    request = context.get("request")
    body["instance"] = request.path if request is not None else None
    headers = _headers(error)
    return Response(body, status=body["status"], headers=headers, content_type=PROBLEM_JSON)


def _body(error: Exception) -> dict[str, Any] | None:
    if isinstance(error, NotEnoughData):
        return problem(422, "Not enough data", error.message, error.code, have=error.have, needed=error.needed)
    if isinstance(error, Conflict):
        return problem(409, "Conflict", error.message, error.code)
    if isinstance(error, exceptions.ValidationError):
        return problem(
            400, "Invalid input", "Some fields are not as they must be.", "invalid", errors=list(_fields(error.detail))
        )
    if isinstance(error, exceptions.APIException):
        return problem(error.status_code, _title(error), _text(error.detail), str(error.default_code))
    return None


def _title(error: exceptions.APIException) -> str:
    return str(error.default_code).replace("_", " ").capitalize()


def _text(detail: Any) -> str:
    if isinstance(detail, Mapping):
        return _text(detail.get("detail", next(iter(detail.values()), "")))
    if isinstance(detail, Sequence) and not isinstance(detail, str):
        return " ".join(_text(item) for item in detail)
    return str(detail)


def _fields(detail: Any, pointer: str = "") -> Iterator[dict[str, str]]:
    """Per-field errors with a JSON pointer each (RFC 6901)."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _fields(inner, pointer if name == "non_field_errors" else f"{pointer}/{name}")
    elif isinstance(detail, Sequence) and not isinstance(detail, str):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, (Mapping, list))
            yield from _fields(inner, f"{pointer}/{index}" if nested else pointer)
    else:
        yield {"pointer": pointer or "/", "code": getattr(detail, "code", "invalid"), "detail": str(detail)}


def _headers(error: Exception) -> dict[str, str]:
    headers: dict[str, str] = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    return headers


def server_error(request: HttpRequest) -> JsonResponse:
    """What a client sees of a bug: nothing of its text."""
    body = problem(
        status.HTTP_500_INTERNAL_SERVER_ERROR, "Internal error", "This is a fault of ours; it was logged.", "error"
    )
    return JsonResponse(body, status=500, content_type=PROBLEM_JSON)


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    """An address that leads nowhere."""
    body = problem(status.HTTP_404_NOT_FOUND, "Not found", "There is nothing at this address.", "not_found")
    return JsonResponse(body, status=404, content_type=PROBLEM_JSON)
