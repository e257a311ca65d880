"""A tracker on this machine: answers in the recorded shapes, over real HTTP."""

import gzip
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from apps.importers.sources.budget import Budget
from apps.importers.sources.client import Client

LOCAL = ("127.0.0.0/8",)
RECORDED = Path(os.environ.get("SCRUM_ML_DATA") or "absent") / "tracker_payloads"
needs_recorded = pytest.mark.skipif(not RECORDED.is_dir(), reason="SCRUM_ML_DATA names no recorded answers of trackers")


def recorded(name: str) -> Any:
    """A recorded answer by 'folder/file' without its ending."""
    return json.loads((RECORDED / f"{name}.json").read_text())


@dataclass
class Request:
    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Reply:
    """What the server says; a `cut` one breaks off in the middle."""

    data: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    cut: bool = False

    @property
    def body(self) -> bytes:
        return json.dumps(self.data).encode() if self.raw is None else self.raw


@dataclass
class Tracker:
    """Answers each request by a function, and remembers them all."""

    answer: Callable[[Request], Reply | Any]
    requests: list[Request] = field(default_factory=list)
    url: str = ""


@contextmanager
def tracker(answer: Callable[[Request], Reply | Any]) -> Iterator[Tracker]:
    """A server whose answers a function gives: a `Reply`, or the data of one."""
    served = Tracker(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Headers and body in one packet: else the second waits until the first is confirmed.
        wbufsize = -1

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Request(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
            served.requests.append(asked)
            found = served.answer(asked)
            self._say(found if isinstance(found, Reply) else Reply(found))

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names that the base class calls

        def _say(self, reply: Reply) -> None:
            body = gzip.compress(reply.body) if reply.headers.get("Content-Encoding") == "gzip" else reply.body
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if reply.cut else body)
            if reply.cut:
                self.close_connection = True

        def log_message(self, *args: Any) -> None:
            """Silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


def client_of(served: Tracker, path: str = "", **options: Any) -> Client:
    """A client that may reach this machine and does not really wait."""
    options.setdefault("sleep", lambda seconds: None)
    options.setdefault("budget", Budget())
    return Client(served.url + path, {"Authorization": "Bearer secret-token"}, allowed=LOCAL, **options)
