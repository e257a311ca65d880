"""Each request to the API counts once: for the key or person that it turned out to be, else for its address."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from rest_framework.settings import api_settings
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import RefreshToken

from apps.access.authentication import KeyAuthentication
from apps.access.keys import create_key
from apps.accounts.log_ins import access_token, log_out_everywhere
from apps.accounts.tests.factories import UserFactory
from apps.common.api.askers import ASKERS, shown_by
from apps.common.counters import counted_so_far
from apps.projects.tests.factories import TeamMemberFactory
from conftest import NOW

pytestmark = pytest.mark.django_db

ME, MINE, MCP = "/api/v1/auth/me/", "/api/v1/projects/", "/mcp"
HERE = "192.0.2.1"


def counted(scope: str, caller: object) -> int:
    return counted_so_far(f"{scope}:{caller}", window_seconds=60, now=NOW.timestamp())[0]


def bearing(text: str) -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {text}", REMOTE_ADDR=HERE)


def key_of(user: Any, *scopes: str, days: int = 1) -> tuple[Any, str]:
    return create_key(user, name="CI", scopes=scopes or ["read"], project=None, days=days, now=NOW)


def a_withdrawn_key() -> str:
    key, text = key_of(UserFactory())
    key.delete()
    return text


def an_expired_key() -> str:
    key, text = key_of(UserFactory())
    key.expires_at = NOW - timedelta(days=1)
    key.save()
    return text


def an_ended_log_in() -> str:
    user = UserFactory()
    text = access_token(user, now=NOW)
    log_out_everywhere(user)
    return text


def a_forged_token() -> str:
    return str(RefreshToken.for_user(UserFactory()).access_token)[:-4] + "AAAA"


SHOWN = {
    "nothing": None,
    "a made-up key": lambda: "sml_aaaaaaaaaaaa_x",
    "a withdrawn key": a_withdrawn_key,
    "an expired key": an_expired_key,
    "a forged token": a_forged_token,
    "no token": lambda: "x",
    "an ended log-in": an_ended_log_in,
}


@pytest.mark.parametrize(("method", "address"), [("get", ME), ("get", MINE), ("post", MINE), ("post", MCP)])
@pytest.mark.parametrize("shown", SHOWN.values(), ids=SHOWN)
def test_who_is_not_let_in_is_counted_by_address_and_told_429(
    rates: Any, shown: Any, method: str, address: str
) -> None:
    client = bearing(shown()) if shown else APIClient(REMOTE_ADDR=HERE)
    rates(address="3/min", user="9/min", key="9/min")

    answers = [getattr(client, method)(address) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert [answer["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert (answers[3]["Retry-After"], answers[3]["Content-Type"]) == ("60", "application/problem+json")
    assert (answers[3].json()["code"], answers[3].json()["instance"]) == ("throttled", address)
    assert getattr(client, method)(address, REMOTE_ADDR="192.0.2.2").status_code == 401


def test_who_shows_what_holds_is_never_refused_for_what_others_do_at_their_address(rates: Any) -> None:
    (_, text), person = key_of(UserFactory()), UserFactory()
    token = access_token(person, now=NOW)
    rates(address="2/min", user="9/min", key="9/min")
    stranger = bearing("sml_aaaaaaaaaaaa_x")
    assert [stranger.get(ME).status_code for _ in range(4)][2:] == [429, 429]

    assert [bearing(each).get(ME).status_code for each in (text, token, text, token)] == [200] * 4
    assert (counted("user", person.pk), counted("key", text[:16]), counted("address", HERE)) == (2, 2, 4)


def test_what_a_key_is_not_for_counts_for_the_key(rates: Any) -> None:
    key, text = key_of(UserFactory())
    rates(key="2/min", address="1/min")
    client = bearing(text)

    answers = [client.post(MINE, {}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [403, 403, 429]
    assert [answer["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert client.get(ME).status_code == 429
    assert (counted("key", key.prefix), counted("address", HERE)) == (4, 0)


#: What a key that only reads is refused, and one of another project is not shown: where, and with what.
NOT_FOR_IT = {
    "a scope": ("post", MINE, {}, 403),
    "only for people": ("get", "/api/v1/auth/keys/", {}, 403),
    "a parameter that is none, too": ("post", f"{MINE}?x=1", {}, 400),
    "a method, too": ("delete", ME, {}, 403),
    "too long, too": ("post", MINE, {"CONTENT_LENGTH": str(10**9)}, 413),
}


@pytest.mark.parametrize(("method", "address", "sent", "status"), NOT_FOR_IT.values(), ids=NOT_FOR_IT)
def test_what_keys_are_not_for_counts_for_their_person_together(
    rates: Any, method: str, address: str, sent: dict[str, Any], status: int
) -> None:
    person = UserFactory()
    keys = [key_of(person)[1] for _ in range(4)]
    rates(key="9/min", user="3/min", address="1/min")

    told = [getattr(bearing(each), method)(address, **sent).status_code for each in keys]

    assert told == [status] * 3 + [429]
    assert (counted("user", f"keys of {person.pk}"), counted("address", HERE)) == (4, 0)


def test_a_key_of_one_project_that_opens_none_counts_for_its_person(rates: Any) -> None:
    lead = TeamMemberFactory(role="lead")
    _, text = create_key(lead.user, name="CI", scopes=["manage"], project=lead.project, days=1, now=NOW)
    rates(key="9/min", user="2/min", address="1/min")

    told = [bearing(text).post(MINE, {"name": "x", "key": "X"}).status_code for _ in range(3)]

    assert told == [403, 403, 429]
    assert (counted("user", f"keys of {lead.user_id}"), counted("address", HERE)) == (3, 0)


def test_who_is_refused_is_known_as_who_asks_nevertheless(rates: Any) -> None:
    """So that threads are dealt to the person, not to the address."""
    viewer = TeamMemberFactory(role="viewer")
    _, text = key_of(viewer.user)
    token = access_token(viewer.user, now=NOW)
    rates(key="9/min", user="9/min")

    assert bearing(text).post(MINE, {}).status_code == 403
    assert bearing(token).post(f"{MINE}{viewer.project_id}/invitations/", {"email": "a@example.com"}).status_code == 403

    assert [ASKERS.known(shown_by(f"Bearer {each}", "")) for each in (text, token)] == [str(viewer.user_id)] * 2


def test_what_a_role_does_not_allow_counts_for_the_person(rates: Any) -> None:
    viewer = TeamMemberFactory(role="viewer")
    client = bearing(access_token(viewer.user, now=NOW))
    rates(user="2/min", address="1/min")
    address = f"{MINE}{viewer.project_id}/invitations/"

    assert [client.post(address, {"email": "a@example.com"}).status_code for _ in range(3)] == [403, 403, 429]
    assert (counted("user", viewer.user_id), counted("address", HERE)) == (3, 0)


#: What is refused before an endpoint is asked, or before it asks who it is.
EARLY = {
    "an unknown parameter": ("get", f"{ME}?x=1", {}, 400),
    "a body in vain": ("post", "/api/v1/auth/log-out-everywhere/", {"data": {"x": 1}}, 400),
    "a format": ("get", f"{MINE}?format=xls", {}, 400),
    "an accept": ("get", ME, {"HTTP_ACCEPT": "image/png"}, 406),
    "a method": ("put", ME, {}, 405),
    "no address": ("get", "/api/v1/nothing/", {}, 404),
    "a long address": ("get", f"{ME}?x={'x' * 4_000}", {}, 414),
    "a long body": ("post", MINE, {"CONTENT_LENGTH": str(10**9)}, 413),
}


@pytest.mark.parametrize(("method", "address", "sent", "status"), EARLY.values(), ids=EARLY)
def test_what_is_refused_early_counts_for_whoever_it_is(
    rates: Any, method: str, address: str, sent: dict[str, Any], status: int
) -> None:
    (key, text), person = key_of(UserFactory(), "read", "manage"), UserFactory()
    token = access_token(person, now=NOW)
    rates(key="2/min", user="2/min", address="2/min")

    def ask(client: APIClient) -> list[int]:
        return [getattr(client, method)(address, **sent).status_code for _ in range(3)]

    told = [ask(bearing(each)) for each in (text, token)]

    assert told == [[status, status, 429]] * 2
    assert (counted("key", key.prefix), counted("user", person.pk), counted("address", HERE)) == (3, 3, 0)
    assert ask(APIClient(REMOTE_ADDR=HERE))[2] == 429
    assert counted("address", HERE) == 3


def test_what_is_asked_without_a_log_in_counts_once(rates: Any) -> None:
    rates(address="9/min", login="9/min")
    client = Client(REMOTE_ADDR=HERE)

    client.get("/api/schema/", HTTP_ACCEPT="image/png")
    assert (counted("address", HERE), counted("login", HERE)) == (1, 0)
    client.post("/api/v1/auth/token/refresh/", {"refresh": "x"}, "application/json")
    assert (counted("address", HERE), counted("login", HERE)) == (1, 1)
    # No password to look at, which is where log-ins are counted.
    client.post("/api/v1/auth/token/", {}, "application/json")
    assert (counted("address", HERE), counted("login", HERE)) == (2, 1)
    client.post("/api/v1/auth/token/", {"email": "a@example.com", "password": "x"}, "application/json")
    assert (counted("address", HERE), counted("login", HERE)) == (2, 2)


def test_a_made_up_key_is_looked_up_once(rates: Any, monkeypatch: Any) -> None:
    looked: list[str] = []
    ask = KeyAuthentication.authenticate
    monkeypatch.setattr(KeyAuthentication, "authenticate", lambda *args: looked.append("") or ask(*args))
    rates(address="9/min")

    assert bearing("sml_aaaaaaaaaaaa_x").get(ME).status_code == 401
    assert len(looked) == 1


def test_a_fault_of_the_database_counts_for_nobody_and_is_told_as_ever(rates: Any, monkeypatch: Any) -> None:
    def locked(*_: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(KeyAuthentication, "authenticate", locked)
    rates(address="9/min")
    client = bearing("sml_aaaaaaaaaaaa_x")

    assert (client.get(ME).status_code, counted("address", HERE)) == (503, 0)
    # What is refused anyway is not made a fault by it.
    assert (client.get("/api/v1/nothing/").status_code, counted("address", HERE)) == (404, 1)


def test_without_limits_what_is_refused_is_told_as_ever() -> None:
    assert api_settings.DEFAULT_THROTTLE_RATES.get("address") is None

    answer = APIClient().get(ME)

    assert (answer.status_code, "X-RateLimit-Limit" in answer) == (401, False)
