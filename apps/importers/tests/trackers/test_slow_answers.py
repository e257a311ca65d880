"""A tracker that lets its answer drip, wherever in it, is left at a deadline, and the person is told so."""

import contextlib
import gc
import socket
import threading
from collections.abc import Callable, Iterator
from itertools import repeat

import pytest

from apps.importers import runs
from apps.importers.boxes import sealed
from apps.importers.models import Connection, ImportRun
from apps.importers.sources import client as module
from apps.importers.sources.client import Client, TrackerUnreachable
from apps.importers.tests.trackers.server import LOCAL, client_of, tracker
from apps.projects.tests.factories import ProjectFactory

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#: What is said at once, and of what one piece after another follows.
SLOW = {
    "nothing": (b"", repeat(b"")),
    "first line": (b"HTTP/1.1 2", repeat(b"0")),
    "headers": (HEAD, repeat(b"X: y\r\n")),
    "one header": (HEAD + b"X: ", repeat(b"y")),
    "body of a length": (HEAD + b"Content-Length: 65536\r\n\r\n", repeat(b" ")),
    "body without a length": (HEAD + b"\r\n{}", repeat(b" ")),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", repeat(b"1\r\n \r\n")),
}
HANDSHAKE = (b"\x16\x03\x03\x3f\xff", repeat(b"\x02"))
PIECES_A_SECOND = 50
#: What is not left at its deadline ends all the same, as a whole answer would: a test fails, and does not hang.
MOST_PIECES = 300


@contextlib.contextmanager
def dripping(beginning: bytes, pieces: Iterator[bytes]) -> Iterator[tuple[str, list[bool]]]:
    """A server that takes connections and talks so; where it is, and of each connection whether it was left."""
    left: list[bool] = []
    stop = threading.Event()

    def talk(connection: socket.socket) -> None:
        at = len(left)
        left.append(False)
        with connection:
            try:
                connection.recv(65_536)
                connection.sendall(beginning)
                for piece, _ in zip(pieces, range(MOST_PIECES), strict=False):
                    if stop.wait(1 / PIECES_A_SECOND):
                        break
                    connection.sendall(piece)
            except OSError:
                left[at] = True

    def serve(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                talk(server.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}", left
        finally:
            stop.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.3)


def asking(url: str) -> Callable[[], object]:
    return lambda: Client(url, {}, allowed=LOCAL, sleep=lambda seconds: None).get("x")


@pytest.mark.filterwarnings("error::ResourceWarning", "error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("how", SLOW)
def test_an_answer_that_drips_ends_at_the_deadline_and_is_not_asked_for_again(how):
    with dripping(*SLOW[how]) as (place, left), pytest.raises(TrackerUnreachable, match="took longer than"):
        asking(f"http://{place}")()
    assert len(left) == 1
    gc.collect()


def test_a_handshake_that_drips_ends_likewise():
    with dripping(*HANDSHAKE) as (place, left), pytest.raises(TrackerUnreachable, match="took longer than"):
        asking(f"https://{place}")()
    assert len(left) == 1


def test_a_connection_that_is_used_again_has_a_deadline_each_time():
    """The second answer comes over the connection of the first, and is the one that drips."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = []

        def talk() -> None:
            connection, _ = server.accept()
            taken.append(connection)
            with connection, contextlib.suppress(OSError):
                connection.recv(65_536)
                connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")
                connection.recv(65_536)
                connection.sendall(HEAD + b"Content-Length: 65536\r\n\r\n")
                while True:
                    connection.sendall(b" ")
                    threading.Event().wait(1 / PIECES_A_SECOND)

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        client = Client(f"http://127.0.0.1:{server.getsockname()[1]}", {}, allowed=LOCAL)
        assert client.get("x").data == {}
        with pytest.raises(TrackerUnreachable, match="took longer than"):
            client.get("x")
        thread.join(5)
        assert len(taken) == 1


def test_answers_in_time_share_one_connection(monkeypatch):
    monkeypatch.setattr(module, "ANSWER_SECONDS", 60.0)
    with tracker(lambda request: {}) as served:
        client = client_of(served)
        for _ in range(3):
            client.get("x")
        assert client._pool is not None
        assert (client._pool.num_connections, client._pool.num_requests) == (1, 3)


@pytest.mark.django_db
def test_the_person_is_told_why_the_import_failed(now, settings):
    settings.TRACKER_ALLOWED_NETWORKS = list(LOCAL)
    with dripping(*SLOW["headers"]) as (place, _):
        connection = Connection.objects.create(
            project=ProjectFactory(), kind="jira_dc", base_url=f"http://{place}", scope="SHOP", source="jira_dc",
            sealed_token=sealed("secret-token"),
        )  # fmt: skip
        run = runs.ask_sync(connection, by=None, now=now)
        runs.execute(run.pk, now=now)

    told = ImportRun.objects.get(pk=run.pk)
    assert told.status == "failed"
    assert told.error.startswith("An answer of 127.0.0.1/")
    assert "took longer than" in told.error
