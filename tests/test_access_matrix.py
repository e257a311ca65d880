"""Who gets in where: every address by every method, asked by everybody, about one's own things and others'.

The addresses come from the URL configuration. A new endpoint or page is not allowed anything until it stands here.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.views.generic import View
from rest_framework.views import APIView

from apps.ml.models import MLModel
from tests.matrix_world import CALLERS, KEYS, matrix

__all__ = ["matrix"]
pytestmark = pytest.mark.django_db

#: Answers that mean: the door was open. What a body lacks, or a state forbids, is told behind it.
BEHIND_THE_DOOR = {200, 201, 202, 204, 302, 400, 409, 422, 503}
NOBODY, EVERYBODY = frozenset[str](), frozenset(CALLERS)
PEOPLE = EVERYBODY - {"nobody", *KEYS, "key of another project"}
TEAM = frozenset({"viewer", "member", "lead", "administrator"})
WRITERS, LEADS = TEAM - {"viewer"}, frozenset({"lead", "administrator"})
#: Keys of the lead know the project; the others are strangers to it.
OWN_KEYS = frozenset(KEYS)


class Door(NamedTuple):
    """Who gets in; who is told that the thing exists but is not for them (403). Others get 404, nobody gets 401."""

    opens_to: frozenset[str]
    forbids: frozenset[str] = NOBODY


def of_project(opens_to: frozenset[str], scope: str) -> Door:
    """A thing of a project: the rest of its team is forbidden, and keys without the scope, whatever they ask about."""
    key = f"key to {scope}"
    return Door(opens_to | {key}, (TEAM - opens_to) | (OWN_KEYS - {key}))


def of_oneself(scope: str | None) -> Door:
    """A list of one's own, which is there for everybody and may be empty; without a scope, no key opens it."""
    everybody = OWN_KEYS | {"key of another project"}
    keys = frozenset({f"key to {scope}", "key of another project"}) if scope else NOBODY
    return Door(PEOPLE | keys, everybody - keys)


OPEN = Door(EVERYBODY)
READ, LEADS_READ = of_project(TEAM, "read"), of_project(LEADS, "read")
PREDICT = of_project(TEAM, "predict")
WRITE, MANAGE = of_project(WRITERS, "write"), of_project(LEADS, "manage")
MINE, MY_LISTS = of_oneself(None), of_oneself("read")
#: One's own thing, by its id: to others, administrators included, it is not there.
MY_OWN = Door(frozenset({"lead"}), OWN_KEYS | {"key of another project"})
#: Of nobody in the project until it is made.
NEW_PROJECT = Door(PEOPLE | {"key to manage"}, (OWN_KEYS - {"key to manage"}) | {"key of another project"})
FOR_PROGRAMS = ("/api/", "/health/", "/metrics", "/mcp")
ML, PROJECT = "/api/v1/ml", "/api/v1/projects/{project_id}"

DOORS: dict[str, Door] = {
    "GET /api/schema/": OPEN,
    "GET /api/docs/": OPEN,
    "GET /health/live": OPEN,
    "GET /health/ready": OPEN,
    "GET /metrics": OPEN,
    # Each tool asks for its own scope, and answers like the service that it asks.
    "POST /mcp": Door(EVERYBODY - {"nobody"}),
    "POST /api/v1/auth/token/": OPEN,
    "POST /api/v1/auth/token/refresh/": OPEN,
    "POST /api/v1/auth/log-out/": OPEN,
    "POST /api/v1/auth/password/reset/": OPEN,
    "POST /api/v1/auth/password/reset/confirm/": OPEN,
    "POST /api/v1/auth/log-out-everywhere/": MINE,
    "POST /api/v1/auth/password/": MINE,
    "GET /api/v1/auth/me/": MY_LISTS,
    "GET /api/v1/auth/keys/": MINE,
    "POST /api/v1/auth/keys/": MINE,
    "DELETE /api/v1/auth/keys/{key_id}/": MY_OWN,
    "GET /api/v1/invitations/": MINE,
    "POST /api/v1/invitations/{invitation_id}/accept/": MY_OWN,
    "POST /api/v1/invitations/{invitation_id}/decline/": MY_OWN,
    "GET /api/v1/notifications/": MINE,
    "POST /api/v1/notifications/{notification_id}/read/": MY_OWN,
    "POST /api/v1/notifications/read-all/": MINE,
    "GET /api/v1/notifications/preferences/": MINE,
    "PATCH /api/v1/notifications/preferences/": MINE,
    "GET /api/v1/projects/": MY_LISTS,
    "POST /api/v1/projects/": NEW_PROJECT,
    f"GET {PROJECT}/": READ,
    f"PATCH {PROJECT}/": MANAGE,
    f"DELETE {PROJECT}/": MANAGE,
    f"GET {PROJECT}/holidays/": READ,
    f"PATCH {PROJECT}/holidays/{{day}}/": MANAGE,
    f"GET {PROJECT}/members/": READ,
    f"GET {PROJECT}/members/{{user_id}}/": READ,
    f"PATCH {PROJECT}/members/{{user_id}}/": MANAGE,
    f"DELETE {PROJECT}/members/{{user_id}}/": MANAGE,
    f"POST {PROJECT}/members/{{user_id}}/join/": MANAGE,
    f"GET {PROJECT}/issues/{{issue_id}}/history/": READ,
    f"GET {PROJECT}/issues/{{issue_id}}/links/": READ,
    f"POST {PROJECT}/issues/{{issue_id}}/links/": WRITE,
    f"GET {PROJECT}/issues/{{issue_id}}/links/{{link_id}}/": READ,
    f"DELETE {PROJECT}/issues/{{issue_id}}/links/{{link_id}}/": WRITE,
    f"POST {PROJECT}/sprints/{{sprint_id}}/start/": WRITE,
    f"POST {PROJECT}/sprints/{{sprint_id}}/close/": WRITE,
    f"GET {PROJECT}/sprints/{{sprint_id}}/report/": READ,
    f"GET {PROJECT}/invitations/": LEADS_READ,
    f"POST {PROJECT}/invitations/": MANAGE,
    f"GET {PROJECT}/invitations/{{invitation_id}}/": LEADS_READ,
    f"DELETE {PROJECT}/invitations/{{invitation_id}}/": MANAGE,
    f"POST {PROJECT}/webhooks/{{webhook_id}}/rotate-secret/": MANAGE,
    f"POST {PROJECT}/webhooks/{{webhook_id}}/test/": MANAGE,
    f"GET {PROJECT}/webhooks/{{webhook_id}}/deliveries/": LEADS_READ,
    "GET /api/v1/imports/": MY_LISTS,
    "POST /api/v1/imports/": MANAGE,
    "GET /api/v1/imports/{import_id}/": Door(LEADS | {"key to read"}, OWN_KEYS - {"key to read"}),
    "POST /api/v1/imports/{import_id}/undo/": Door(LEADS | {"key to manage"}, OWN_KEYS - {"key to manage"}),
    f"POST {ML}/predict-effort/": PREDICT,
    f"POST {ML}/recommend-story-points/": PREDICT,
    f"POST {ML}/predict-effort/bulk/": PREDICT,
    f"POST {ML}/recommend-story-points/bulk/": PREDICT,
    f"POST {ML}/estimate-sprint-duration/": PREDICT,
    f"POST {ML}/suggest-assignment/": PREDICT,
    f"GET {ML}/{{sprint_id}}/sprint-risk/": PREDICT,
    f"POST {ML}/{{project_id}}/project-summary/": PREDICT,
    f"GET {ML}/projects/{{project_id}}/scorecard/": READ,
    f"POST {ML}/projects/{{project_id}}/forecast/": PREDICT,
    f"GET {ML}/projects/{{project_id}}/flow/": READ,
    f"GET {ML}/projects/{{project_id}}/forecasts/": READ,
    f"GET {ML}/projects/{{project_id}}/forecasts/{{forecast_id}}/": READ,
    f"GET {ML}/projects/{{project_id}}/forecasts/moved/": READ,
    f"GET {ML}/projects/{{project_id}}/parts/": READ,
    f"GET {ML}/projects/{{project_id}}/reference-stories/": READ,
    f"POST {ML}/projects/{{project_id}}/similar/": PREDICT,
    f"POST {ML}/sprints/{{sprint_id}}/what-if/": PREDICT,
    f"POST {ML}/forecasts/together/": PREDICT,
    f"GET {ML}/sprints/{{sprint_id}}/burndown/": READ,
    f"GET {ML}/sprints/{{sprint_id}}/outcome/": PREDICT,
    f"GET {ML}/projects/{{project_id}}/anomalies/": READ,
    f"GET {ML}/project-anomalies/{{project_id}}/": READ,
    f"GET {ML}/projects/{{project_id}}/anomalies/{{anomaly_id}}/": READ,
    f"PATCH {ML}/projects/{{project_id}}/anomalies/{{anomaly_id}}/": WRITE,
    f"GET {ML}/models/": MY_LISTS,
    f"POST {ML}/models/train/": MANAGE,
    f"POST {ML}/models/rollback/": MANAGE,
    f"GET {ML}/models/{{model_id}}/": READ,
    f"POST {ML}/models/{{model_id}}/activate/": MANAGE,
    f"GET {ML}/jobs/{{job_id}}/": READ,
}  # fmt: skip
#: Lists with their items: whoever reads them, and whoever changes them.
for _name, _item, _reads, _writes in (
    ("issues", "issue_id", READ, WRITE),
    ("sprints", "sprint_id", READ, WRITE),
    ("days-off", "day_off_id", READ, MANAGE),
    ("issue-types", "issue_type_id", READ, MANAGE),
    ("statuses", "status_id", READ, MANAGE),
    ("webhooks", "webhook_id", LEADS_READ, MANAGE),
    ("connections", "connection_id", LEADS_READ, MANAGE),
):
    DOORS |= {f"{method} {PROJECT}/{_name}/": door for method, door in (("GET", _reads), ("POST", _writes))}
    DOORS |= {
        f"{method} {PROJECT}/{_name}/{{{_item}}}/": door
        for method, door in (("GET", _reads), ("PATCH", _writes), ("DELETE", _writes))
    }
#: Bodies without which the door is not reached: they name the project, or the thing, that it is about.
BODIES: dict[str, dict[str, Any]] = {
    "POST /api/v1/imports/": {"project": "project_id", "connection": "connection_id"},
    f"POST {ML}/predict-effort/": {"project_id": "project_id", "title": None},
    f"POST {ML}/recommend-story-points/": {"project_id": "project_id", "title": None},
    f"POST {ML}/predict-effort/bulk/": {"project_id": "project_id", "issues": ("A title",)},
    f"POST {ML}/recommend-story-points/bulk/": {"project_id": "project_id", "issues": ("A title",)},
    f"POST {ML}/estimate-sprint-duration/": {"sprint_id": "sprint_id"},
    f"POST {ML}/suggest-assignment/": {"project_id": "project_id", "issue_id": "issue_id"},
    f"POST {ML}/projects/{{project_id}}/similar/": {"title": None},
    f"POST {ML}/forecasts/together/": {"projects": ("project_id",), "by": "2026-04-01"},
    f"POST {ML}/models/train/": {"project_id": "project_id", "model_type": "effort_prediction"},
    f"POST {ML}/models/rollback/": {"project_id": "project_id", "model_type": "effort_prediction"},
}  # fmt: skip


@pytest.mark.parametrize("caller", CALLERS)
def test_everybody_gets_in_where_the_list_says_and_nowhere_else(matrix, caller):
    client = matrix.client(caller)

    wrong = {
        operation: (answer, expected)
        for operation, door in DOORS.items()
        # What is open asks nobody who they are: one person and one key show it.
        if (door is not OPEN or caller in ("nobody", "key to predict"))
        and (answer := ask(client, operation, matrix.ids)) not in (expected := answers_of(door, caller))
    }

    assert wrong == {}


def test_a_foreign_thing_is_not_reached_through_ones_own_project(matrix):
    client = matrix.client("stranger")
    mixed = {**matrix.ids, "project_id": matrix.foreign["project_id"]}
    # A day is of no project.
    inside = [each for each in DOORS if each.count("{") > 1 and "{day}" not in each]

    answers = {operation: ask(client, operation, mixed) for operation in inside}

    assert len(inside) > 30
    assert {operation: code for operation, code in answers.items() if code != 404} == {}


def test_the_list_names_every_address_and_no_other():
    assert sorted(operations()) == sorted(DOORS)


def test_the_administration_opens_to_staff_only(matrix):
    site = [f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in admin.site._registry]
    answers = {}
    for caller in ("nobody", "lead", "staff", "administrator"):
        client = Client()
        if caller != "nobody":
            client.force_login(matrix.people[caller])
        answers[caller] = {client.get(address).status_code for address in ["/admin/", *site]}

    assert answers == {"nobody": {302}, "lead": {302}, "staff": {200, 403}, "administrator": {302}}


def test_no_list_of_the_administration_is_filtered_by_a_secret(rf):
    secrets = ("password", "secret", "salt", "digest", "token")
    found = [
        (shown, field.name)
        for model, shown in admin.site._registry.items()
        for field in model._meta.get_fields()
        # Digests of artefacts are no secrets: they stand in the registry.
        if any(word in field.name for word in secrets) and model is not MLModel
    ]

    assert len(found) >= 5
    for shown, name in found:
        for lookup in (name, f"{name}__startswith"):
            assert not shown.lookup_allowed(lookup, "x", rf.get("/")), f"{shown}: {lookup}"


# --- Asking -------------------------------------------------------------------------------------------------------
def answers_of(door: Door, caller: str) -> set[int]:
    if caller in door.opens_to:
        return BEHIND_THE_DOOR
    if caller == "nobody":
        return {401}
    return {403} if caller in door.forbids else {404}


def ask(client: Any, operation: str, ids: dict[str, Any]) -> int:
    """The status of one request, which changes nothing."""
    method, _, route = operation.partition(" ")
    about = {**ids, "invitation_id": ids["received_id"]} if route.startswith("/api/v1/invitations/") else ids
    body = {name: _filled(what, about) for name, what in BODIES.get(operation, {}).items()}
    with transaction.atomic():
        sent = [] if method == "GET" else [body]
        status: int = getattr(client, method.lower())(route.format(**about), *sent).status_code
        transaction.set_rollback(True)
    return status


def _filled(what: Any, about: dict[str, Any]) -> Any:
    """What a body holds: an id by its name, a text, or several."""
    return [_filled(each, about) for each in what] if isinstance(what, tuple) else about.get(what, what) or "A title"


def operations() -> Iterator[str]:
    """Every method of every address for programs; the administration and the pages have tests of their own."""
    for route, view in addresses(get_resolver()):
        if route.startswith(FOR_PROGRAMS):
            yield from (f"{method} {route}" for method in methods_of(view))


def addresses(resolver: URLResolver, prefix: str = "/") -> Iterator[tuple[str, Any]]:
    """`{project_id}` for `<uuid:project_id>`, with what answers there."""
    for each in resolver.url_patterns:
        parts = str(each.pattern).split("<")
        route = prefix + parts[0] + "".join("{" + part.partition(":")[2].replace(">", "}", 1) for part in parts[1:])
        if isinstance(each, URLPattern):
            yield route, each.callback
        else:
            yield from addresses(each, route)


def methods_of(view: Any) -> list[str]:
    """Of a viewset what its address names, of a class what it defines; a function is a page to look at."""
    if actions := getattr(view, "actions", None):
        return [method.upper() for method in actions if method != "head"]
    shown = getattr(view, "cls", None) or getattr(view, "view_class", None)
    if shown is None:
        return ["GET"]
    base = APIView if issubclass(shown, APIView) else View
    offered = view.view_initkwargs.get("http_method_names", base.http_method_names)
    asked = [method for method in ("get", "post", "put", "patch", "delete") if hasattr(shown, method)]
    return [method.upper() for method in asked if method in offered and (method == "get" or base is APIView)]
