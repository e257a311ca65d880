"""Imports and connections over the API: leads only, tokens never shown, everything to be followed."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection as db_connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from apps.importers import runs
from apps.importers.models import Connection, ImportRun
from apps.projects.models import Issue, TeamMember
from apps.projects.tests.factories import ProjectFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db
IMPORTS = "/api/v1/imports/"
CSV = b"ID,Title,Status,Created\n1,Search,To Do,2026-03-02\n2,,To Do,2026-03-02\n3,Pay,Done,never\n"


@pytest.fixture(autouse=True)
def sent(monkeypatch):
    sent = []
    monkeypatch.setattr("apps.importers.tasks.run_import.apply_async", lambda args, **options: sent.append(args[0]))
    return sent


@pytest.fixture
def client(api_client, lead):
    api_client.force_authenticate(lead)
    return api_client


def connections(project):
    return f"/api/v1/projects/{project.pk}/connections/"


def test_a_lead_connects_the_project_and_never_sees_the_token_again(client, project):
    body = {"kind": "github", "scope": "owner/repo", "token": "ghp_secret"}
    answer = client.post(connections(project), body)
    assert answer.status_code == 201
    assert (answer.json()["base_url"], answer.json()["source"]) == ("https://api.github.com", "github")
    shown = [answer.content, client.get(connections(project)).content]
    assert not any(b"ghp_secret" in each or b"token" in each for each in shown)
    assert "ghp_secret" not in Connection.objects.get().sealed_token


def test_a_place_that_is_none_is_refused_with_what_would_be_right(client, project):
    answer = client.post(connections(project), {"kind": "github", "scope": "repo", "token": "x"})
    assert answer.status_code == 400
    assert "owner/repository" in answer.content.decode()


@pytest.mark.parametrize(
    "address",
    [
        "https://user@jira.example.com",
        "https://user:secret@jira.example.com",
        "https://jira.example.com\\@other.example.com",
        "https://jira.example.com\\.other.example.com",
        "https://jira.example.com/?next=1",
        "https://jira.example.com/#top",
        "https://jira.example.com:port",
        "https://[jira",
        "https://jira example.com",
        "https://jirä.example.com",
        "ftp://jira.example.com",
        "file:///etc/passwd",
        "jira.example.com",
    ],
)
def test_a_site_that_nothing_could_be_asked_at_is_refused_before_it_is_kept(client, project, address):
    body = {"kind": "jira_dc", "base_url": address, "scope": "SHOP", "token": "x"}

    answer = client.post(connections(project), body)

    assert answer.status_code == 400, answer.content
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/base_url"]
    assert not Connection.objects.exists()


def test_a_connection_is_made_once_and_keeps_where_it_leads(client, project, connection):
    body = {"kind": "jira", "base_url": connection.base_url, "scope": "SHOP", "token": "a@b.c:x"}
    assert client.post(connections(project), body).status_code == 400
    address = f"{connections(project)}{connection.pk}/"
    assert client.patch(address, {"scope": "OTHER"}).status_code == 400
    assert client.patch(address, {"is_active": False, "token": "ada@example.org:new"}).json()["is_active"] is False
    assert client.delete(address).status_code == 204


def test_an_import_is_queued_and_can_be_followed_to_its_end(client, connection, now, sent):
    with TestCase.captureOnCommitCallbacks(execute=True):
        answer = client.post(IMPORTS, {"project": str(connection.project_id), "connection": str(connection.pk)})
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert sent == [answer.json()["id"]]
    runs.execute(sent[0], now=now)
    found = client.get(answer["Location"]).json()
    assert (found["status"], found["rows_read"], found["report"]["new"]) == ("completed", 4, 4)
    assert client.post(f"{answer['Location']}undo/").json() == {"kept": 0}
    assert Issue.objects.count() == 0


def test_a_file_is_imported_with_its_errors_row_by_row(client, project, now):
    file = SimpleUploadedFile("export.csv", CSV, "text/csv")
    answer = client.post(IMPORTS, {"project": str(project.pk), "file": file}, format="multipart")
    assert answer.status_code == 202
    runs.execute(answer.json()["id"], now=now)
    found = client.get(answer["Location"]).json()
    assert found["status"] == "completed"
    assert found["report"]["new"] + found["report"]["error_count"] == 3
    assert ImportRun.objects.get().upload is None


def test_a_file_that_is_none_fails_in_words(client, project, now):
    file = SimpleUploadedFile("export.csv", b"\x00\x01\x02", "text/csv")
    answer = client.post(IMPORTS, {"project": str(project.pk), "file": file}, format="multipart")
    run = runs.execute(answer.json()["id"], now=now)
    assert run.status == "failed"
    assert run.error
    assert "/" not in run.error.split("export.csv")[0]


def test_either_a_connection_or_a_file_is_given(client, project):
    assert client.post(IMPORTS, {"project": str(project.pk)}).status_code == 400


@pytest.mark.parametrize(("role", "status"), [(TeamMember.Role.MEMBER, 403), (None, 404)])
def test_others_than_leads_do_not_import(api_client, project, connection, role, status):
    user = TeamMemberFactory(project=project if role else ProjectFactory(), role=role or TeamMember.Role.LEAD).user
    api_client.force_authenticate(user)
    body = {"project": str(project.pk), "connection": str(connection.pk)}
    assert api_client.post(IMPORTS, body).status_code == status
    assert api_client.get(connections(project)).status_code == status


def test_imports_of_others_are_not_there(api_client, project, connection, now):
    run = runs.ask_sync(connection, by=None, now=now)
    api_client.force_authenticate(TeamMemberFactory(role=TeamMember.Role.LEAD).user)
    assert api_client.get(f"{IMPORTS}{run.pk}/").status_code == 404
    assert api_client.get(IMPORTS).json()["results"] == []


def test_a_connection_of_another_project_cannot_be_used(client, lead, connection):
    other = ProjectFactory()
    TeamMemberFactory(project=other, user=lead, role=TeamMember.Role.LEAD)
    body = {"project": str(other.pk), "connection": str(connection.pk)}
    assert client.post(IMPORTS, body).status_code == 404


def test_what_queued_imports_wait_for_is_looked_up_once_a_list(client, project, lead, now):
    def queries(n: int) -> int:
        for _ in range(n):
            runs.ask_upload(project, name="a.csv", content=b"id", by=lead, now=now)
        with CaptureQueriesContext(db_connection) as asked:
            found = client.get(IMPORTS).json()["results"]
        assert all("No worker has been seen" in each["waits_for"] for each in found)
        return len(asked)

    assert queries(1) == queries(5)
