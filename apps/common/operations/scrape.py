"""`/metrics`: what all processes counted, and what the database knows, in Prometheus' text format."""

import hmac
import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from django.conf import settings
from django.db import Error as DatabaseFault
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest, values
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from apps.common.addresses import asking_address
from apps.common.api.problems import PROBLEM_JSON, problem
from apps.common.operations.inquiries import Inquiries, Inquiry
from apps.common.operations.metric_files import files, has_room
from apps.common.operations.metrics import SCRAPE_GAUGES

logger = logging.getLogger(__name__)

#: Headers of a proxy. Behind one, every client seems to be on this machine.
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")
#: A reader that has not answered by then is left out; all are asked at the same time, so this bounds the scrape too.
#: `deploy/prometheus.yml` waits longer.
SCRAPE_SECONDS = 2.0
#: Prometheus asks each 15 seconds. Who was slow then is told at the next scrape, and what is older than that is not of
#: the present.
LATE_SECONDS = 60.0
#: Asked at every scrape, whoever asks: Prometheus does each 15 seconds.
EVERY_TIME = 0.0

Read = Callable[[], list[Metric]]


class LiveMetrics:
    """What a process reads of the database when it is scraped, and whether it could."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._readers: dict[str, tuple[Read, float]] = {}
        self._inquiries: Inquiries[list[Metric]] = Inquiries(clock)
        self._told: dict[str, list[Metric]] = {}

    def add(self, name: str, read: Read, *, keep_seconds: float = EVERY_TIME) -> None:
        """What it gives, a failure too, is told again for so long."""
        self._readers[name] = read, keep_seconds

    def collect(self) -> list[Metric]:
        """The gauges of those who answered, and one that says whether all did."""
        until = time.monotonic() + SCRAPE_SECONDS
        asked = {
            name: self._inquiries.ask(name, read, fresh_seconds=keep_seconds, late_seconds=LATE_SECONDS)
            for name, (read, keep_seconds) in self._readers.items()
        }
        answered = [self._take(name, inquiry, until) for name, inquiry in asked.items()]
        told = [metric for name in asked for metric in self._told.get(name, ())]
        return [_gauge("scrum_ml_live_metrics_up", all(answered)), *told]

    def forget(self) -> None:
        """Ask the database again next time."""
        self._inquiries.forget()
        self._told.clear()

    def _take(self, name: str, inquiry: Inquiry[list[Metric]], until: float) -> bool:
        """Whether it answered. Of who is slow its last answer is told: its series do not end meanwhile."""
        try:
            answer = inquiry.answer(until - time.monotonic())
        except DatabaseFault as error:
            # The other metrics are worth more than a failed scrape, above all now.
            logger.warning("Live metrics cannot be read: %s error=%s", name, type(error).__name__)
            self._told[name] = []
            return False
        if answer is None:
            return False
        self._told[name] = answer
        return True


def _gauge(name: str, is_so: bool) -> Metric:
    return GaugeMetricFamily(name, SCRAPE_GAUGES[name], value=float(is_so))


#: The apps above add theirs when they are ready; this one knows nobody above it.
LIVE_METRICS = LiveMetrics()


class _Source(Collector):
    """Metrics that are read at scrape time."""

    def __init__(self, read: Callable[[], Iterable[Metric]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        return self._read()


def _shared() -> Iterable[Metric]:
    """The sum over all processes that share the metrics folder."""
    root = Path(settings.METRICS_DIR)
    with files(root) as paths:
        found: Iterable[Metric] = MultiProcessCollector.merge(paths)  # type: ignore[no-untyped-call]
    return [*found, _gauge("scrum_ml_counters_kept", has_room(root))]


def exposition() -> bytes:
    """Everything at once, in text."""
    registry = CollectorRegistry()
    for read in (_shared if _are_in_files() else REGISTRY.collect, LIVE_METRICS.collect):
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
    # A socket file has no address.
    address = asking_address(request.META.get("REMOTE_ADDR", ""))
    return address is not None and address.is_loopback and not any(name in request.META for name in FORWARDED)
