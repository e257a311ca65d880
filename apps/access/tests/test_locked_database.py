"""While another process holds what a request has to write, or nobody may write: 503, and when to come again."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any, NoReturn

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import Client
from psycopg_pool import ConnectionPool, PoolTimeout
from rest_framework.test import APIClient

from apps.access.models import ApiKey
from apps.accounts.tests.factories import UserFactory
from apps.common.operations import health
from tests.typed_commands import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
#: In place of the 20 seconds that the service waits for a lock.
PATIENCE = "50ms"


@contextmanager
def held() -> Iterator[None]:
    """Another connection is in the middle of a write."""
    if connection.vendor == "sqlite":
        path = str(connection.get_connection_params()["database"])
        with closing(sqlite3.connect(path, uri=True, isolation_level=None)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            yield
        return
    other = connection.copy("other")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {ApiKey._meta.db_table}")
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{PATIENCE}'")
        yield
    finally:
        other.rollback()
        other.close()
        other.close_pool()  # type: ignore[attr-defined] # PostgreSQL's
        # The connection goes back to the pool as it came.
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")


@contextmanager
def for_reading_only() -> Iterator[None]:
    """As a PostgreSQL is that copies another one, or in which an operator has stopped all writing."""
    is_sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = on" if is_sqlite else "SET default_transaction_read_only = on")
    yield
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = off" if is_sqlite else "RESET default_transaction_read_only")


@pytest.mark.parametrize("state", [held, for_reading_only])
def test_api_and_pages_say_that_the_database_takes_nothing_and_go_on_afterwards(
    state: Callable[[], AbstractContextManager[None]],
) -> None:
    person = UserFactory()
    api, page = APIClient(), Client(raise_request_exception=False)
    api.force_authenticate(person)
    page.force_login(person)
    key = {"name": "CI", "scopes": ["read"], "days": 1}
    page.get("/keys/")

    with state():
        answers = [api.post("/api/v1/auth/keys/", key), page.post("/keys/", key)]

    assert [(answer.status_code, answer["Retry-After"]) for answer in answers] == [(503, "5")] * 2
    assert answers[0]["Content-Type"] == "application/problem+json"
    assert "The database does not answer just now" in answers[1].content.decode()
    assert not ApiKey.objects.exists()
    assert api.post("/api/v1/auth/keys/", key).status_code == 201


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's patience is an option of its connection.")
def test_postgresql_waits_no_longer_for_a_lock_than_sqlite_does() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("20s",)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's locks end with their process.")
def test_postgresql_keeps_no_lock_for_who_is_gone_or_paused() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, reset_val FROM pg_settings WHERE source = 'client' AND (name LIKE 'tcp_keepalives%' "
            "OR name = 'idle_in_transaction_session_timeout')"
        )
        found = dict(cursor.fetchall())

    assert found == {
        "idle_in_transaction_session_timeout": str(3_600_000), "tcp_keepalives_idle": "60",
        "tcp_keepalives_interval": "15", "tcp_keepalives_count": "4",
    }  # fmt: skip


@pytest.mark.skipif(connection.vendor != "postgresql", reason="Of SQLite its file may be for reading only.")
def test_a_postgresql_for_reading_only_makes_a_process_unready() -> None:
    with for_reading_only():
        found = health.database()

    assert (found.status, found.message) == ("down", "It answers, and nothing can be written: it is for reading only.")
    assert health.database().status == "ok"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no pool.")
def test_a_pool_that_found_no_database_tries_anew_at_the_next_request() -> None:
    """By itself it would wait twice as long after each try: once the database was back, as long as it had been away."""
    tries = []

    class Away(psycopg.Connection[Any]):
        @classmethod
        def connect(cls, *_: Any, **__: Any) -> NoReturn:
            tries.append(time.monotonic())
            raise psycopg.OperationalError

    options = {**connection.settings_dict["OPTIONS"]["pool"], "connection_class": Away, "timeout": 1.0}
    with ConnectionPool(**options, open=True) as pool:
        wait_until(lambda: pool.get_stats()["pool_size"] == 0, 60)
        before = len(tries)

        with pytest.raises(PoolTimeout):
            pool.getconn()

        assert len(tries) > before


@pytest.mark.parametrize("address", ["/projects/", "/login/", "/keys/", "/projects/SHOP/backlog/", "/admin/"])
def test_a_page_asks_a_database_that_is_away_once_and_says_so(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question costs the whole patience with it, and a template would swallow the answer and ask again."""
    page = Client(raise_request_exception=False)
    page.force_login(UserFactory())
    page.get("/projects/")
    asked = []

    def away(*_: object) -> None:
        asked.append(address)
        raise OperationalError("couldn't get a connection after 5.00 sec")

    with monkeypatch.context() as outage:
        outage.setattr(connection, "cursor", away)
        answer = page.get(address)

    assert (answer.status_code, answer["Retry-After"], len(asked)) == (503, "5", 1)
    assert "Nothing was changed" in answer.content.decode()
    assert page.get("/projects/").status_code == 200
