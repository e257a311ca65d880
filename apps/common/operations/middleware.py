"""What happens around every request: probes are answered, a request id is set, failures are counted."""

import ipaddress
import logging
import time
from collections.abc import Callable

from csp.constants import HEADER
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import split_domain_port, validate_host
from django.http.response import HttpResponseBase

from apps.common.api.problems import PROBLEM_JSON, not_allowed, problem
from apps.common.operations.health import live, ready
from apps.common.operations.logging import REQUEST_ID, request_id_from
from apps.common.operations.metrics import FAILED_REQUESTS
from apps.common.operations.scrape import metrics

access = logging.getLogger("apps.access")
GetResponse = Callable[[HttpRequest], HttpResponseBase]

#: Asked by programs without a session: none of the other middleware concerns them. An orchestrator asks a container by
#: its address, which ALLOWED_HOSTS does not name: any address will do, and of names only those of the service, so that
#: no page of a stranger's name that leads here (DNS rebinding) can read them.
PROBES: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "/health/live": live,
    "/health/ready": ready,
    "/metrics": metrics,
}
_PROBED_BY = ("GET", "HEAD")


def probes(get_response: GetResponse) -> GetResponse:
    """Answer health and metrics before anything else is asked."""

    def handle(request: HttpRequest) -> HttpResponseBase:
        probe = PROBES.get(request.path_info)
        if probe is None:
            return get_response(request)
        if not _is_our_host(request):
            return _unknown_host()
        return probe(request) if request.method in _PROBED_BY else not_allowed(", ".join(_PROBED_BY))

    return handle


def _is_our_host(request: HttpRequest) -> bool:
    domain, _ = split_domain_port(request.META.get("HTTP_HOST") or request.META.get("SERVER_NAME", ""))
    return _is_address(domain.strip("[]")) or validate_host(domain, settings.ALLOWED_HOSTS)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _unknown_host() -> JsonResponse:
    body = problem(
        400, "Bad Request", "This service is not known under that host name: see ALLOWED_HOSTS.", "unknown_host"
    )
    return JsonResponse(body, status=400, content_type=PROBLEM_JSON)


def request_log(get_response: GetResponse) -> GetResponse:
    """Give the request an id, its own or a new one, which every log line and the answer carry; count failures."""

    def handle(request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        request_id = request_id_from(request.headers.get("X-Request-ID"))
        # Not taken back at the end: Django logs a failed request after all middleware. The next request sets its own.
        REQUEST_ID.set(request_id)
        response = get_response(request)
        response["X-Request-ID"] = request_id
        _note(request, response, time.perf_counter() - started)
        return response

    return handle


def content_policy(get_response: GetResponse) -> GetResponse:
    """Say what a browser may load on an answer; the same on all of them, so it is put into words once.

    Not on Django's own pages about errors while developing, which are written with everything inside.
    """
    policy = build_policy()

    def handle(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if not (settings.DEBUG and response.status_code in (404, 500)):
            response.headers.setdefault(HEADER, policy)
        return response

    return handle


def _note(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    # The route, not the address: there are few routes, and an address holds what a client typed.
    endpoint = request.resolver_match.route if request.resolver_match else "unknown"
    if response.status_code >= 500:
        FAILED_REQUESTS.labels(endpoint=endpoint).inc()
    access.info(
        "Request answered method=%s endpoint=%s status=%d milliseconds=%.1f key=%s",
        request.method,
        endpoint,
        response.status_code,
        seconds * 1000,
        # The beginning of an API key, set where keys are recognised.
        getattr(getattr(request, "api_key", None), "prefix", "-"),
    )
