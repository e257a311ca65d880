"""Errors as pages for people; programs that ask the API get the same as problem documents."""

import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework import exceptions

from apps.common.api import problems
from apps.common.api.busy import Busy, NoRoom
from apps.common.api.programs import is_of_program
from apps.common.exceptions import ApplicationError, Conflict, NotEnoughData
from apps.common.operations.database_faults import is_of_the_database

#: What services raise of input that cannot be right, here and in Django REST framework.
REFUSED_INPUT = (ValidationError, exceptions.ValidationError)
#: Likewise, and where something cannot be done.
REFUSED = (ApplicationError, *REFUSED_INPUT)
#: What a page answers where its view says nothing of it itself; an error of endpoints has its own.
_STATUSES: Mapping[type[Exception], int] = {
    ObjectDoesNotExist: 404,
    # It is about what is gone.
    Conflict: 409,
    IntegrityError: 409,
    ValidationError: 400,
    NotEnoughData: 422,
    exceptions.APIException: 500,
}
#: Of these the words are worth reading.
_TOLD = (*REFUSED_INPUT, NotEnoughData)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A request that was refused before any view saw it."""
    return problems.bad_request(request, exception) if is_of_program(request) else _page(request, 400)


def forbidden(request: HttpRequest, exception: Exception | None = None, reason: str = "") -> HttpResponse:
    """What one's role does not allow, or a form that did not come from here."""
    if is_of_program(request):
        return problems.forbidden(request, exception or PermissionDenied(reason))
    return _page(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """An address that leads nowhere, or where one may not go."""
    return problems.not_found(request, exception) if is_of_program(request) else _page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """A fault of ours; its text stays in the log."""
    error = sys.exception()
    if isinstance(error, Busy):
        # Of a page of somebody else's, the administration's say, which knows nothing of it.
        return _come_again(request, error.status_code, error.wait, is_full=isinstance(error, NoRoom))
    is_away = is_of_the_database(error)
    if is_of_program(request):
        return problems.unavailable(request) if is_away else problems.server_error(request)
    # The page asks nobody who reads it: each question to a database that is away would take its time again.
    request.user = AnonymousUser()
    if not is_away:
        return _page(request, 500)
    return _come_again(request, 503, problems.DATABASE_RETRY_SECONDS, is_away=True)


def _by_method(*allowed: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def handle(request: HttpRequest, *args: Any, **rest: Any) -> HttpResponse:
            if request.method in allowed:
                try:
                    return view(request, *args, **rest)
                except tuple(_STATUSES) as error:
                    if isinstance(error, IntegrityError) and not problems.names_what_is_gone(error):
                        raise
                    return _refusal(request, error)
            response = _page(request, 405)
            response["Allow"] = ", ".join(allowed)
            return response

        return handle

    return decorate


#: Django's own decorators answer with an empty body, for which a browser shows a fault of its own.
only_read = _by_method("GET", "HEAD")
only_sent = _by_method("POST")
read_or_sent = _by_method("GET", "HEAD", "POST")


def _refusal(request: HttpRequest, error: Exception) -> HttpResponse:
    if isinstance(error, Busy):
        return _come_again(request, error.status_code, error.wait, is_full=isinstance(error, NoRoom))
    if isinstance(error, ObjectDoesNotExist):
        problems.note_gone(error)
    usual = next(status for kind, status in _STATUSES.items() if isinstance(error, kind))
    told = reasons(error) if isinstance(error, _TOLD) else []
    return _page(request, getattr(error, "status_code", usual), {"reasons": told})


def reasons(error: Exception) -> list[str]:
    """Each fault of what is `REFUSED` as a sentence, with the field that it is about where there is one."""
    if isinstance(error, ApplicationError):
        return [error.message]
    if isinstance(error, ValidationError):
        found: Any = error.message_dict if hasattr(error, "error_dict") else error.messages
    else:
        found = getattr(error, "detail", [])
    if isinstance(found, list):
        return [str(text) for text in found]
    return [
        " ".join([*([] if name in problems.WHOLE_INPUT else [f"{name.replace('_', ' ')}:"]), *map(str, _flat(texts))])
        for name, texts in found.items()
    ]


def _flat(texts: Any) -> list[Any]:
    """Faults of lists come by the place in the list."""
    if isinstance(texts, dict):
        return [text for each in texts.values() for text in _flat(each)]
    return list(texts) if isinstance(texts, list) else [texts]


def _come_again(request: HttpRequest, status: int, seconds: int, **more: bool) -> HttpResponse:
    """What cannot be answered just now; a part of an open page asks again by itself."""
    again = request.get_full_path() if request.method == "GET" else ""
    answer = _page(request, status, {"again": again, "seconds": seconds, **more})
    answer["Retry-After"] = str(seconds)
    return answer


def _page(request: HttpRequest, status: int, more: Mapping[str, Any] | None = None) -> HttpResponse:
    # Without the frame's navigation: what failed may be what it is made of. A part of an open page gets a sentence.
    template = "error_part.html" if request.headers.get("HX-Request") else "error.html"
    return render(request, f"dashboard/{template}", {"status": status, **(more or {})}, status=status)
