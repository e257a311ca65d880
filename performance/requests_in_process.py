"""Requests through the whole application without sockets: processor time of one prediction, and of 500 in bulk."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import io
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from performance.http_predict import TITLES, prepare
from performance.report import public_data
from tests.engines import postgres_server

ML = "/api/v1/ml"
KINDS = ("predict-effort", "recommend-story-points")
#: docs/benchmarks.md.
TARGET_MS, TARGET_ISSUES_A_SECOND = 1.6, 5_000
ROUNDS, REQUESTS, ISSUES = 5, 100, 500


def main() -> None:
    """Measure on one engine: a process has one database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], default="sqlite")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        # No limit: what is measured here asks more often than anybody may.
        os.environ.update(SCRUM_ML_VAR_DIR=folder, LOG_LEVEL="WARNING", USER_THROTTLE_RATE="100000000/min")
        if options.engine == "postgresql":
            os.environ["DATABASE_URL"] = stack.enter_context(postgres_server()).url
        measure(prepare(dict(os.environ), public_data("effort_sip/tasks.csv")))


def measure(project: str) -> None:
    """One paragraph a kind of question."""
    ask = client()
    print(f"Target: at most {TARGET_MS} ms a request, at least {TARGET_ISSUES_A_SECOND:,} issues/s in bulk.")
    for kind in KINDS:
        report(ask, kind, project)


def report(ask: "Client", kind: str, project: str) -> None:
    """Alone and in bulk, after a warm-up."""
    alone = [milliseconds(ask, requests(ask, kind, project, turn)) / REQUESTS for turn in range(ROUNDS + 1)][1:]
    body = {"project_id": project, "issues": [question(number) for number in range(ISSUES)]}
    in_bulk = [milliseconds(ask, [ask.request(f"{ML}/{kind}/bulk/", body)]) for _ in range(ROUNDS + 1)][1:]
    rates = [ISSUES / each * 1000 for each in in_bulk]
    print(f"{kind:24} alone {statistics.median(alone):.2f} ms a request (least {min(alone):.2f})")
    print(f"{'':24} bulk  {statistics.median(rates):.0f} issues/s (most {max(rates):.0f})")


def question(number: int, project: str = "") -> dict[str, Any]:
    """Varied, so that no answer can come from a cache of answers."""
    asked = {"title": f"{TITLES[number % len(TITLES)]} {number}", "issue_type": "bug"}
    return {**asked, "project_id": project} if project else asked


def requests(ask: "Client", kind: str, project: str, turn: int) -> list[dict[str, Any]]:
    """One round."""
    numbers = range(1_000 * turn, 1_000 * turn + REQUESTS)
    return [ask.request(f"{ML}/{kind}/", question(number, project)) for number in numbers]


def milliseconds(ask: "Client", asked: Sequence[dict[str, Any]]) -> float:
    """Of the processor, which hold on a busy machine too; what a client does to ask is not among them."""
    start = time.process_time()
    for each in asked:
        ask(each)
    return (time.process_time() - start) * 1000


@dataclass(frozen=True)
class Client:
    """Sends requests with a token, and stops at anything but 200."""

    application: Callable[..., Any]
    token: str

    def request(self, path: str, body: Any) -> dict[str, Any]:
        """A request as a server hands it over."""
        sent = json.dumps(body).encode()
        return {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(sent)),
            "HTTP_AUTHORIZATION": f"Bearer {self.token}",
            "wsgi.input": io.BytesIO(sent),
            "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "http",
        }

    def __call__(self, request: dict[str, Any]) -> None:
        """Sends one, once: its body is read."""
        statuses: list[str] = []
        response = self.application(request, lambda status, headers, *_: statuses.append(status))
        answer = b"".join(response)
        # As a server does: it is what ends a request for Django.
        response.close()
        if statuses != ["200 OK"]:
            sys.exit(f"{request['PATH_INFO']}: {statuses} {answer[:300].decode(errors='replace')}")


def client() -> Client:
    """Of who asks."""
    import django
    from django.utils import timezone

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "base.settings")
    django.setup()
    from apps.accounts.log_ins import access_token
    from apps.accounts.models import User
    from base.wsgi import application

    return Client(application, access_token(User.objects.get(email="bench@example.com"), now=timezone.now()))


if __name__ == "__main__":
    main()
