"""The OpenAPI document tells the errors as well as the answers."""

from typing import Any

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document


def responses(schema: dict[str, Any], path: str, method: str) -> dict[str, list[str]]:
    """Media types by status."""
    found = schema["paths"][path][method]["responses"]
    return {status: list(response.get("content", {})) for status, response in found.items()}


def test_it_is_valid(schema: dict[str, Any]) -> None:
    validate_schema(schema)  # type: ignore[no-untyped-call]


def test_every_project_endpoint_documents_its_problems(schema: dict[str, Any]) -> None:
    found = responses(schema, "/api/v1/projects/{project_id}/issues/{issue_id}/", "patch")

    assert found == {
        "200": ["application/json"],
        **{status: ["application/problem+json"] for status in ("400", "401", "403", "404", "409", "429", "default")},
    }


def test_reading_cannot_be_forbidden_nor_conflict(schema: dict[str, Any]) -> None:
    assert not {"403", "409"} & set(responses(schema, "/api/v1/projects/", "get"))


def test_logging_in_takes_no_login(schema: dict[str, Any]) -> None:
    assert "401" not in responses(schema, "/api/v1/auth/token/", "post")


def test_the_filters_are_documented(schema: dict[str, Any]) -> None:
    names = {each["name"] for each in schema["paths"]["/api/v1/projects/{project_id}/issues/"]["get"]["parameters"]}

    assert names >= {
        "status", "status_category", "type", "assignee", "sprint", "component", "created_after", "resolved_after",
        "search", "ordering", "page", "page_size",
    }  # fmt: skip


def test_the_limits_of_pages_are_documented(schema: dict[str, Any]) -> None:
    parameters = schema["paths"]["/api/v1/projects/"]["get"]["parameters"]
    page, page_size = (next(each for each in parameters if each["name"] == name) for name in ("page", "page_size"))

    assert page["schema"]["minimum"] == 1
    assert page_size["schema"] == {"type": "integer", "minimum": 1, "default": 50}


def test_each_operation_has_a_name_in_words_and_says_who_may_ask(schema: dict[str, Any]) -> None:
    operations = [operation for path in schema["paths"].values() for operation in path.values()]

    assert [each["operationId"] for each in operations if not each.get("summary") or "security" not in each] == []
    assert schema["paths"]["/api/v1/auth/token/"]["post"]["security"] == []


def test_what_may_be_null_is_of_a_type_and_no_request_is_one_twice(schema: dict[str, Any]) -> None:
    answer = schema["components"]["schemas"]["BulkEffortItem"]["properties"]["answer"]

    assert (answer["nullable"], answer["type"]) == (True, "object")
    assert [name for name in schema["components"]["schemas"] if "RequestRequest" in name] == []


def test_a_query_is_never_null(schema: dict[str, Any]) -> None:
    operations = [operation for path in schema["paths"].values() for operation in path.values()]
    asked = [each for operation in operations for each in operation.get("parameters", ())]

    assert [each["name"] for each in asked if each["schema"].get("nullable")] == []


def test_a_request_of_which_unknown_fields_are_refused_says_so_and_its_answer_does_not(schema: dict[str, Any]) -> None:
    components = schema["components"]["schemas"]

    assert components["PredictEffortRequest"]["additionalProperties"] is False
    assert components["PatchedIssueRequest"]["additionalProperties"] is False
    assert "additionalProperties" not in components["Issue"]


def test_what_takes_no_body_refuses_one(schema: dict[str, Any], client: Client) -> None:
    """`{"dry_run": true}` would change nothing, and what it was sent with would be done all the same."""
    bodiless = [
        (
            path.format_map({each["name"]: _some(each) for each in told.get("parameters", ()) if each["in"] == "path"}),
            method,
        )
        for path, methods in schema["paths"].items()
        for method, told in methods.items()
        if method != "get" and "requestBody" not in told
    ]
    assert len(bodiless) > 15

    for path, method in bodiless:
        for body, status in (('{"dry_run": true}', 400), ("[1]", 400), (" { } ", 401), ("null", 401), ("", 401)):
            answer = client.generic(method.upper(), path, body, content_type="application/json")
            assert answer.status_code == status, (method, path, body)
            assert answer["Content-Type"] == "application/problem+json"
    assert client.post(bodiless[0][0]).status_code == 401, "an empty form"


def _some(parameter: dict[str, Any]) -> str:
    """A value that such a part of a path may have."""
    told = parameter["schema"]
    dates = {"date": "2026-01-01", "uuid": "0a9f5d70-0000-4000-8000-000000000000"}
    return str(told.get("enum", [dates.get(told.get("format"), "1")])[0])
