"""API keys: what they open, to whom, how long."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from rest_framework.test import APIClient

from apps.access.keys import MOST_KEYS, create_key, digest_of
from apps.access.models import ApiKey
from apps.accounts.models import User
from apps.projects.tests.factories import IssueFactory, TeamMemberFactory
from conftest import NOW

KEYS = "/api/v1/auth/keys/"


@pytest.fixture
def key_of(people):
    """`key_of("lead", "read")` is a client with a key of that person, of all projects or of one."""

    def client(role, *scopes, project=None, days=90) -> APIClient:
        _, text = create_key(people[role], name="CI", scopes=scopes, project=project, days=days, now=NOW)
        return APIClient(HTTP_AUTHORIZATION=f"Bearer {text}")

    with time_machine.travel(NOW, tick=False):
        yield client


class TestMaking:
    def test_a_key_is_shown_once_and_only_its_digest_kept(self, as_, people):
        made = as_("member").post(KEYS, {"name": "CI", "scopes": ["write", "read"], "days": 30})

        text = made.json()["key"]
        assert made.status_code == 201
        assert made.json()["scopes"] == ["read", "write"]
        assert ApiKey.objects.get().digest == digest_of(text)
        assert text.startswith(ApiKey.objects.get().prefix)
        [listed] = as_("member").get(KEYS).json()["results"]
        assert "key" not in listed
        assert text not in str(listed)
        assert as_("lead").get(KEYS).json()["results"] == []

    @pytest.mark.parametrize(
        "wrong",
        [{"scopes": []}, {"scopes": ["all"]}, {"days": 0}, {"days": 367}, {"name": ""}, {"prefix": "sml_1"}, {}],
    )
    def test_what_makes_no_sense_is_refused(self, as_, wrong):
        body = {"name": "CI", "scopes": ["read"], **wrong} if wrong else {}

        assert as_("member").post(KEYS, body).status_code == 400

    def test_a_project_that_one_is_not_in_has_no_keys(self, as_, project):
        body = {"name": "CI", "scopes": ["read"], "project": str(project.id)}

        assert as_("stranger").post(KEYS, body).status_code == 400
        assert as_("member").post(KEYS, body).json()["project_key"] == "APOLLO"

    def test_there_is_an_end_to_keys(self, as_, people):
        for _ in range(MOST_KEYS):
            create_key(people["member"], name="CI", scopes=["read"], project=None, days=1, now=NOW)

        assert as_("member").post(KEYS, {"name": "CI", "scopes": ["read"]}).status_code == 409

    def test_a_withdrawn_key_opens_nothing(self, as_, key_of, url):
        client = key_of("member", "read")
        key = ApiKey.objects.get()
        address = reverse("key-detail", args=[key.id])

        assert as_("lead").delete(address).status_code == 404
        assert client.get(url("issues")).status_code == 200
        assert as_("member").delete(address).status_code == 204
        assert client.get(url("issues")).status_code == 401


class TestOpening:
    def test_a_scope_opens_what_it_names_and_no_more(self, key_of, project, url):
        question = {"project_id": str(project.id), "title": "A"}
        doors = {
            "read": lambda client: client.get(url("issues")),
            "predict": lambda client: client.post("/api/v1/ml/predict-effort/", question),
            "write": lambda client: client.post(url("issues"), {"title": "A", "issue_type": "bug"}),
            "manage": lambda client: client.post(url("statuses"), {"name": "Waits", "category": "to_do"}),
        }

        for scope in doors:
            client = key_of("lead", scope)
            answers = {name: ask(client).status_code for name, ask in doors.items()}
            # The project has no history: a prediction by its key is understood, and cannot be given.
            assert {name: code not in (401, 403) for name, code in answers.items()} == {
                name: name == scope for name in doors
            }, (scope, answers)

    def test_a_key_is_no_more_than_its_person(self, key_of, url):
        assert key_of("viewer", "read", "write", "manage").delete(url()).status_code == 403
        assert key_of("stranger", "read", "write", "manage").get(url()).status_code == 404

    def test_a_key_of_one_project_knows_no_other(self, key_of, people, project, url):
        other = TeamMemberFactory(user=people["lead"], role="lead").project
        elsewhere = f"/api/v1/projects/{other.id}/"
        IssueFactory(project=other)

        client = key_of("lead", "read", "manage", "write", project=project)

        assert client.get(url()).status_code == 200
        assert client.get(elsewhere).status_code == 404
        assert client.patch(elsewhere, {"name": "Mine"}).status_code == 404
        assert [row["key"] for row in client.get("/api/v1/projects/").json()["results"]] == ["APOLLO"]
        assert [row["key"] for row in client.get("/api/v1/auth/me/").json()["projects"]] == ["APOLLO"]
        assert client.post("/api/v1/projects/", {"key": "NEW", "name": "New"}).status_code == 403

    def test_an_administrators_key_of_one_project_is_no_administrator(self, key_of, project, url):
        client = key_of("staff", "read", "manage", project=project)

        assert len(client.get("/api/v1/projects/").json()["results"]) == 1
        body = {"model_type": "effort_prediction", "global": True}
        assert client.post("/api/v1/ml/models/train/", body).status_code == 403

    @pytest.mark.parametrize("address", [KEYS, "/api/v1/invitations/"])
    def test_what_a_person_does_no_key_does(self, key_of, address):
        assert key_of("lead", "read", "manage").get(address).status_code == 403

    def test_a_key_ends_with_its_time_and_its_person(self, key_of, people, url):
        client = key_of("member", "read", days=10)

        with time_machine.travel(NOW + timedelta(days=9)):
            assert client.get(url("issues")).status_code == 200
        with time_machine.travel(NOW + timedelta(days=10)):
            assert client.get(url("issues")).status_code == 401
        User.objects.filter(pk=people["member"].pk).update(is_active=False)
        assert client.get(url("issues")).status_code == 401

    @pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "x", lambda t: t[:20], lambda t: "sml_\xff"])
    def test_a_changed_key_opens_nothing(self, people, url, change):
        _, text = create_key(people["lead"], name="CI", scopes=["read"], project=None, days=90, now=NOW)

        with time_machine.travel(NOW):
            answer = APIClient(HTTP_AUTHORIZATION=f"Bearer {change(text)}").get(url("issues"))

        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="api"')

    def test_when_a_key_was_last_used_is_known_to_the_minute(self, key_of, url):
        client = key_of("member", "read")

        client.get(url("issues"))
        with time_machine.travel(NOW + timedelta(seconds=59), tick=False):
            client.get(url("issues"))
        assert ApiKey.objects.get().last_used_at == NOW
        with time_machine.travel(NOW + timedelta(seconds=61), tick=False):
            client.get(url("issues"))
        assert ApiKey.objects.get().last_used_at == NOW + timedelta(seconds=61)

    def test_when_a_key_was_last_used_is_never_a_moment_to_come(self, key_of, url):
        """A clock was hours ahead, and is set back; those of two machines differ by a little."""
        client = key_of("member", "read")
        with time_machine.travel(NOW + timedelta(hours=18), tick=False):
            client.get(url("issues"))

        with time_machine.travel(NOW + timedelta(hours=1), tick=False):
            client.get(url("issues"))
        assert ApiKey.objects.get().last_used_at == NOW + timedelta(hours=1)
        with time_machine.travel(NOW + timedelta(hours=1, seconds=-30), tick=False):
            client.get(url("issues"))
        assert ApiKey.objects.get().last_used_at == NOW + timedelta(hours=1)


def test_the_log_says_which_key_asked(key_of, url, caplog):
    client = key_of("member", "read")

    with caplog.at_level("INFO", logger="apps.access"):
        client.get(url("issues"))

    assert f"key={ApiKey.objects.get().prefix}" in caplog.text
