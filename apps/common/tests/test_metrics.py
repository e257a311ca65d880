"""`/metrics`: who may read it, and what it counts."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from prometheus_client.parser import text_string_to_metric_families

from apps.common.operations import scrape
from apps.common.operations.metrics import FAILED_REQUESTS
from apps.common.operations.middleware import request_log
from apps.common.operations.scrape import LiveMetrics

TOKEN = "a-token-that-only-prometheus-knows"


@pytest.fixture(autouse=True)
def nothing_from_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrape, "LIVE_METRICS", LiveMetrics())


def samples(text: bytes) -> dict[tuple[str, ...], float]:
    """(name, label values…) → value."""
    families = text_string_to_metric_families(text.decode())
    return {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_itself_may_read_them_without_a_token(client: Client, address: str) -> None:
    response = client.get("/metrics", REMOTE_ADDR=address)

    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain")
    assert "python_info" in {key[0] for key in samples(response.content)}


@pytest.mark.parametrize(
    "meta",
    [
        {"REMOTE_ADDR": "10.0.0.7"},
        {"REMOTE_ADDR": "::ffff:10.0.0.7"},
        {"REMOTE_ADDR": ""},
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"HTTP_FORWARDED": "for=127.0.0.1"},
        {"HTTP_X_REAL_IP": "127.0.0.1"},
    ],
)
def test_others_and_whoever_comes_through_a_proxy_may_not(client: Client, meta: dict[str, Any]) -> None:
    response = client.get("/metrics", **meta)

    assert response.status_code == 403
    assert b"scrum_ml" not in response.content


@pytest.mark.parametrize(
    ("header", "status"), [(f"Bearer {TOKEN}", 200), ("Bearer wrong", 403), (TOKEN, 403), ("Bearer é", 403), ("", 403)]
)
def test_with_a_token_set_only_the_token_opens(client: Client, settings: Any, header: str, status: int) -> None:
    settings.METRICS_TOKEN = TOKEN

    response = client.get("/metrics", headers={"Authorization": header}, REMOTE_ADDR="10.0.0.7")

    assert response.status_code == status


def test_this_machine_needs_the_token_too_once_there_is_one(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN

    assert client.get("/metrics").status_code == 403


def test_a_failed_request_is_counted_by_route_and_not_by_address() -> None:
    request: Any = RequestFactory().get("/api/v1/ml/predict-effort/?title=secret")
    request.resolver_match = SimpleNamespace(route="api/v1/ml/predict-effort/")
    counter = FAILED_REQUESTS.labels(endpoint="api/v1/ml/predict-effort/")
    before = counter._value.get()

    request_log(lambda _: HttpResponse(status=500))(request)

    assert counter._value.get() == before + 1
