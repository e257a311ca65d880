"""`/metrics`: what all processes counted, and what the database knows, in Prometheus' text format."""

import hmac
import ipaddress
from collections.abc import Callable, Iterable
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest, values
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from apps.common.api.problems import PROBLEM_JSON, problem
from apps.common.operations.metric_files import files

#: Headers of a proxy. Behind one, every client seems to be on this machine.
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")
#: Filled when the apps are ready: callables that give metrics read at scrape time. Common knows nobody above it.
LIVE_METRICS: list[Callable[[], Iterable[Metric]]] = []


class _Source(Collector):
    """Metrics that are read at scrape time."""

    def __init__(self, read: Callable[[], Iterable[Metric]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        return self._read()


def _shared() -> Iterable[Metric]:
    """The sum over all processes that share the metrics folder."""
    with files(Path(settings.METRICS_DIR)) as paths:
        found: Iterable[Metric] = MultiProcessCollector.merge(paths)  # type: ignore[no-untyped-call]
    return found


def exposition() -> bytes:
    """Everything at once, in text."""
    registry = CollectorRegistry()
    for read in (_shared if _are_in_files() else REGISTRY.collect, *LIVE_METRICS):
        registry.register(_Source(read))
    return generate_latest(registry)


def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus: with the token, or without one from this machine itself."""
    if not _may_read(request):
        body = problem(403, "Forbidden", "Metrics need the bearer token that METRICS_TOKEN names.", "permission_denied")
        return JsonResponse(body, status=403, content_type=PROBLEM_JSON)
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)


def _are_in_files() -> bool:
    # The client decided when it was imported; the environment may have changed since.
    return values.ValueClass is not values.MutexValue


def _may_read(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())
    return _is_loopback(request.META.get("REMOTE_ADDR", "")) and not any(name in request.META for name in FORWARDED)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:  # a socket file has no address
        return False
