"""Errors as RFC 9457 problem documents: what becomes one, what stays a bug."""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, ValidationError
from django.db import DatabaseError, connections
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.http import Http404, JsonResponse
from django.test import RequestFactory
from rest_framework import exceptions
from rest_framework.exceptions import ErrorDetail

from apps.common.api import problems as api
from apps.common.exceptions import ApplicationError, Conflict, NotEnoughData


def answer(error: Exception) -> Any:
    return api.problem_response(error, {"request": RequestFactory().get("/api/v1/things/")})


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Http404(), 404, "not_found"),
        (PermissionDenied(), 403, "permission_denied"),
        (Conflict("Already there."), 409, "conflict"),
        (NotEnoughData(have=3, needed=50, what="completed issues"), 422, "not_enough_data"),
        (ValidationError("No."), 400, "invalid"),
        (RequestDataTooBig(), 413, "payload_too_large"),
        (exceptions.ParseError(), 400, "parse_error"),
        (exceptions.NotAuthenticated(), 401, "not_authenticated"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (exceptions.UnsupportedMediaType("text/plain"), 415, "unsupported_media_type"),
        (exceptions.Throttled(wait=0.2), 429, "throttled"),
    ],
)
def test_an_expected_error_becomes_a_problem_document(error: Exception, status: int, code: str) -> None:
    response = answer(error)

    assert response.status_code == response.data["status"] == status
    assert response.content_type == "application/problem+json"
    assert response.data.items() >= {"type": "about:blank", "code": code, "instance": "/api/v1/things/"}.items()
    assert response.data["title"]
    assert response.data["detail"]


@pytest.mark.parametrize(
    "error", [ValueError("secret"), KeyError("secret"), RecursionError(), ApplicationError("secret")]
)
def test_a_bug_stays_a_bug(error: Exception) -> None:
    assert answer(error) is None


def test_what_a_client_sees_of_a_bug_tells_nothing(rf: RequestFactory) -> None:
    response = api.server_error(rf.get("/"))

    assert response.status_code == 500
    assert response["Content-Type"] == "application/problem+json"
    assert json.loads(response.content)["detail"] == "This is a fault of ours; it was logged."


@pytest.mark.parametrize(("handler", "status"), [(api.not_found, 404), (api.bad_request, 400)])
def test_even_without_a_view_the_answer_is_a_problem_document(
    rf: RequestFactory, handler: Callable[..., JsonResponse], status: int
) -> None:
    response = handler(rf.get("/"), Exception("secret"))

    assert response.status_code == json.loads(response.content)["status"] == status
    assert b"secret" not in response.content


def test_not_enough_data_says_how_much_is_missing() -> None:
    data = answer(NotEnoughData(have=3, needed=50, what="completed issues with hours")).data

    assert (data["have"], data["needed"]) == (3, 50)
    assert data["detail"] == "50 completed issues with hours are needed, 3 are there."


@pytest.mark.parametrize(("wait", "seconds"), [(0.0, "1"), (0.2, "1"), (59.5, "60")])
def test_who_must_wait_learns_how_long(wait: float, seconds: str) -> None:
    assert answer(exceptions.Throttled(wait=wait))["Retry-After"] == seconds


def test_who_must_log_in_learns_how() -> None:
    error = exceptions.NotAuthenticated()
    error.auth_header = 'Bearer realm="api"'  # type: ignore[attr-defined]  # as the framework's views do

    assert answer(error)["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize(
    ("detail", "pointers"),
    [
        ({"title": ["Too long."]}, ["/title"]),
        ({"title": ["Too long.", "Too loud."]}, ["/title", "/title"]),
        ({"labels": {3: ["Too long."]}}, ["/labels/3"]),
        ({"items": [{}, {"title": ["Missing."]}]}, ["/items/1/title"]),
        ([{}, {"title": ["Missing."]}], ["/1/title"]),
        ({"non_field_errors": ["Dates in the wrong order."]}, [""]),
        ({"sprint": {"non_field_errors": ["No."]}}, ["/sprint"]),
        ({"a/b~c": ["Odd."]}, ["/a~1b~0c"]),
        (["Wrong."], [""]),
    ],
)
def test_each_field_that_is_wrong_is_pointed_at(detail: Any, pointers: list[str]) -> None:
    errors = answer(exceptions.ValidationError(detail)).data["errors"]

    assert [error["pointer"] for error in errors] == pointers


def test_a_field_error_has_a_code_for_programs_and_a_text_for_people() -> None:
    error = exceptions.ValidationError({"points": [ErrorDetail("Too many.", code="max_value")]})

    assert answer(error).data["errors"] == [{"pointer": "/points", "code": "max_value", "detail": "Too many."}]


def test_errors_of_the_domain_point_at_fields_too() -> None:
    error = ValidationError({"sprint": ValidationError("Of another %(what)s.", "foreign", {"what": "project"})})

    assert answer(error).data["errors"] == [
        {"pointer": "/sprint", "code": "foreign", "detail": "Of another project."}
    ]  # fmt: skip


def test_a_rule_over_several_fields_points_at_the_whole() -> None:
    assert answer(ValidationError({"__all__": ["Taken."]})).data["errors"][0]["pointer"] == ""


@pytest.mark.django_db
def test_a_spoiled_file_of_the_database_is_no_fault_of_ours(tmp_path: Path) -> None:
    """SQLite has an error of its own for it, which means the same as a database that is away."""
    (tmp_path / "db").write_bytes(b"SQLite format 3\0" + b"\xa5" * 8_176)
    database = DatabaseWrapper({**connections.databases["default"], "NAME": tmp_path / "db", "OPTIONS": {}})
    with pytest.raises(DatabaseError) as spoiled, closing(database), database.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sqlite_master")

    told = answer(spoiled.value)

    assert (told.status_code, told.data["code"]) == (503, "database_unavailable")
    assert answer(DatabaseError("Save with update_fields did something else.")) is None
