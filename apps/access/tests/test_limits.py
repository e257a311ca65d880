"""How much, how long and how often somebody may ask."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.views.decorators.http import require_GET
from rest_framework.settings import api_settings
from rest_framework.test import APIClient
from whitenoise.middleware import WhiteNoiseMiddleware

from apps.access.keys import create_key
from apps.access.models import Invitation
from apps.accounts.tests.factories import UserFactory
from apps.common import counters, passing
from apps.common.api.limits import LONGEST_ADDRESS, RequestLimits
from apps.common.api.throttling import _tell_of_silent_proxy, client_address, limit_of
from apps.projects.tests.factories import TeamMemberFactory
from conftest import NOW

ME = "/api/v1/auth/me/"


@pytest.mark.django_db
class TestThrottle:
    def test_a_person_is_told_how_many_are_left_and_when_to_come_again(self, rates: Any, api_client: APIClient) -> None:
        rates(user="2/min")
        api_client.force_authenticate(UserFactory())

        answers = [api_client.get(ME) for _ in range(3)]

        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [answer["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
        assert (answers[0]["X-RateLimit-Limit"], answers[0]["X-RateLimit-Reset"]) == ("2", "60")
        assert (answers[2]["Retry-After"], answers[2].json()["code"]) == ("60", "throttled")

    def test_a_new_window_begins_anew(self, rates: Any, api_client: APIClient) -> None:
        rates(user="1/min")
        api_client.force_authenticate(UserFactory())
        api_client.get(ME)

        with time_machine.travel(NOW.replace(minute=1), tick=False):
            assert api_client.get(ME).status_code == 200

    def test_each_person_key_and_address_is_counted_for_itself(self, rates: Any) -> None:
        rates(user="1/min", key="1/min", address="1/min")
        person, other = UserFactory(), UserFactory()
        _, text = create_key(person, name="CI", scopes=["read"], project=None, days=1, now=NOW)
        as_person, as_other, keyed = APIClient(), APIClient(), APIClient(HTTP_AUTHORIZATION=f"Bearer {text}")
        as_person.force_authenticate(person)
        as_other.force_authenticate(other)

        first = [client.get(ME).status_code for client in (as_person, as_other, keyed)]
        second = [client.get(ME).status_code for client in (as_person, as_other, keyed)]

        assert (first, second) == ([200] * 3, [429] * 3)
        assert [Client().get("/api/schema/", REMOTE_ADDR=a).status_code for a in ("10.1.1.1", "10.1.1.2")] == [200, 200]
        assert Client().get("/api/schema/", REMOTE_ADDR="10.1.1.1").status_code == 429

    def test_all_keys_of_a_person_count_together_beside_the_person(self, rates: Any) -> None:
        rates(user="3/min", key="2/min")
        person = UserFactory()
        as_person = APIClient()
        as_person.force_authenticate(person)

        def asked_with_a_new_key() -> int:
            _, text = create_key(person, name="CI", scopes=["read"], project=None, days=1, now=NOW)
            return APIClient(HTTP_AUTHORIZATION=f"Bearer {text}").get(ME).status_code

        assert [asked_with_a_new_key() for _ in range(4)] == [200, 200, 200, 429]
        assert as_person.get(ME).status_code == 200

    def test_what_a_key_is_refused_by_its_own_limit_is_not_counted_to_the_others(self, rates: Any) -> None:
        rates(user="5/min", key="2/min")
        person = UserFactory()
        keys = [create_key(person, name="CI", scopes=["read"], project=None, days=1, now=NOW)[1] for _ in range(2)]
        one, other = (APIClient(HTTP_AUTHORIZATION=f"Bearer {text}") for text in keys)

        assert [one.get(ME).status_code for _ in range(9)] == [200] * 2 + [429] * 7
        assert [other.get(ME).status_code for _ in range(2)] == [200, 200]

    @pytest.mark.skipif(connection.vendor != "sqlite", reason="Only SQLite counts in a file of its own.")
    def test_a_file_that_cannot_be_written_stops_nobody_and_is_logged(
        self, rates: Any, api_client: APIClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fails(*_: Any) -> None:
            raise sqlite3.OperationalError("database is locked")

        rates(user="1/min")
        monkeypatch.setattr(passing, "_file", fails)
        api_client.force_authenticate(UserFactory())

        assert [api_client.get(ME).status_code for _ in range(2)] == [200, 200]
        assert "not counted" in caplog.text

    def test_all_processes_count_into_one_file(self, rates: Any) -> None:
        counters.count("x", window_seconds=60, now=30.0)
        passing._file.cache_clear()  # another process opens the file for itself

        assert counters.count("x", window_seconds=60, now=31.0) == (2, 29.0)
        assert counters.count("y", window_seconds=60, now=31.0) == (1, 29.0)
        assert counters.count("x", window_seconds=60, now=60.0) == (1, 60.0)

    def test_of_a_large_limit_a_process_takes_some_at_once_and_no_more_get_in(self, rates: Any) -> None:
        def another_process() -> None:
            counters._TAKEN.clear()

        first = [counters.count("x", window_seconds=60, now=30.0, at_once=4)[0] for _ in range(5)]
        another_process()
        second = [counters.count("x", window_seconds=60, now=31.0, at_once=4)[0] for _ in range(2)]

        # The three that the first process did not use count as well.
        assert (first, second) == ([1, 2, 3, 4, 5], [9, 10])
        assert counters.counted_so_far("x", window_seconds=60, now=31.0)[0] == 12
        assert counters.count("x", window_seconds=60, now=60.0, at_once=4) == (1, 60.0)

    def test_threads_of_a_process_use_up_what_each_of_them_has_taken(self, rates: Any, monkeypatch: Any) -> None:
        """All see that nothing is left before the first has taken some."""
        everybody, really = threading.Barrier(4), counters.run

        def together(*statement: Any) -> Any:
            with suppress(threading.BrokenBarrierError):
                everybody.wait(5)
            return really(*statement)

        monkeypatch.setattr(counters, "run", together)
        with ThreadPoolExecutor(4) as pool:
            first = list(pool.map(lambda _: counters.count("x", window_seconds=60, now=30.0, at_once=4)[0], range(4)))
        more = [counters.count("x", window_seconds=60, now=31.0, at_once=4)[0] for _ in range(12)]

        assert sorted(first + more) == list(range(1, 17))

    def test_whose_counts_are_remembered_longest_unused_leaves_first(self, rates: Any, monkeypatch: Any) -> None:
        monkeypatch.setattr(counters, "_MOST_TAKEN", 2)

        told = [counters.count(key, window_seconds=60, now=30.0, at_once=4)[0] for key in "xyxzx"]

        assert told == [1, 1, 2, 1, 5]

    def test_a_large_limit_is_counted_to_the_last_request(self, rates: Any, api_client: APIClient) -> None:
        rates(user="300/min")
        api_client.force_authenticate(UserFactory())

        answers = [api_client.get(ME) for _ in range(301)]

        assert [int(answer["X-RateLimit-Remaining"]) for answer in answers] == [*range(299, -1, -1), 0]
        assert [answer.status_code for answer in answers[-2:]] == [200, 429]

    def test_invitations_are_counted_over_the_api_and_the_page_together(self, rates: Any) -> None:
        rates(invitations="3/hour")
        lead = TeamMemberFactory(role="lead")
        api, browser = APIClient(), Client()
        api.force_authenticate(lead.user)
        browser.force_login(lead.user)
        of_api, of_page = f"/api/v1/projects/{lead.project_id}/invitations/", f"/projects/{lead.project.key}/settings/"

        answers = [api.post(of_api, {"email": f"a{n}@example.com"}).status_code for n in range(2)]
        pages = [
            browser.post(f"{of_page}invite/", {"email": f"b{n}@example.com", "role": "viewer"}, follow=True)
            for n in range(3)
        ]

        assert answers == [201, 201]
        assert Invitation.objects.count() == 3
        assert ["the next one goes in 60 min" in page.content.decode() for page in pages] == [False, True, True]
        assert api.post(of_api, {"email": "c@example.com"}).status_code == 429

    def test_rates_are_read_as_they_are_written(self, rates: Any) -> None:
        rates(login="20/min", user="", key="3/hour")

        assert (limit_of("login"), limit_of("user"), limit_of("key")) == ((20, 60), None, (3, 3600))


@pytest.mark.parametrize(
    ("remote", "forwarded", "proxies", "expected"),
    [
        ("192.0.2.1", "198.51.100.1", 0, "192.0.2.1"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1", 1, "198.51.100.1"),
        ("10.0.0.1", "no address", 1, "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "", 0, "2001:db8:1:2::"),
        ("fe80::1%eth0", "", 0, "fe80::"),
        # A socket of both families, here and at the proxy.
        ("::ffff:192.0.2.1", "", 0, "192.0.2.1"),
        ("::ffff:10.0.0.1", "::FFFF:198.51.100.1", 1, "198.51.100.1"),
        ("64:ff9b::192.0.2.1", "", 0, "192.0.2.1"),
        ("", "", 0, "0.0.0.0"),
    ],
)
def test_whose_request_it_is(
    monkeypatch: pytest.MonkeyPatch, remote: str, forwarded: str, proxies: int, expected: str
) -> None:
    monkeypatch.setattr(api_settings, "NUM_PROXIES", proxies)
    headers = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}

    assert client_address(RequestFactory().get("/", REMOTE_ADDR=remote, **headers)) == expected


def test_a_proxy_that_names_no_client_is_told_once(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monkeypatch.setattr(api_settings, "NUM_PROXIES", 1)
    _tell_of_silent_proxy.cache_clear()

    for _ in range(2):
        client_address(RequestFactory().get("/"))

    assert caplog.text.count("a request came without X-Forwarded-For") == 1


@pytest.mark.parametrize("address", ["/api/v1/" + "x" * LONGEST_ADDRESS, f"{ME}?q={'x' * LONGEST_ADDRESS}"])
def test_an_address_has_an_end(address: str) -> None:
    answer = Client().get(address)

    assert (answer.status_code, answer["Content-Type"]) == (414, "application/problem+json")


@pytest.mark.parametrize(
    ("address", "kind", "length"),
    [
        ("/admin/login/", "application/x-www-form-urlencoded", 3_000_000),
        ("/api/v1/auth/token/", "application/json", 3_000_000),
        ("/api/v1/imports/", "multipart/form-data; boundary=x", 70_000_000),
        ("/nowhere/", "text/plain", 10**30),
        ("/login/", "multipart/form-data; boundary=x", 3_000_000),
        ("/api/v1/auth/token/", "multipart/form-data; boundary=x", 3_000_000),
        ("/projects/X/import/upload/more/", "multipart/form-data; boundary=x", 3_000_000),
    ],
)
def test_a_body_has_an_end(address: str, kind: str, length: int) -> None:
    answer = Client().post(address, b"", content_type=kind, CONTENT_LENGTH=str(length))

    assert (answer.status_code, answer["Content-Type"]) == (413, "application/problem+json")


def test_large_files_are_for_who_takes_files() -> None:
    places = ("/api/v1/imports/", "/projects/SHOP/import/upload/")
    requests = [RequestFactory().post(place, b"x", "multipart/form-data; boundary=x") for place in places]
    for request in requests:
        request.META["CONTENT_LENGTH"] = "50000000"

    answers = [RequestLimits(lambda _: HttpResponse())(request).status_code for request in requests]

    assert answers == [200, 200]


def test_a_method_that_is_refused_without_a_word_is_told_as_a_problem(tmp_path: Path) -> None:
    (tmp_path / "style.css").write_text("body {}")
    files = WhiteNoiseMiddleware(lambda _: HttpResponse())
    files.add_files(str(tmp_path), prefix="static/")
    doors = (require_GET(lambda _: HttpResponse()), files)

    answers = [RequestLimits(door)(RequestFactory().delete("/static/style.css")) for door in doors]

    assert [(each.status_code, each["Allow"], each["Content-Type"]) for each in answers] == [
        (405, "GET", "application/problem+json"),
        (405, "GET, HEAD", "application/problem+json"),
    ]


@pytest.mark.django_db
def test_pages_are_counted_too(rates: Any, client: Client) -> None:
    rates(user="2/min", address="1/min")

    anonymous = [client.get("/admin/login/").status_code for _ in range(2)]
    client.force_login(UserFactory(is_superuser=True, is_staff=True))
    known = [client.get("/admin/").status_code for _ in range(3)]

    assert (anonymous, known) == ([200, 429], [200, 200, 429])


@pytest.mark.parametrize("query", ["version=%00", "version=a%0d%0ab", "lang=xx", "nothing=1"])
@pytest.mark.parametrize("address", ["/api/schema/", "/api/docs/", ME, "/api/v1/projects/"])
def test_a_parameter_that_does_not_exist_is_refused(address: str, query: str) -> None:
    answer = Client().get(f"{address}?{query}")

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, f"/{query.partition('=')[0]}")


@pytest.mark.django_db
def test_a_locked_database_is_told_as_such(api_client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: Any, **__: Any) -> None:
        raise OperationalError("database is locked")

    api_client.force_authenticate(UserFactory())
    monkeypatch.setattr("apps.accounts.views.prefetch_related_objects", locked)

    answer = api_client.get(ME)

    assert (answer.status_code, answer["Retry-After"], answer.json()["code"]) == (503, "5", "database_unavailable")


def test_what_programs_ask_beside_endpoints_is_told_the_same_and_a_page_tells_it_as_a_page() -> None:
    limits, locked = RequestLimits(lambda request: None), OperationalError("database is locked")

    answer = limits.process_exception(RequestFactory().get("/api/schema/"), locked)

    assert answer is not None
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert limits.process_exception(RequestFactory().get("/projects/"), locked) is None
    assert limits.process_exception(RequestFactory().get("/api/schema/"), ValueError()) is None


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/projects/X/issues/a%00b/", 404), ("/projects/X/backlog/?q=%00", 400),
        ("/api/v1/projects/X/issues/a%00b/", 404), ("/api/v1/projects/?search=a%00b", 400), ("/mcp?a%00", 400),
    ],
)  # fmt: skip
def test_a_nul_is_refused_before_postgresql_refuses_its_text(client, address, status):
    assert client.get(address).status_code == status
