"""A database that says nothing: nobody waits for it without a deadline, and what works again is used again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from apps.common.operations import patience
from apps.common.operations.patience import ImpatientConnection
from tests.engines import PostgresServer
from tests.proxy import Proxy, proxy_to

pytestmark = pytest.mark.engine


@pytest.fixture
def between(postgres_server: PostgresServer) -> Iterator[Proxy]:
    with proxy_to(Path(postgres_server.socket_directory) / ".s.PGSQL.5432") as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "CHECK_SECONDS", 0.3)
    monkeypatch.setattr(ImpatientConnection, "statement_seconds", 1.0)


def kwargs_of(server: PostgresServer, between: Proxy) -> dict[str, Any]:
    known = psycopg.conninfo.conninfo_to_dict(server.url)
    return {**known, "host": "127.0.0.1", "port": between.port, "autocommit": True}


def test_a_statement_that_gets_no_answer_ends_and_so_does_its_connection(
    postgres_server: PostgresServer, between: Proxy
) -> None:
    connection = ImpatientConnection.connect(**kwargs_of(postgres_server, between))
    assert connection.execute("SELECT 1").fetchone() == (1,)
    between.forget()

    with pytest.raises(psycopg.OperationalError, match="said nothing"):
        connection.execute("SELECT 2")

    assert connection.closed


def test_connections_that_fell_silent_in_the_pool_are_replaced_before_they_are_used(
    postgres_server: PostgresServer, between: Proxy
) -> None:
    with ConnectionPool(
        kwargs=kwargs_of(postgres_server, between),
        connection_class=ImpatientConnection,
        check=ConnectionPool.check_connection,
        min_size=3,
        timeout=60,
    ) as pool:
        pool.wait()
        between.forget()

        with pool.connection() as connection:
            assert connection.execute("SELECT 3").fetchone() == (3,)


def test_a_long_statement_that_answers_within_the_deadline_is_let_be(
    postgres_server: PostgresServer, between: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImpatientConnection, "statement_seconds", 60.0)
    with ImpatientConnection.connect(**kwargs_of(postgres_server, between)) as connection:
        assert connection.execute("SELECT 4 FROM pg_sleep(0.5)").fetchone() == (4,)
