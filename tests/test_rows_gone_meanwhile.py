"""What a request is about is deleted in the middle of it, or who asks is: an answer tells it, and no fault of ours.

Every endpoint and every page is asked, as the OpenAPI document and the URL configuration have them. The project goes,
whatever else the address names, the account and the key: each as soon as the request has read something, and just
before its first transaction.
"""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models
from django.test import Client
from rest_framework.test import APIClient

from apps.access.keys import create_key
from apps.access.models import ApiKey, Invitation
from apps.accounts.models import User
from apps.accounts.scopes import Scope
from apps.common.exceptions import Conflict
from apps.dashboard.models import ShareLink
from apps.dashboard.pages.settings import CHANGES
from apps.dashboard.services.sharing import token_of
from apps.importers.models import Connection, ImportRun
from apps.importers.runs import ask_upload
from apps.ml.models import AnomalyDetection, KeptForecast, MLModel, TrainingRun
from apps.notifications.models import Delivery, Webhook
from apps.projects.models import DayOff, Issue, IssueLink, IssueType, Project, Sprint, TeamMember, WorkflowStatus
from apps.projects.names.references import sprint_references
from conftest import NOW
from tests.api_world import World, world
from tests.deletions import (
    Act,
    answers_meanwhile,
    as_written,
    each_transaction_is_seen,
    nothing_kept,
    person_goes,
    row_goes,
    written,
)
from tests.matrix_world import KEYS
from tests.test_access_matrix import DOORS, OPEN
from tests.test_every_answer import OPERATIONS, QUESTIONS, named_by_an_import
from tests.test_page_matrix import PAGES

__all__ = ["each_transaction_is_seen", "world"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("each_transaction_is_seen")]

#: What an address names, and where it stands.
TABLES: Mapping[str, type[models.Model]] = {
    "issue_id": Issue, "link_id": IssueLink, "issue_type_id": IssueType, "status_id": WorkflowStatus,
    "sprint_id": Sprint, "day_off_id": DayOff, "webhook_id": Webhook, "notification_id": Delivery,
    "anomaly_id": AnomalyDetection, "model_id": MLModel, "job_id": TrainingRun, "connection_id": Connection,
    "import_id": ImportRun, "run_id": ImportRun, "invitation_id": Invitation, "forecast_id": KeptForecast,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_worker_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is handed to the workers is theirs: trainings and replays take long."""
    monkeypatch.setattr("celery.app.task.Task.apply_async", lambda *_, **__: None)


@pytest.fixture(scope="module")
def page_ids(world: World) -> dict[str, Any]:
    """What stands in the addresses of pages."""
    return ids_of_pages(world)


@pytest.fixture(scope="module")
def going(world: World, page_ids: dict[str, Any]) -> dict[str, Act]:
    """What goes under every request, looked for once for all of them."""
    return written_of_all(world)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_endpoint_fails_when_what_it_is_about_goes(world: World, going: dict[str, Act], operation: str) -> None:
    faults = []
    for question in QUESTIONS.get(operation, (lambda w: {},)):
        with nothing_kept():
            with written() as made:
                body = dict(question(world))
            ids = {**world.ids(), **body.pop("ids", {})}
            ask = partial(asked, api_client(world, operation), operation, ids, body)
            # What a question made goes, too.
            of_this = written_of_all(world) if made else going
            faults += faults_of(ask, {**of_this, **named(operation, ids, body)})

    assert faults == []


@pytest.mark.parametrize("route", [route for route in PAGES if "single-sign-on" not in route])
def test_no_page_fails_when_what_it_is_about_goes(
    world: World, page_ids: dict[str, Any], going: dict[str, Act], route: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_there(**_: Any) -> None:
        raise Conflict("It is there.")

    monkeypatch.setattr("apps.dashboard.views.start.make_demonstration", is_there)
    faults = []
    with nothing_kept():
        with written() as made:
            asked_for = list(visits(world, page_ids, route))
        of_this = written_of_all(world) if made else going
        for ids, sent in asked_for:
            client = Client(raise_request_exception=False)
            # As the database has them: another test may have changed their password in memory.
            client.force_login(User.objects.get(pk=world.lead.pk))
            ask = partial(visited, client, PAGES[route][0], address_of(route, ids), sent)
            project = "other project" if ids["project_id"] == world.learned.pk else "project"
            goes = {"project": of_this[project], "account": of_this["account"], **named(route, ids, sent or {})}
            faults += [f"{ids.get('what', '')} {fault}" for fault in faults_of(ask, goes)]

    assert faults == []


def test_every_form_of_the_settings_is_sent(world: World) -> None:
    with nothing_kept():
        assert set(settings_forms(world)) == set(CHANGES)


def faults_of(ask: Any, deletions: dict[str, Act]) -> list[str]:
    """What was answered as it must not be; without a deletion, that anything was refused at all."""
    return [
        f"{when}: {answer.status_code} {getattr(answer, 'exc_info', None) or answer.content[:200]}"
        for when, answer in answers_meanwhile(ask, deletions)
        if answer.status_code >= (400 if when == "nothing" else 500)
        or (when == "nothing" and answer.headers.get("Location", "").startswith("/login/?next="))
    ]


# --- What goes ----------------------------------------------------------------------------------------------------
def of_all(world: World) -> dict[str, Act]:
    """Of every request: both projects of who asks, the account, and its keys."""
    return {
        "project": row_goes(Project, world.project.pk),
        "other project": row_goes(Project, world.learned.pk),
        "account": lambda: person_goes(world.lead),
        "key": lambda: models.QuerySet(ApiKey).filter(user=world.lead).delete() and None,
    }


def written_of_all(world: World) -> dict[str, Act]:
    return {name: as_written(act) for name, act in of_all(world).items()}


def named(address: str, ids: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Act]:
    """What the address and the body name."""
    names = {name for name in TABLES if f"{{{name}}}" in address or name in body}
    gone = {name: row_goes(TABLES[name], ids[name]) for name in sorted(names)}
    if "{user_id}" in address:
        places = TeamMember.objects.filter(user=ids["user_id"])
        gone["place in the team"] = lambda: places.delete() and None
        gone["member"] = lambda: person_goes(User.objects.get(pk=ids["user_id"]))
    if "{reference}" in address:
        gone["what the page is about"] = row_goes(Sprint if "/sprints/" in address else Issue, ids["about"])
    if "settings" in address:
        gone |= {name: row_goes(table, body[name]) for name, table in _OF_FORMS.items() if name in body}
    return gone


_OF_FORMS: Mapping[str, type[models.Model]] = {
    "member": TeamMember, "with": TeamMember, "invitation": Invitation, "day_off": DayOff, "webhook": Webhook,
}  # fmt: skip


# --- Endpoints ----------------------------------------------------------------------------------------------------
def api_client(world: World, operation: str) -> APIClient:
    """By a key where one opens it."""
    client, opens_to = APIClient(raise_request_exception=False), DOORS[operation].opens_to
    if opens_to.isdisjoint(KEYS):
        client.force_authenticate(world.lead)
    elif DOORS[operation] is not OPEN:
        _, text = create_key(world.lead, name="k", scopes=list(Scope.values), project=None, days=30, now=NOW)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def asked(client: APIClient, operation: str, ids: Mapping[str, Any], body: Mapping[str, Any]) -> Any:
    method, _, path = operation.partition(" ")
    return getattr(client, method.lower())(path.format(**ids), json.loads(json.dumps(body, default=str)))


# --- Pages --------------------------------------------------------------------------------------------------------
def visits(
    world: World, known: Mapping[str, Any], route: str
) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
    """The ids of a page's address, and what its form sends; of the settings each."""
    ids = dict(known)
    forms: dict[str, dict[str, Any]] = {
        "/projects/new/": {"key": "NEW", "name": "New"},
        "/invitations/{invitation_id}/": {"answer": "accept"},
        "/projects/{key}/anomalies/{anomaly_id}/": {"status": "investigating"},
        "/projects/{key}/import/connect/": {"kind": "github", "scope": "acme/office", "token": "secret"},
        "/projects/{key}/import/upload/": {"file": b"id,title\nA-1,x\n"},
    }
    if "/models/" in route:
        ids |= {"key": world.learned.key, "project_id": world.learned.pk}
    if "/sprints/" in route:
        ids |= {"reference": ids["sprint"], "about": world.running.pk}
    if "confirm" in route:
        # Of a file that was tried.
        tried = ask_upload(world.project, name="a.csv", content=b"id,title\nA-1,x\n", by=world.lead, now=NOW)
        ids["run_id"] = tried.pk
    if "{what}" not in route:
        yield ids, forms.get(route)
        return
    for what, sent in settings_forms(world).items():
        yield ids | {"what": what}, sent


def ids_of_pages(world: World) -> dict[str, Any]:
    project, running = world.project, world.running
    link = ShareLink.objects.create(
        project=project, made_by=world.lead, made_at=NOW, expires_at=NOW.replace(year=NOW.year + 1)
    )
    return {
        **world.ids(),
        "key": project.key,
        "key_id": world.key.pk,
        "sprint": sprint_references([(running.pk, running.name)])[running.pk],
        "reference": world.issue.pk,
        "about": world.issue.pk,
        "token": token_of(link),
        "link_id": link.pk,
        "uid": "x",
        "invitation_id": world.received.pk,
        "run_id": world.imported.pk,
        "model_type": "effort_prediction",
    }


def settings_forms(world: World) -> dict[str, dict[str, Any]]:
    """What each form of the settings sends."""
    member = TeamMember.objects.get(project=world.project, user=world.member.user)
    return {
        "general": {"name": "Other", "time_zone": "UTC"},
        "board": {"agent_labels": "robot"},
        "shown": {"predictions_enabled": "on"},
        "types": {},
        "invite": {"email": "new@example.com", "role": "member"},
        "withdraw": {"invitation": world.invited.pk},
        "member": {"member": member.pk, "role": "viewer"},
        "remove-member": {"member": member.pk},
        "join": {"member": named_by_an_import(world).pk, "with": member.pk},
        "add-day-off": {"day": "2026-05-01", "name": "Feast"},
        "remove-day-off": {"day_off": world.day_off.pk},
        "notifications": {"least_severity": "high"},
        "add-webhook": {"url": "https://93.184.216.34/hook", "least_severity": "high"},
        "switch-webhook": {"webhook": world.webhook.pk, "to": "off"},
        "remove-webhook": {"webhook": world.webhook.pk},
    }


def address_of(route: str, ids: Mapping[str, Any]) -> str:
    name = {"/trust/": "answers", "/flow/": "cumulative", "/said/": "said", "/files/": "burn-up"}
    return route.format(
        **{"name": next((name[part] for part in name if part in route), "burndown"), "kind": "csv", **ids}
    )


def visited(client: Client, method: str, address: str, sent: Mapping[str, Any] | None) -> Any:
    """What a page says to who is logged in, each time anew."""
    cookies: Any = client.cookies.copy()
    fields = {
        name: SimpleUploadedFile("a.csv", value) if isinstance(value, bytes) else value
        for name, value in (sent or {}).items()
    }
    answer = client.post(address, fields) if method == "POST" else client.get(address)
    client.cookies = cookies
    return answer
