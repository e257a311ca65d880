"""Who gets in on which page: every address for people, asked by everybody. The addresses come from the URL
configuration; a new page is not allowed anything until it stands here."""

from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import get_resolver

from apps.common.exceptions import Conflict
from apps.dashboard.models import ShareLink
from apps.dashboard.services.sharing import token_of
from apps.projects.models import Issue, Project, Sprint, TeamMember
from apps.projects.names.references import sprint_references
from conftest import NOW
from tests.matrix_world import MatrixWorld, matrix
from tests.test_access_matrix import BEHIND_THE_DOOR, FOR_PROGRAMS, LEADS, TEAM, WRITERS, addresses

__all__ = ["matrix"]
pytestmark = pytest.mark.django_db

#: Programs come with keys, which open no page: to pages they are nobody.
CALLERS = ("nobody", "stranger", "staff", "viewer", "member", "lead", "administrator", "key to read")
EVERYBODY = frozenset(CALLERS)
PEOPLE = EVERYBODY - {"nobody", "key to read"}
LOG_OUT, PROJECT = "/logout/", "/projects/{key}"
#: Leads nowhere, whoever asks, unless a provider is named (`apps/accounts/tests/test_single_sign_on.py`).
SINGLE_SIGN_ON = "/login/single-sign-on/"
SPRINT = f"{PROJECT}/sprints/{{reference}}"

#: By what each page is asked, and who gets in. Of the others, the team is forbidden and strangers find nothing there.
PAGES: dict[str, tuple[str, frozenset[str]]] = {
    "/": ("GET", EVERYBODY),
    "/favicon.ico": ("GET", EVERYBODY),
    "/login/": ("GET", EVERYBODY),
    SINGLE_SIGN_ON: ("GET", EVERYBODY),
    f"{SINGLE_SIGN_ON}back/": ("GET", EVERYBODY),
    LOG_OUT: ("POST", EVERYBODY),
    "/password/": ("GET", PEOPLE),
    "/password/forgotten/": ("GET", EVERYBODY),
    "/password/{uid}/{token}/": ("GET", EVERYBODY),
    "/keys/": ("GET", PEOPLE),
    "/keys/{key_id}/withdraw/": ("POST", frozenset({"lead"})),
    "/invitations/{invitation_id}/": ("POST", frozenset({"lead"})),
    "/shared/{token}/": ("GET", EVERYBODY),
    "/projects/": ("GET", PEOPLE),
    "/projects/new/": ("POST", PEOPLE),
    "/projects/new/demonstration/": ("POST", PEOPLE),
    f"{PROJECT}/": ("GET", TEAM),
    f"{PROJECT}/chance/": ("GET", TEAM),
    f"{PROJECT}/anomalies/{{anomaly_id}}/": ("POST", WRITERS),
    f"{PROJECT}/files/{{name}}.{{kind}}": ("GET", TEAM),
    f"{PROJECT}/sprints/": ("GET", TEAM),
    f"{SPRINT}/": ("GET", TEAM),
    f"{SPRINT}/plan/": ("GET", TEAM),
    f"{SPRINT}/{{name}}.{{kind}}": ("GET", TEAM),
    f"{PROJECT}/share/": ("GET", LEADS),
    f"{PROJECT}/share/new/": ("POST", LEADS),
    f"{PROJECT}/share/{{link_id}}/withdraw/": ("POST", LEADS),
    f"{PROJECT}/issues/{{reference}}/": ("GET", TEAM),
    f"{PROJECT}/backlog/": ("GET", TEAM),
    f"{PROJECT}/backlog.csv": ("GET", TEAM),
    f"{PROJECT}/backlog/estimate/": ("GET", TEAM),
    f"{PROJECT}/backlog/{{issue_id}}/": ("GET", TEAM),
    f"{PROJECT}/trust/": ("GET", TEAM),
    f"{PROJECT}/trust/files/{{name}}.{{kind}}": ("GET", TEAM),
    f"{PROJECT}/trust/progress/": ("GET", TEAM),
    f"{PROJECT}/trust/replay/": ("POST", LEADS),
    f"{PROJECT}/models/": ("GET", TEAM),
    f"{PROJECT}/models/progress/": ("GET", TEAM),
    f"{PROJECT}/models/{{model_type}}/train/": ("POST", LEADS),
    f"{PROJECT}/models/{{model_type}}/roll-back/": ("POST", LEADS),
    f"{PROJECT}/models/{{model_id}}/activate/": ("POST", LEADS),
    f"{PROJECT}/flow/": ("GET", TEAM),
    f"{PROJECT}/flow/{{name}}.{{kind}}": ("GET", TEAM),
    f"{PROJECT}/moved/": ("GET", TEAM),
    f"{PROJECT}/said/": ("GET", TEAM),
    f"{PROJECT}/said/{{forecast_id}}/": ("GET", TEAM),
    f"{PROJECT}/said/{{name}}.{{kind}}": ("GET", TEAM),
    f"{PROJECT}/parts/": ("GET", TEAM),
    f"{PROJECT}/parts.csv": ("GET", TEAM),
    f"{PROJECT}/references/": ("GET", TEAM),
    f"{PROJECT}/settings/": ("GET", TEAM),
    f"{PROJECT}/settings/{{what}}/": ("POST", LEADS),
    f"{PROJECT}/import/": ("GET", LEADS),
    f"{PROJECT}/import/upload/": ("POST", LEADS),
    f"{PROJECT}/import/connect/": ("POST", LEADS),
    f"{PROJECT}/import/sync/{{connection_id}}/": ("POST", LEADS),
    f"{PROJECT}/import/{{run_id}}/": ("GET", LEADS),
    f"{PROJECT}/import/{{run_id}}/confirm/": ("POST", LEADS),
    f"{PROJECT}/import/{{run_id}}/undo/": ("POST", LEADS),
}


@pytest.fixture(scope="module")
def ids(matrix: MatrixWorld) -> dict[str, Any]:
    project = Project.objects.get(pk=matrix.ids["project_id"])
    lead = TeamMember.objects.get(project=project, role="lead").user
    link = ShareLink.objects.create(
        project=project, made_by=lead, made_at=NOW, expires_at=NOW.replace(year=NOW.year + 1)
    )
    sprint = Sprint.objects.get(pk=matrix.ids["sprint_id"])
    return {
        **matrix.ids,
        "key": project.key,
        "sprint": sprint_references([(sprint.pk, sprint.name)])[sprint.pk],
        "issue": Issue.objects.get(pk=matrix.ids["issue_id"]).pk,
        "token": token_of(link),
        "link_id": link.pk,
        "uid": "x",
        "invitation_id": matrix.ids["received_id"],
        "run_id": matrix.ids["import_id"],
        "what": "board",
    }


@pytest.fixture(autouse=True)
def _the_demonstration_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is let in to make it need not make it: that takes seconds."""

    def is_there(**_: Any) -> None:
        raise Conflict("It is there.")

    monkeypatch.setattr("apps.dashboard.views.start.make_demonstration", is_there)


@pytest.mark.parametrize("caller", CALLERS)
def test_everybody_opens_the_pages_that_the_list_says_and_no_other(matrix, ids, caller):
    client = client_of(matrix, caller)

    wrong = {
        route: (answer, expected)
        for route, (method, opens_to) in PAGES.items()
        if is_worth_asking(opens_to, caller)
        and (answer := ask(client, method, route, ids)) not in (expected := answers_of(opens_to, caller, route))
    }

    assert wrong == {}


def test_the_list_names_every_page_and_no_other():
    routes = {route for route, _ in addresses(get_resolver()) if not route.startswith((*FOR_PROGRAMS, "/admin/"))}

    assert sorted(routes) == sorted(PAGES)


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"])
def test_a_page_that_is_asked_as_it_cannot_be_says_how_it_can(client, ids, method):
    answers = {route: client.generic(method, address_of(route, ids)) for route in PAGES}

    wrong = {
        route: (answer.status_code, answer.headers)
        for route, answer in answers.items()
        if not (answer.status_code == 405 and answer.content and PAGES[route][0] in answer["Allow"].split(", "))
    }
    assert wrong == {}


def is_worth_asking(opens_to: frozenset[str], caller: str) -> bool:
    """A page takes a while to make: what opens to a viewer opens to all above, what opens to people to each of them."""
    return not (opens_to is TEAM and caller in WRITERS) and not (opens_to is PEOPLE and caller in TEAM)


# --- Asking -------------------------------------------------------------------------------------------------------
def client_of(matrix: MatrixWorld, caller: str) -> Client:
    client = Client(headers={"Authorization": f"Bearer {matrix.keys[caller]}"} if caller in matrix.keys else None)
    if caller in matrix.people:
        client.force_login(matrix.people[caller])
    return client


def ask(client: Client, method: str, route: str, ids: dict[str, Any]) -> int:
    """What a page says; where it leads to log in, as a program would be told (401). Nothing is kept of it."""
    session = client.cookies.copy()
    address = address_of(route, ids)
    with transaction.atomic():
        answer = client.post(address, {"status": "investigating"}) if method == "POST" else client.get(address)
        transaction.set_rollback(True)
    client.cookies = session
    if route == LOG_OUT:
        return answer.status_code
    return 401 if answer.headers.get("Location", "").startswith("/login/") else answer.status_code


def address_of(route: str, ids: dict[str, Any]) -> str:
    reference = ids["sprint"] if "/sprints/" in route else ids["issue"]
    return route.format(**{**ids, "reference": reference, "name": "burndown", "kind": "csv"})


def answers_of(opens_to: frozenset[str], caller: str, route: str) -> set[int]:
    if route.startswith(SINGLE_SIGN_ON):
        return {404}
    if caller in opens_to:
        # Which files there are depends on what is known.
        return BEHIND_THE_DOOR | {301} | ({404} if "{name}" in route else set())
    if caller not in PEOPLE:
        return {401}
    # What is one's own is not there for others, whatever they are in the team.
    return {403} if caller in TEAM and route.startswith(PROJECT) else {404}
