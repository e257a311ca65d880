"""Whatever answers in the store's place, no more of it is in memory than was asked for: what it sends is counted."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from apps.common.operations import health
from apps.ml.storage import ObjectMissing, StorageError, get_object_store, objects

#: Of what is sent without end: more than anybody reads, and then it ends, so that a test does.
MOST_SENT = 96 * 2**20
#: What the system takes in on either side while nobody reads, and what of an answer is read at once.
UNREAD = 32 * 2**20
PIECE = 2**20
TELLING = 'HTTP/1.1 {status} Said\r\nETag: "x"\r\nLast-Modified: Mon, 01 Jan 2024 12:00:00 GMT\r\n'


class Hostile:
    """Answers every request with some status and headers, and a body without end."""

    def __init__(self) -> None:
        self.status, self.headers, self.piece, self.pause = 200, "", b"", 0.0
        self.sent = 0
        self.requests: list[bytes] = []
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.settimeout(0.1)
                self._threads.append(threading.Thread(target=self._answer, args=(connection,)))
                self._threads[-1].start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            asked = connection.recv(65_536)
            if asked:
                self.requests.append(asked)
                connection.sendall((TELLING.format(status=self.status) + self.headers + "\r\n").encode())
            while asked and self.sent < MOST_SENT and not self._over.wait(self.pause):
                # Whoever leaves an answer unread keeps us waiting here.
                with suppress(TimeoutError):
                    self.sent += connection.send(self.piece)

    def close(self) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def hostile(settings, monkeypatch) -> Iterator[Hostile]:
    """The settings point to it."""
    server = Hostile()
    settings.AWS_STORAGE_BUCKET_NAME, settings.AWS_S3_ENDPOINT_URL = "bucket", f"http://127.0.0.1:{server.port}"
    settings.AWS_ACCESS_KEY_ID, settings.AWS_SECRET_ACCESS_KEY = "key", "secret"
    settings.AWS_S3_MAX_RETRIES = 0
    monkeypatch.setattr(objects, "MAX_OBJECT_BYTES", PIECE)
    yield server
    server.close()


def chunked(size: int) -> bytes:
    return f"{size:x}\r\n".encode() + b"a" * size + b"\r\n"


CHUNKS = "Transfer-Encoding: chunked\r\n"
BODIES = {
    "chunks and a length": (CHUNKS + "Content-Length: 1000\r\n", chunked(PIECE)),
    "chunks": (CHUNKS, chunked(PIECE)),
    "one chunk": (CHUNKS, b"f" * 15 + b"\r\n" + b"a" * PIECE),
    "a large length": (f"Content-Length: {2**40}\r\n", b"a" * PIECE),
    "no length": ("Connection: close\r\n", b"a" * PIECE),
}
OPERATIONS = {
    "get": lambda store: store.get("a/b"),
    "put": lambda store: store.put("a/b", b"abc"),
    "head": lambda store: store.head("a/b"),
    "list": lambda store: store.list("a"),
    "delete": lambda store: store.delete("a/b"),
    "require_answer": lambda store: store.require_answer(),
}


@pytest.mark.parametrize("status", [200, 403, 404, 500])
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_answer_without_end_is_left(hostile, operation, body, status):
    hostile.status, (hostile.headers, hostile.piece) = status, BODIES[body]

    # To a HEAD there is no body: what it says of one is read as of an object, whatever is sent.
    if operation == "head" and (status, body) == (200, "a large length"):
        assert get_object_store().head("a/b").size_bytes == 2**40
    else:
        with pytest.raises(StorageError) as told:
            OPERATIONS[operation](get_object_store())
        assert (type(told.value) is ObjectMissing) == (operation == "head" and status == 404)
        if status != 200:
            assert str(status) in str(told.value) or isinstance(told.value, ObjectMissing)
        assert len(str(told.value)) < 500
    assert hostile.sent < UNREAD


@pytest.mark.parametrize("status", [200, 403])
def test_readiness_says_so_and_has_read_no_more_either(hostile, status):
    hostile.status, (hostile.headers, hostile.piece) = status, BODIES["chunks and a length"]

    assert health._found("store", health.CHECKS["store"]).status == "degraded"
    assert hostile.sent < UNREAD


@pytest.mark.parametrize("status", [200, 403, 404, 500])
@pytest.mark.parametrize("operation", ["get", "put", "require_answer"])
def test_an_answer_that_drips_is_left_in_time(hostile, settings, operation, status):
    settings.AWS_S3_TIMEOUT_SECONDS = 0.5
    hostile.status, hostile.headers, hostile.piece, hostile.pause = status, "Content-Length: 1000\r\n", b"a", 0.05

    with pytest.raises(StorageError, match="no whole answer within 1 s"):
        OPERATIONS[operation](get_object_store())
