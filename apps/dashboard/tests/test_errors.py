"""Errors are pages for people, sentences in parts of pages, and problem documents for programs."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client, RequestFactory
from rest_framework import exceptions

from apps.accounts.tests.factories import UserFactory
from apps.common.exceptions import NotEnoughData
from apps.dashboard.views import errors

pytestmark = pytest.mark.django_db


def test_people_get_a_page_and_programs_a_problem(client: Client):
    client.force_login(UserFactory())

    told = client.get("/nowhere/").content.decode()
    assert "There is nothing here" in told
    assert 'action="/logout/"' in told
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


@pytest.mark.parametrize("kind", ["only_read", "only_sent", "read_or_sent"])
@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (ValidationError("It is there already."), 400, "It is there already."),
        (ValidationError({"__all__": "It is there already."}), 400, "<p>It is there already."),
        (ValidationError({"end_date": "Too early."}), 400, "end date: Too early."),
        (exceptions.ValidationError(["Too early."]), 400, "Too early."),
        (exceptions.ValidationError({"since": {"0": ["Too early."]}}), 400, "since: Too early."),
        (exceptions.ValidationError({"non_field_errors": ["Too early."]}), 400, "<p>Too early."),
        (NotEnoughData(have=1, needed=2, what="issues"), 422, "2 issues are needed"),
        (exceptions.Throttled(), 429, "Your other questions come first"),
        (exceptions.PermissionDenied(), 403, "This is not allowed"),
    ],
)
def test_what_an_endpoint_would_refuse_a_page_refuses_too(kind: str, error: Exception, status: int, told: str):
    def view(request: object):
        raise error

    ask = RequestFactory()
    request = ask.post("/projects/") if kind == "only_sent" else ask.get("/projects/")

    page = getattr(errors, kind)(view)(request)
    request.META["HTTP_HX_REQUEST"] = "true"
    part = getattr(errors, kind)(view)(request)

    assert (page.status_code, part.status_code) == (status, status)
    assert told in page.content.decode()
    if status in (400, 422):
        assert told.removeprefix("<p>") in part.content.decode()
