"""Every form of every page, sent twice, as a double click or "Back" does, and with lines that nobody can read.

The forms come from the pages, which come from the URL configuration: a new one is sent as well.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.test import Client

from apps.importers.models import ImportRun, ImportTouch
from apps.ml.tests.factories import MLModelFactory
from apps.projects.models import Project, TeamMember
from apps.projects.tests.factories import UserFactory
from conftest import NOW
from tests.forms_of_pages import FILE, Form, forms_in
from tests.matrix_world import MatrixWorld, matrix
from tests.test_page_matrix import PAGES, _the_demonstration_is_made, address_of, client_of, ids

__all__ = ["_the_demonstration_is_made", "ids", "matrix"]
pytestmark = pytest.mark.django_db

#: A bell, a turned line, two lines, nothing that can be seen, what PostgreSQL keeps nowhere, more than columns hold.
ODD = ["k\x07P", "k\u202eP", "a\nb", "\u200b", "a\0b", "x" * 5_000]


@pytest.fixture(scope="module")
def forms(matrix: MatrixWorld, ids: dict[str, Any]) -> list[Form]:
    """What the pages show, each form once: to a lead, to somebody without projects, and to whoever is not logged in."""
    run_ids = _shown_too(Project.objects.get(pk=ids["project_id"]))
    askers = [client_of(matrix, "lead"), client_of(matrix, "staff"), Client()]
    found: dict[str, Form] = {}
    for route, (method, _) in PAGES.items():
        for run_id in run_ids if method == "GET" and "{run_id}" in route else run_ids[: method == "GET"]:
            address = address_of(route, {**ids, "run_id": run_id})
            for asker in askers:
                answer = asker.get(address)
                if answer.status_code == 200 and "html" in answer["Content-Type"]:
                    found |= {str(form): form for form in forms_in(address, answer.content.decode())}
    return list(found.values())


def _shown_too(project: Project) -> list[UUID]:
    """A model to go back to, a name of an import, a file that was tried; and which imports there are."""
    MLModelFactory(project=project, status="active", is_active=True)
    MLModelFactory(project=project, status="deprecated", activated_at=NOW)
    TeamMember.objects.create(project=project, user=UserFactory(is_placeholder=True, is_active=False))
    tried = ImportRun(is_dry_run=True, upload=FILE, upload_name="a.csv")
    done = ImportRun()
    for run in (tried, done):
        run.project, run.source, run.status = project, "csv", "completed"
        run.created_at = run.finished_at = NOW
        run.save(force_insert=True)
    ImportTouch.objects.create(run=done, issue=project.issues.first(), before={"title": "Before"})
    return [tried.pk, done.pk]


def faults_of(client: Client, form: Form, times: int, changed: Mapping[str, str] | None = None) -> Iterator[str]:
    """What is answered by a fault; nothing is kept of it."""
    session = client.cookies.copy()
    with transaction.atomic():
        for time in range(times):
            try:
                status = client.post(form.action, form.sent(changed)).status_code
            except Exception as error:  # noqa: BLE001 - whatever it is, a browser is told 500
                status = repr(error)
            if not isinstance(status, int) or status >= 500:
                yield f"{form}, sent {time + 1} times: {status}"
                break
        transaction.set_rollback(True)
    client.cookies = session


@pytest.fixture
def lead(matrix: MatrixWorld) -> Client:
    return client_of(matrix, "lead")


def test_every_page_that_takes_a_form_is_shown_one(forms: list[Form]) -> None:
    taking = {route for route, (method, _) in PAGES.items() if method == "POST"}

    assert {route for route in taking if not any(is_of(form.action, route) for form in forms)} == set()


def test_a_form_that_is_sent_twice_is_no_fault(lead: Client, forms: list[Form]) -> None:
    assert [fault for form in forms for fault in faults_of(lead, form, times=2)] == []


def test_a_line_that_nobody_can_read_is_no_fault(lead: Client, forms: list[Form]) -> None:
    asked = [(form, {name: odd}) for form in forms for name in form.lines for odd in ODD]

    assert [fault for form, changed in asked for fault in faults_of(lead, form, times=1, changed=changed)] == []


def is_of(action: str, route: str) -> bool:
    """Whether what a form is sent to is this page, of whichever row."""
    parts, found = route.split("/"), action.split("/")
    return len(parts) == len(found) and all(
        part == each or part.startswith("{") for part, each in zip(parts, found, strict=True)
    )
