"""An answer of every endpoint is what the OpenAPI document says of it: status, type, every field and none besides."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import hashers
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from django.utils.http import urlsafe_base64_encode
from jsonschema import Draft202012Validator, FormatChecker
from rest_framework.test import APIClient

from apps.accounts.codes import password_codes
from apps.accounts.models import User
from apps.accounts.tests.factories import PASSWORD, UserFactory
from apps.common import broker
from apps.common.api import idempotency
from apps.common.api.idempotency import HEADER, REPLAYED
from apps.common.lookups import Lookup
from apps.ml.models import KeptPast, TextSnapshot
from apps.ml.storage.objects import ObjectStore
from apps.projects.models import TeamMember
from apps.projects.tests.factories import TeamMemberFactory
from tests.api_world import World, operations, the_schema, world

__all__ = ["world"]
pytestmark = pytest.mark.django_db

OPERATIONS = operations()
#: What takes as long as somebody else lets it: the doors to the broker, the store, name servers, mail, the processor.
OUTSIDE = (
    (broker, "_send"),
    *((ObjectStore, name) for name in ("put", "get", "head", "exists", "list", "folders", "delete", "require_answer")),
    (Lookup, "__call__"),
    (EmailBackend, "send_messages"),
    (hashers, "get_hasher"),
)
#: Statements that hold nothing.
READING = ("SELECT", "SAVEPOINT", "RELEASE")
#: Of a team's past, with or without an answer.
KEPT_ANYWAY = (KeptPast, TextSnapshot)
Question = Callable[[World], dict[str, Any]]
ML, PROJECT = "/api/v1/ml", "/api/v1/projects/{project_id}"
BUG = {"title": "Change the export of part 3", "description": "It is slow.", "issue_type": "bug", "priority": 2}

#: The body (to GET the query) of each operation that takes one; the others are asked without. Several where answers
#: differ. `ids` are those of the address that are not the `World`'s own.
QUESTIONS: Mapping[str, tuple[Question, ...]] = {
    "POST /api/v1/auth/token/": (lambda w: credentials(),),
    "POST /api/v1/auth/token/refresh/": (lambda w: {"refresh": refresh_token()},),
    "POST /api/v1/imports/": (lambda w: {"project": w.project.id, "connection": w.connection.id, "dry_run": True},),
    f"POST {ML}/estimate-sprint-duration/": (
        lambda w: {"sprint_id": w.running.id},
        lambda w: {"sprint_id": w.planned.id, "team_capacity_hours": 300},
    ),
    f"POST {ML}/models/rollback/": (lambda w: {"model_type": "effort_prediction", "project_id": w.learned.id},),
    f"POST {ML}/models/train/": (lambda w: {"model_type": "effort_prediction", "project_id": w.learned.id},),
    f"POST {ML}/predict-effort/": (
        lambda w: {**BUG, "project_id": w.learned.id},
        lambda w: {**BUG, "project_id": w.project.id},
    ),
    f"POST {ML}/predict-effort/bulk/": (lambda w: {"project_id": w.learned.id, "issues": [BUG, BUG]},),
    f"POST {ML}/recommend-story-points/bulk/": (lambda w: {"project_id": w.learned.id, "issues": [BUG, BUG]},),
    f"PATCH {ML}/projects/{{project_id}}/anomalies/{{anomaly_id}}/": (lambda w: {"status": "investigating"},),
    f"POST {ML}/projects/{{project_id}}/forecast/": (
        lambda w: {},
        lambda w: {"by": "2026-04-01"},
        lambda w: {"component": w.project.issues.exclude(component="").last().component, "growth": True},
    ),
    f"POST {ML}/forecasts/together/": (
        lambda w: {"projects": [w.project.key, w.learned.id], "by": "2026-06-01"},
        lambda w: {"projects": [w.project.id], "by": "2026-06-01", "label": "no such label"},
    ),
    f"GET {ML}/projects/{{project_id}}/flow/": (lambda w: {"days": 30},),
    f"GET {ML}/projects/{{project_id}}/forecasts/moved/": (lambda w: {}, lambda w: {"since": "2026-02-02"}),
    f"GET {ML}/projects/{{project_id}}/parts/": (lambda w: {"by": "component"},),
    f"GET {ML}/projects/{{project_id}}/scorecard/": (lambda w: {"days": 30}, lambda w: {"type": "story_points"}),
    f"POST {ML}/projects/{{project_id}}/similar/": (lambda w: {"title": w.project.issues.last().title},),
    f"POST {ML}/recommend-story-points/": (
        lambda w: {**BUG, "project_id": w.learned.id},
        lambda w: {**BUG, "project_id": w.project.id},
    ),
    f"GET {ML}/sprints/{{sprint_id}}/burndown/": (lambda w: {}, lambda w: {"ids": {"sprint_id": w.closed.id}}),
    f"GET {ML}/sprints/{{sprint_id}}/outcome/": (lambda w: {}, lambda w: {"ids": {"sprint_id": w.planned.id}}),
    f"POST {ML}/sprints/{{sprint_id}}/what-if/": (
        lambda w: {"extra_days": -3, "add_issues": [w.issue.id]},
        lambda w: {"ids": {"sprint_id": w.planned.id}},
    ),
    f"POST {ML}/suggest-assignment/": (
        lambda w: {"project_id": w.project.id, "issue_id": w.issue.id, "strategy": "learned"},
        lambda w: {"project_id": w.project.id, "issue_id": w.issue.id, "strategy": "formula"},
        lambda w: {"project_id": w.project.id, "issue_id": w.issue.id},
    ),
    "PATCH /api/v1/notifications/preferences/": (lambda w: {"email": False},),
    "POST /api/v1/projects/": (lambda w: {"key": "NEW", "name": "New"},),
    f"PATCH {PROJECT}/": (lambda w: {"name": "Other"},),
    f"POST {PROJECT}/connections/": (lambda w: {"kind": "github", "scope": "acme/office", "token": "secret"},),
    f"PATCH {PROJECT}/connections/{{connection_id}}/": (lambda w: {"is_active": False},),
    f"POST {PROJECT}/days-off/": (lambda w: {"day": "2026-12-24"},),
    f"PATCH {PROJECT}/days-off/{{day_off_id}}/": (lambda w: {"name": "Outing"},),
    f"PATCH {PROJECT}/holidays/{{day}}/": (lambda w: {"is_worked": True},),
    f"POST {PROJECT}/issue-types/": (lambda w: {"name": "chore"},),
    f"PATCH {PROJECT}/issue-types/{{issue_type_id}}/": (lambda w: {"name": "chore"},),
    f"POST {PROJECT}/issues/": (lambda w: {"title": "Change the login", "issue_type": "bug"},),
    f"PATCH {PROJECT}/issues/{{issue_id}}/": (lambda w: {"assignee": w.member.user_id, "labels": ["login"]},),
    f"POST {PROJECT}/issues/{{issue_id}}/links/": (
        lambda w: {"relation": "blocked_by", "issue": w.project.issues.exclude(pk=w.issue.pk).last().id},
    ),
    "POST /api/v1/invitations/{invitation_id}/accept/": (lambda w: {"ids": {"invitation_id": w.received.id}},),
    "POST /api/v1/invitations/{invitation_id}/decline/": (lambda w: {"ids": {"invitation_id": w.received.id}},),
    f"POST {PROJECT}/invitations/": (lambda w: {"email": UserFactory().email},),
    "POST /api/v1/auth/log-out/": (lambda w: {"refresh": refresh_token()},),
    "POST /api/v1/auth/password/": (lambda w: {"old_password": PASSWORD, "new_password": f"{PASSWORD}-2"},),
    "POST /api/v1/auth/password/reset/": (lambda w: {"email": w.lead.email},),
    "POST /api/v1/auth/password/reset/confirm/": (lambda w: reset_code(w.lead.pk),),
    "POST /api/v1/auth/keys/": (lambda w: {"name": "CI", "scopes": ["read"]},),
    f"PATCH {PROJECT}/members/{{user_id}}/": (lambda w: {"absent_from": "2026-03-05"},),
    f"POST {PROJECT}/members/{{user_id}}/join/": (
        lambda w: {"ids": {"user_id": named_by_an_import(w).user_id}, "member": w.member.user_id},
    ),
    f"POST {PROJECT}/sprints/": (lambda w: {"name": "Sprint 99"},),
    f"PATCH {PROJECT}/sprints/{{sprint_id}}/": (lambda w: {"goal": "Fewer bugs"},),
    f"DELETE {PROJECT}/sprints/{{sprint_id}}/": (lambda w: {"ids": {"sprint_id": w.planned.id}},),
    f"GET {PROJECT}/sprints/{{sprint_id}}/report/": (lambda w: {}, lambda w: {"ids": {"sprint_id": w.closed.id}}),
    f"POST {PROJECT}/sprints/{{sprint_id}}/start/": (lambda w: {"ids": {"sprint_id": w.planned.id}},),
    f"POST {PROJECT}/statuses/": (lambda w: {"name": "Waits", "category": "to_do"},),
    f"PATCH {PROJECT}/statuses/{{status_id}}/": (lambda w: {"position": 3},),
    f"POST {PROJECT}/webhooks/": (lambda w: {"url": "https://93.184.216.34/hook"},),
    f"PATCH {PROJECT}/webhooks/{{webhook_id}}/": (lambda w: {"is_active": False},),
}  # fmt: skip


def named_by_an_import(world: World) -> TeamMember:
    n = TeamMember.objects.filter(project=world.project).count()
    user = UserFactory(email=f"x{n}@shop.imported.invalid", is_active=False, is_placeholder=True)
    return TeamMemberFactory(project=world.project, user=user)


def credentials() -> dict[str, str]:
    return {"email": UserFactory().email, "password": PASSWORD}


def refresh_token() -> str:
    token: str = APIClient().post("/api/v1/auth/token/", credentials()).json()["refresh"]
    return token


def reset_code(user_id: UUID) -> dict[str, str]:
    """What a mail would bring, and what somebody chooses."""
    uid, user = urlsafe_base64_encode(str(user_id).encode()), User.objects.get(pk=user_id)
    return {"uid": uid, "token": password_codes.make_token(user), "new_password": PASSWORD}


@pytest.fixture
def asked_in_a_transaction(world, db, monkeypatch) -> list[str]:
    """What is asked of others while a transaction of the request is open, and with it SQLite's only writer."""
    asked: list[str] = []
    of_the_test = len(connection.atomic_blocks)

    def watched(name: str, ask: Callable[..., Any]) -> Callable[..., Any]:
        def watch(*args: Any, **kwargs: Any) -> Any:
            if len(connection.atomic_blocks) > of_the_test:
                asked.append(name)
            return ask(*args, **kwargs)

        return watch

    for owner, name in OUTSIDE:
        monkeypatch.setattr(owner, name, watched(f"{owner.__name__}.{name}", getattr(owner, name)))
    return asked


def cases() -> Iterator[Any]:
    for operation in OPERATIONS:
        for number, question in enumerate(QUESTIONS.get(operation, (lambda w: {},))):
            yield pytest.param(operation, question, id=f"{operation}{f' {number}' if number else ''}")


def asks(operation: str) -> bool:
    """Whether a POST is worked out before its transaction; the ids in its address are any."""
    method, _, path = operation.partition(" ")
    if method != "POST":
        return False
    view: Any = resolve(re.sub(r"{\w+}", str(UUID(int=0)), path)).func
    act = getattr(view.cls, getattr(view, "actions", {}).get("post", "post"))
    return idempotency.is_worked_out_first(view.cls, act)


@pytest.mark.parametrize(("operation", "question"), list(cases()))
def test_an_answer_is_what_the_document_says_and_given_again_for_its_key(
    world, operation, question, django_assert_max_num_queries, asked_in_a_transaction
):
    asked, sent = question(world), {HEADER: "this-request"} if takes_a_key(operation) else {}

    answer = ask(world, operation, dict(asked), sent)

    assert answer.status_code < 300, answer.content
    assert asked_in_a_transaction == [], "Who is slow to answer would hold everybody's writes."
    assert problems(operation, answer) == []
    if answer.content and "results" in answer.json() and operation.startswith("GET"):
        assert_is_had_as_rows(answer.json()["results"], lambda kind: ask(world, operation, {"format": kind}, {}))
    if sent:
        # One query looks for the kept answer, two for whether the person may still ask.
        with django_assert_max_num_queries(3) as looked_up:
            again = ask(world, operation, asked, sent)
        assert all(query["sql"].startswith("SELECT") for query in looked_up.captured_queries)
        assert (again.status_code, again.content, again[REPLAYED]) == (answer.status_code, answer.content, "true")
        assert again.headers.items() >= {each for each in answer.headers.items() if each[0] != "X-Request-ID"}


def assert_is_had_as_rows(rows: list[dict[str, Any]], asked_as: Callable[[str], Any]) -> None:
    """The same rows as CSV, with the same columns, and as JSON lines."""
    assert rows, "An empty list shows nothing of its rows."
    as_csv, as_lines = asked_as("csv"), asked_as("jsonl")
    header, *lines = csv.reader(io.StringIO(as_csv.content.decode("utf-8-sig")))
    assert (header, len(lines)) == (list(rows[0]), len(rows))
    assert [json.loads(line) for line in as_lines.content.splitlines()] == rows


def test_every_post_of_somebody_who_is_logged_in_takes_a_key():
    posts = [operation for operation in OPERATIONS if operation.startswith("POST")]
    of_nobody = ("/auth/token/", "/auth/log-out/", "/auth/password/reset/")

    assert [each for each in posts if not takes_a_key(each) and not any(open_ in each for open_ in of_nobody)] == []


def test_no_post_takes_a_key_of_which_the_document_says_nothing():
    """What the document leaves out, no test of keys goes over."""
    posts = {f"POST {path}" for path, view in views(get_resolver()) if idempotency.takes_keys(view) and posts_to(view)}

    assert posts - set(OPERATIONS) == set()


@pytest.mark.parametrize(("operation", "question"), [each for each in cases() if asks(str(each.values[0]))])
def test_a_question_with_a_key_is_worked_out_before_it_is_written(world, operation, question, monkeypatch):
    """Whatever takes long holds no lock: of what stays, all is written with the answer."""
    worked_out: list[CaptureQueriesContext] = []

    def counting(answer: Callable[[], Any]) -> Callable[[], Any]:
        with CaptureQueriesContext(connection) as queries:
            write = work_out(answer)
        worked_out.append(queries)
        return write

    work_out = idempotency._worked_out
    monkeypatch.setattr(idempotency, "_worked_out", counting)

    answer = ask(world, operation, question(world), {HEADER: "this-request"})

    assert answer.status_code < 300, answer.content
    [queries] = worked_out
    written = [query["sql"] for query in queries if not query["sql"].startswith(READING)]
    assert [sql for sql in written if not any(table._meta.db_table in sql for table in KEPT_ANYWAY)] == []


def test_the_document_knows_every_operation_and_every_address():
    paths = the_schema()["paths"]

    assert [f"{method.upper()} {path}" for path, each in paths.items() for method in each] == OPERATIONS
    assert {address for address in addresses(get_resolver()) if address.startswith("/api/v1/")} == set(paths)


def test_no_question_is_for_an_endpoint_that_is_gone():
    assert set(QUESTIONS) <= set(OPERATIONS)


# --- Asking -------------------------------------------------------------------------------------------------------
def takes_a_key(operation: str) -> bool:
    """Whether the document says that it takes an `Idempotency-Key`."""
    method, _, path = operation.partition(" ")
    return any(each["name"] == HEADER for each in the_schema()["paths"][path][method.lower()].get("parameters", ()))


def ask(world: World, operation: str, question: dict[str, Any], headers: Mapping[str, str]) -> Any:
    """The answer to the lead."""
    client = APIClient()
    if "/auth/token/" not in operation:
        client.force_authenticate(world.lead)
    method, _, path = operation.partition(" ")
    address = path.format(**world.ids() | question.pop("ids", {}))
    return getattr(client, method.lower())(address, question, headers=headers)


def posts_to(view: Any) -> bool:
    return "post" in getattr(view, "actions", dir(view.cls))


def addresses(resolver: URLResolver) -> Iterator[str]:
    return (address for address, _ in views(resolver))


def views(resolver: URLResolver, prefix: str = "/") -> Iterator[tuple[str, Any]]:
    """Every address as the document writes it, `{project_id}` for `<uuid:project_id>`, with what answers there."""
    for each in resolver.url_patterns:
        route = prefix + "".join(
            "{" + part.partition(":")[2] if part.partition(":")[2] else part for part in str(each.pattern).split("<")
        ).replace(">", "}")
        if isinstance(each, URLPattern):
            yield route, each.callback
        else:
            yield from views(each, route)


# --- Judging ------------------------------------------------------------------------------------------------------
def problems(operation: str, answer: Any) -> list[str]:
    """What the document does not say of an answer, or says otherwise."""
    method, _, path = operation.partition(" ")
    responses = the_schema()["paths"][path][method.lower()]["responses"]
    if str(answer.status_code) not in responses:
        return [f"The status {answer.status_code} is not documented."]
    content = responses[str(answer.status_code)].get("content", {})
    if not content:
        return [f"A body where none is documented: {answer.content!r}"] if answer.content else []
    if answer["Content-Type"] not in content:
        return [f"{answer['Content-Type']} is not documented."]
    document = {**strict(content[answer["Content-Type"]]["schema"]), "components": strict(the_schema()["components"])}
    validator = Draft202012Validator(document, format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(answer.json())]


def strict(schema: Any) -> Any:
    """OpenAPI 3.0 as JSON schema, where an object has all its fields and no other: an answer leaves none out."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    converted = {name: strict(each) for name, each in schema.items() if name != "nullable"}
    if "properties" in schema and isinstance(schema.get("type"), str):
        converted |= {"additionalProperties": False, "required": list(schema["properties"])}
    return {"anyOf": [converted, {"type": "null"}]} if schema.get("nullable") is True else converted
