"""Errors are pages for people, sentences in parts of pages, and problem documents for programs."""

import pytest
from django.test import Client, RequestFactory

from apps.accounts.tests.factories import UserFactory
from apps.dashboard.views import errors

pytestmark = pytest.mark.django_db


def test_people_get_a_page_and_programs_a_problem(client: Client):
    client.force_login(UserFactory())

    assert "There is nothing here" in client.get("/nowhere/").content.decode()
    assert "<html" not in client.get("/nowhere/", headers={"HX-Request": "true"}).content.decode()
    assert client.get("/api/v1/nowhere/")["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(("address", "kind"), [("/projects/", "text/html"), ("/api/v1/x/", "application/problem+json")])
@pytest.mark.parametrize(("fault", "status"), [("server_error", 500), ("bad_request", 400)])
def test_a_fault_of_ours_and_a_request_that_cannot_be_read(address: str, kind: str, fault: str, status: int):
    request = RequestFactory().get(address)

    answer = errors.server_error(request) if fault == "server_error" else errors.bad_request(request, ValueError())

    assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (status, kind)


def test_a_form_that_did_not_come_from_here_is_refused_with_a_page():
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory())

    answer = client.post("/projects/new/", {"name": "Web shop", "key": "WEB"})

    assert answer.status_code == 403
    assert "This is not allowed" in answer.content.decode()


@pytest.mark.parametrize("address", ["/projects/new/", "/projects/new/demonstration/", "/logout/"])
def test_an_address_that_only_takes_forms_says_so_to_whoever_opens_it(client: Client, address: str):
    client.force_login(UserFactory())

    answer = client.get(address)

    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert "This is no page" in answer.content.decode()


def test_a_form_sent_to_a_page_that_takes_none_is_told_on_a_page(client: Client):
    client.force_login(UserFactory())

    answer = client.post("/projects/")

    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert "To the projects" in answer.content.decode()


def test_every_answer_carries_the_policy_without_exceptions(client: Client):
    for address in ("/login/", "/nowhere/", "/api/docs/", "/admin/login/", "/api/v1/nowhere/"):
        policy = client.get(address)["Content-Security-Policy"]

        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
