"""What all endpoints share: problem documents for errors."""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from django.core.exceptions import (
    NON_FIELD_ERRORS,
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    ValidationError,
)
from django.db import DatabaseError, IntegrityError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions, status
from rest_framework.fields import get_error_detail
from rest_framework.response import Response
from rest_framework.views import set_rollback

from apps.common.exceptions import Conflict, NotEnoughData
from apps.common.operations.database_faults import is_of_the_database

logger = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"
#: A lock lasts seconds; a database that restarts comes back within them too.
DATABASE_RETRY_SECONDS = 5
#: Of PostgreSQL (its appendix A).
_FOREIGN_KEY_VIOLATION = "23503"


#: Of one input: whoever sends a thousand needs no thousand answers.
MOST_FAULTS = 20
#: Errors that concern no single field, as Django REST framework and Django call them.
WHOLE_INPUT = ("non_field_errors", NON_FIELD_ERRORS)


class PayloadTooLarge(exceptions.APIException):
    """The body is larger than the server reads."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is larger than this server reads."
    default_code = "payload_too_large"


def problem(status_code: int, title: str, detail: str, code: str, **extra: Any) -> dict[str, Any]:
    """An RFC 9457 problem document."""
    return {"type": "about:blank", "title": title, "status": status_code, "detail": detail, "code": code, **extra}


_AWAY = problem(
    503,
    "Service unavailable",
    "The database does not answer just now; nothing was changed. Ask again.",
    "database_unavailable",
)
_COME_AGAIN = {"Retry-After": str(DATABASE_RETRY_SECONDS)}


def problem_response(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler: known errors become problem documents, a bug stays a bug (500)."""
    error = _in_framework_terms(error)
    if is_of_the_database(error):
        return _database_response(error)
    body = problem_of(error)
    if body is None:
        return None
    set_rollback()
    request = context.get("request")
    body["instance"] = request.path if request is not None else None
    return Response(body, status=body["status"], headers=_headers(error), content_type=PROBLEM_JSON)


def database_away(error: Exception) -> tuple[dict[str, Any], dict[str, str]]:
    """What a client is told while the database is locked or away, with headers; the cause is logged."""
    logger.error("The database does not answer: %s", type(error).__name__, exc_info=error)
    return dict(_AWAY), dict(_COME_AGAIN)


def _database_response(error: Exception) -> Response:
    body, headers = database_away(error)
    set_rollback()
    return Response(body, status=body["status"], headers=headers, content_type=PROBLEM_JSON)


def names_what_is_gone(error: Exception) -> bool:
    """Whether a row could not be written because it, or another that it names, was deleted meanwhile.

    The input was checked before; so only what happened in the meantime breaks a foreign key. All else that a database
    refuses is a bug, and stays one.
    """
    if isinstance(error, IntegrityError):
        is_of_postgresql = getattr(error.__cause__, "sqlstate", None) == _FOREIGN_KEY_VIOLATION
        return is_of_postgresql or str(error).startswith("FOREIGN KEY")
    # Django's own words, for which it has no class before 6.0.
    return isinstance(error, DatabaseError) and str(error).endswith("did not affect any rows.")


def note_gone(error: ObjectDoesNotExist) -> None:
    """Of a row that was there when it was asked about, it says that it has been deleted since; a bug of ours, too."""
    logger.warning("A row is gone that was taken for there: %s", type(error).__qualname__, exc_info=error)


def _in_framework_terms(error: Exception) -> Exception:
    if isinstance(error, ObjectDoesNotExist):
        note_gone(error)
    if isinstance(error, (Http404, ObjectDoesNotExist)):
        return exceptions.NotFound("There is no such thing, or you may not see it.")
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(error, ValidationError):
        return exceptions.ValidationError(get_error_detail(error))
    if isinstance(error, RequestDataTooBig):
        return PayloadTooLarge()
    if names_what_is_gone(error):
        return Conflict("Somebody has just deleted what this is about.")
    return error


def problem_of(error: Exception) -> dict[str, Any] | None:
    """The problem document of a known error; None for a bug."""
    error = _in_framework_terms(error)
    if isinstance(error, NotEnoughData):
        return problem(422, "Not enough data", error.message, error.code, have=error.have, needed=error.needed)
    if isinstance(error, Conflict):
        return problem(409, "Conflict", error.message, error.code)
    if isinstance(error, exceptions.ValidationError):
        faults = list(islice(_fields(error.detail), MOST_FAULTS))
        return problem(400, "Invalid input", "Some fields are not as they must be.", "invalid", errors=faults)
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
    """Per-field errors with a JSON pointer each (RFC 6901); the empty one means the whole input."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _fields(inner, pointer if name in WHOLE_INPUT else f"{pointer}/{_escaped(name)}")
    elif isinstance(detail, Sequence) and not isinstance(detail, str):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, (Mapping, list))
            yield from _fields(inner, f"{pointer}/{index}" if nested else pointer)
    else:
        yield {"pointer": pointer, "code": getattr(detail, "code", "invalid"), "detail": str(detail)}


def _escaped(name: Any) -> str:
    return str(name).replace("~", "~0").replace("/", "~1")


def _headers(error: Exception) -> dict[str, str]:
    headers: dict[str, str] = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(max(math.ceil(wait), 1))
    return headers


def server_error(request: HttpRequest) -> JsonResponse:
    """What a client sees of a bug: nothing of its text."""
    body = problem(
        status.HTTP_500_INTERNAL_SERVER_ERROR, "Internal error", "This is a fault of ours; it was logged.", "error"
    )
    return JsonResponse(body, status=500, content_type=PROBLEM_JSON)


def unavailable(request: HttpRequest) -> JsonResponse:
    """While the database is locked or away."""
    return JsonResponse(_AWAY, status=503, content_type=PROBLEM_JSON, headers=_COME_AGAIN)


def not_allowed(allow: str) -> JsonResponse:
    """An address that is there and is not asked so; `allow` names how it is."""
    body = problem(
        status.HTTP_405_METHOD_NOT_ALLOWED, "Method not allowed", f"It takes {allow} only.", "method_not_allowed"
    )
    return JsonResponse(body, status=405, content_type=PROBLEM_JSON, headers={"Allow": allow})


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    """A request that was refused before any view saw it."""
    body = problem(status.HTTP_400_BAD_REQUEST, "Bad request", "This request cannot be read.", "bad_request")
    return JsonResponse(body, status=400, content_type=PROBLEM_JSON)


def forbidden(request: HttpRequest, exception: Exception) -> JsonResponse:
    """A page that this person may not see."""
    body = problem(status.HTTP_403_FORBIDDEN, "Permission denied", "You may not do this.", "permission_denied")
    return JsonResponse(body, status=403, content_type=PROBLEM_JSON)


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    """An address that leads nowhere."""
    body = problem(status.HTTP_404_NOT_FOUND, "Not found", "There is nothing at this address.", "not_found")
    return JsonResponse(body, status=404, content_type=PROBLEM_JSON)
