"""Readiness: what is required, what only degrades, and that nothing hangs, leaks or piles up."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.core.files.storage import InvalidStorageError
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from apps.common.operations import health
from apps.common.operations.health import Check, Health
from tests import engines

OK = Health("ok", "It answers.")


@pytest.fixture(autouse=True)
def nothing_asked_yet() -> Iterator[None]:
    health._INQUIRIES.forget()
    yield
    health._INQUIRIES.forget()


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> dict[str, Check]:
    """The checks of the service, all well, to be exchanged one by one."""
    well = {name: Check(lambda: OK, required=check.required) for name, check in health.CHECKS.items()}
    monkeypatch.setattr(health, "CHECKS", well)
    return well


def breaking() -> Health:
    raise InvalidStorageError("could not connect to host db.internal as user scrum with password hunter2")


def test_live_asks_nothing(client: Client) -> None:
    assert client.get("/health/live").json() == {"status": "ok"}


def test_every_part_has_its_line_and_its_time(client: Client, checks: dict[str, Check]) -> None:
    body = client.get("/health/ready").json()

    assert body["status"] == "ready"
    assert set(body["checks"]) == {"database", "migrations", "broker", "store", "workers", "active_models"}
    assert all(set(line) == {"status", "message", "milliseconds"} for line in body["checks"].values())


@pytest.mark.parametrize("name", ["database", "migrations"])
def test_without_what_a_prediction_needs_the_process_is_not_ready(
    client: Client, checks: dict[str, Check], name: str
) -> None:
    checks[name] = Check(breaking, required=True)

    response = client.get("/health/ready")

    assert response.status_code == 503
    assert response.json()["status"] == "unavailable"
    assert response.json()["checks"][name]["status"] == "down"


@pytest.mark.parametrize("name", ["store", "broker", "active_models"])
def test_without_the_rest_it_is_degraded_and_still_ready(client: Client, checks: dict[str, Check], name: str) -> None:
    checks[name] = Check(breaking)

    response = client.get("/health/ready")

    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert response.json()["checks"][name]["status"] == "degraded"


def test_a_stranger_learns_no_address_user_or_password(
    client: Client, checks: dict[str, Check], caplog: pytest.LogCaptureFixture
) -> None:
    checks["database"] = Check(breaking, required=True)

    answer = client.get("/health/ready").content.decode()

    for secret in ("db.internal", "scrum", "hunter2"):
        assert secret not in answer
        assert secret not in caplog.text
    assert "error=InvalidStorageError" in caplog.text


def test_a_hanging_store_does_not_hang_the_probe(
    client: Client, checks: dict[str, Check], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.1)
    release = threading.Event()
    checks["store"] = Check(lambda: Health("ok", f"Released: {release.wait(30)}."))

    body = client.get("/health/ready").json()
    release.set()

    assert body["checks"]["store"]["message"] == "No answer in time."
    assert body["checks"]["database"]["status"] == "ok"


def test_asking_again_while_a_check_hangs_starts_no_second_one(
    client: Client, checks: dict[str, Check], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.05)
    release, runs = threading.Event(), []

    def hang() -> Health:
        runs.append(1)
        release.wait(30)
        return OK

    checks["store"] = Check(hang)
    for _ in range(5):
        client.get("/health/ready")
    release.set()

    assert len(runs) == 1


def test_a_recovered_part_is_seen_soon(
    client: Client, checks: dict[str, Check], monkeypatch: pytest.MonkeyPatch
) -> None:
    checks["store"] = Check(breaking)
    before = client.get("/health/ready").json()["status"]
    checks["store"] = Check(lambda: OK)
    monkeypatch.setattr(health, "REUSE_SECONDS", 0.0)

    assert (before, client.get("/health/ready").json()["status"]) == ("degraded", "ready")


def test_probes_are_answered_under_any_name(client: Client, checks: dict[str, Check]) -> None:
    for address in ("/health/live", "/health/ready"):
        assert client.get(address, headers={"host": "10.1.2.3:8000"}).status_code == 200


@pytest.mark.django_db
def test_the_database_and_its_migrations_are_well_here() -> None:
    assert health.database() == OK
    assert health.migrations().status == "ok"


@pytest.mark.django_db
def test_a_missing_migration_is_counted_and_the_command_named() -> None:
    MigrationRecorder.Migration.objects.filter(app="ml", name="0001_initial").delete()

    found = health.migrations()

    assert (found.status, found.message) == ("down", "1 migrations are not applied: ./run manage migrate.")


@pytest.mark.engine
def test_the_broker_is_well_on_a_real_server_and_not_when_it_is_gone(
    valkey_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from celery import current_app

    monkeypatch.setattr(current_app.conf, "broker_write_url", valkey_server.url)
    before = health.broker()
    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis://:secret@127.0.0.1:1/0")

    assert before.status == "ok"
    with pytest.raises(Exception, match=r"127\.0\.0\.1:1") as caught:
        health.broker()
    assert "secret" not in json.dumps(str(caught.value))


@pytest.mark.engine
def test_a_broker_that_answers_and_takes_nothing_is_not_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that is full, or whose disk is."""
    from celery import current_app

    with engines.valkey_server() as server, redis.Redis.from_url(server.url) as client:
        monkeypatch.setattr(current_app.conf, "broker_write_url", server.url)
        before = [health.broker().status for _ in range(3)]
        left = client.llen("health")
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1)

        with pytest.raises(Exception, match="maxmemory"):
            health.broker()

    assert (before, left) == (["ok"] * 3, 0)


def test_a_broker_whose_messages_do_not_come_back_is_not_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """A RabbitMQ that blocks publishers believes them nothing and says nothing."""
    monkeypatch.setattr("kombu.messaging.Producer.publish", lambda *_, **__: None)

    assert health.broker().status == "down"


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("testserver", True),
        ("10.0.0.7:8000", True),
        ("[::1]:8000", True),
        ("rebound.example.com", False),
        ("10.0.0.7.example.com", False),
        ("a b", False),
    ],
)
def test_probes_answer_to_names_of_the_service_and_to_addresses_only(
    client: Client, checks: dict[str, Check], path: str, host: str, known: bool
) -> None:
    # Not from this machine, so that the metrics stay unread.
    response = client.get(path, HTTP_HOST=host, REMOTE_ADDR="10.0.0.9")

    assert (response.status_code != 400) == known
    if not known:
        assert response.json()["code"] == "unknown_host"


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
@pytest.mark.parametrize("method", ["OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "NOTHING"])
def test_probes_are_read_and_nothing_else(client: Client, checks: dict[str, Check], path: str, method: str) -> None:
    response = client.generic(method, path)

    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "method_not_allowed"
    assert client.head(path, REMOTE_ADDR="10.0.0.9").status_code != 405


def test_where_no_thread_is_to_be_had_whoever_asks_looks_alone(
    client: Client, checks: dict[str, Check], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container has a limit of processes, which a busy one reaches."""

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    checks["broker"] = Check(breaking)
    monkeypatch.setattr(threading.Thread, "start", refuse)

    answer = client.get("/health/ready")

    assert {name: line["status"] for name, line in answer.json()["checks"].items()} == {
        name: "degraded" if name == "broker" else "ok" for name in checks
    }
