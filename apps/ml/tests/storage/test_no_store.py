"""What answers in a store's place is not believed: neither what it lists, nor that it stored or removed anything."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from uuid import uuid4

import pytest

from apps.ml.checks import the_store_works
from apps.ml.storage import ObjectMissing, StorageError, bucket, get_object_store
from apps.ml.storage.keys import MARKS, mark_key
from apps.ml.storage.marks import mark, others, withdraw
from apps.ml.storage.s3 import S3ModelStorageService
from tests.proxy import Proxy

KEY = "ml_models/effort_prediction/1.0.0/20240101_120000/serving.npz"
PAGE = b"<html><body>Log in</body></html>"
OVERLOADED = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>x</Message></Error>"
HEADERS = {"ETag": '"x"', "Last-Modified": "Mon, 01 Jan 2024 12:00:00 GMT"}

Answer = Callable[[str, str], tuple[int, bytes]]


def listing(
    *keys: str, prefix: str = "ml_models/", token: str = "", name: str = "bucket", said: int | None = None
) -> bytes:
    contents = "".join(
        f"<Contents><Key>{key}</Key><Size>1</Size><LastModified>2024-01-01T12:00:00Z</LastModified></Contents>"
        for key in keys
    )
    more = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    return (
        f"<ListBucketResult><Name>{name}</Name><Prefix>{prefix}</Prefix>{contents}{more}"
        f"<KeyCount>{len(keys) if said is None else said}</KeyCount>"
        f"<IsTruncated>{str(bool(token)).lower()}</IsTruncated></ListBucketResult>"
    ).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    answer: Answer


class _Anything(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, body = self.server.answer(self.command, self.path)
        self.send_response(status)
        for name, value in {**HEADERS, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def answering(settings) -> Iterator[_Server]:
    """The settings point to what answers as the test says."""
    server = _Server(("127.0.0.1", 0), _Anything)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    settings.AWS_STORAGE_BUCKET_NAME, settings.AWS_S3_ENDPOINT_URL = "bucket", f"http://127.0.0.1:{server.server_port}"
    settings.AWS_ACCESS_KEY_ID, settings.AWS_SECRET_ACCESS_KEY = "key", "secret"
    settings.AWS_S3_MAX_RETRIES, settings.AWS_STORAGE_PREFIX = 0, ""
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def store(s3_proxy) -> Proxy:
    """A real server behind a proxy."""
    return s3_proxy


OPERATIONS = {
    "list": lambda store: store.list("ml_models"),
    "folders": lambda store: store.folders(MARKS),
    "put": lambda store: store.put(KEY, b"abc"),
    "put nothing": lambda store: store.put(KEY, b""),
    "delete": lambda store: store.delete(KEY),
    "health": lambda store: store.require_answer(),
}


@pytest.mark.parametrize("body", [PAGE, b"", b"abc", OVERLOADED, b"<ListBucketResult/>"], ids=range(5))
@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_answers_200_to_everything_is_no_store(answering, operation, body):
    answering.answer = lambda method, path: (200, body)

    with pytest.raises(StorageError):
        OPERATIONS[operation](get_object_store())


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_answers_404_to_everything_is_no_store(answering, operation):
    answering.answer = lambda method, path: (404, PAGE)

    with pytest.raises(StorageError) as refused:
        OPERATIONS[operation](get_object_store())

    assert not isinstance(refused.value, ObjectMissing)


@pytest.mark.parametrize("body", [PAGE, b"", OVERLOADED], ids=["page", "empty", "overloaded"])
def test_the_deploy_checks_find_it(answering, body):
    answering.answer = lambda method, path: (200, body)

    assert [found.id for found in the_store_works()] == ["ml.E001"]


@pytest.mark.parametrize(
    "body",
    [
        listing(name="another"), listing(prefix=""), listing(prefix="ml_written_by/"), listing(said=3),
        listing("ml_models/a", said=0), listing("another/a"),
        *(
            listing("ml_models/a").replace(said, meant)
            for said, meant in [
                (b"00Z<", b"00<"), (b"2024-01-01T12:00:00Z", b"soon"),
                (b"<Size>1</Size>", b"<Size>-5</Size>"), (b"<Size>1</Size>", b""),
                (b"<LastModified>2024-01-01T12:00:00Z</LastModified>", b""),
            ]
        ),
    ],
    ids=["bucket", "no prefix", "prefix", "less than it says", "more than it says", "of elsewhere", "of no zone",
         "no moment", "less than nothing", "no size", "not when"],
)  # fmt: skip
def test_a_listing_of_something_else_is_none_of_ours(answering, body):
    answering.answer = lambda method, path: (200, body)

    with pytest.raises(StorageError, match="listing"):
        get_object_store().list("ml_models")


def test_a_whole_listing_is_believed(answering):
    pages = {"": listing("ml_models/a", token="t"), "t": listing("ml_models/b", "ml_models/c")}
    answering.answer = lambda method, path: (200, pages["t" if "continuation-token=t" in path else ""])

    assert [found.key for found in get_object_store().list("ml_models")] == [
        "ml_models/a",
        "ml_models/b",
        "ml_models/c",
    ]


def test_a_listing_that_goes_on_where_it_was_ends(answering):
    answering.answer = lambda method, path: (200, listing("ml_models/a", token="t"))

    with pytest.raises(StorageError, match="goes on where it was"):
        get_object_store().list("ml_models")


@pytest.mark.parametrize(("bound", "least"), [("MOST_LISTED", 5), ("MOST_LISTING_SECONDS", 0.0)])
def test_a_listing_that_always_knows_a_next_page_ends(answering, monkeypatch, bound, least):
    number = count()
    answering.answer = lambda method, path: (200, listing(f"ml_models/{next(number)}", token=f"t{next(number)}"))
    monkeypatch.setattr(bucket, bound, least)

    with pytest.raises(StorageError, match="the listing does not end"):
        get_object_store().list("ml_models")


def test_an_answer_that_is_larger_than_any_listing_is_not_read(answering):
    answering.answer = lambda method, path: (200, b"a" * 5 * 2**20)

    with pytest.raises(StorageError, match="larger than 4 MiB"):
        get_object_store().list("ml_models")


def test_a_server_that_has_too_much_to_do_is_asked_again(answering, settings):
    settings.AWS_S3_MAX_RETRIES = 2
    answers = iter([(503, OVERLOADED), (200, OVERLOADED), (200, listing("ml_models/a"))])
    answering.answer = lambda method, path: next(answers)

    assert [found.key for found in get_object_store().list("ml_models")] == ["ml_models/a"]


@pytest.mark.engine
@pytest.mark.parametrize("operation", ["list", "folders", "delete"])
def test_a_store_that_drips_is_left_in_time(store, settings, operation):
    settings.AWS_S3_TIMEOUT_SECONDS = 0.5
    get_object_store().list("ml_models")  # over a connection that is kept, too
    store.mode = "dripping"

    with pytest.raises(StorageError, match="no whole answer within 1 s"):
        OPERATIONS[operation](get_object_store())

    store.mode = "open"
    OPERATIONS[operation](get_object_store())


@pytest.mark.engine
def test_what_the_store_encrypts_with_a_key_of_its_owner_is_believed_when_it_is_there(store):
    """Its tags are no digest of the data."""
    store.change = lambda data: data.replace(b'Etag: "', b'Etag: "f').replace(b'ETag: "', b'ETag: "f')

    get_object_store().put(KEY, b"abc")
    assert get_object_store().head(KEY).etag.startswith('"f')
    get_object_store().put("ml_models/a/mark", b"")

    store.instead = lambda data: b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n" if data.startswith(b"HEAD") else None
    with pytest.raises(StorageError, match="it is not there after its upload"):
        get_object_store().put("ml_models/a/other", b"abc")


# --- Who else holds an object ---------------------------------------------------------------------------------------
@pytest.fixture
def shared(store) -> tuple[str, str]:
    """Two installations hold an object; their names."""
    us, other = str(uuid4()), str(uuid4())
    get_object_store().put(KEY, b"abc")
    for name in (us, other):
        mark(get_object_store(), name, KEY)
    return us, other


def answered(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def answers_to_listings(settings, told: str) -> dict[str, bytes]:
    prefix, name = settings.AWS_STORAGE_PREFIX, settings.AWS_STORAGE_BUCKET_NAME
    return {
        "overloaded": OVERLOADED,
        "page": PAGE,
        "bare": b"<ListBucketResult/>",
        "nothing": listing(prefix=f"{prefix}/{told}/", name=name),
    }


@pytest.mark.engine
@pytest.mark.parametrize("answer", ["overloaded", "page", "bare", "nothing"])
def test_no_answer_to_who_holds_an_object_is_taken_for_nobody(store, shared, settings, answer):
    us, _ = shared
    told = answered(answers_to_listings(settings, MARKS)[answer])
    store.instead = lambda data: told if b"delimiter=" in data.partition(b"\r\n")[0] else None

    with pytest.raises(StorageError):
        list(withdraw(get_object_store(), [us], [KEY]))
    with pytest.raises(StorageError):
        others(get_object_store(), [us])
    with pytest.raises(StorageError):
        S3ModelStorageService(ours=[us]).delete_model(KEY)

    store.instead = lambda data: None
    assert get_object_store().exists(KEY)
    assert get_object_store().exists(mark_key(us, KEY))


@pytest.mark.engine
def test_that_its_mark_is_not_there_is_believed_of_a_listing_only(store, shared):
    us, other = shared
    place = f"/{mark_key(other, KEY)}".encode()
    gone = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    store.instead = lambda data: gone if place in data.partition(b"\r\n")[0] else None

    assert list(withdraw(get_object_store(), [us], [KEY])) == []

    assert get_object_store().exists(KEY)


@pytest.mark.engine
def test_who_has_marked_nothing_yet_is_told_of_the_others(store, shared):
    assert others(get_object_store(), [str(uuid4())]) == sorted(shared)
    assert {found.key for found in get_object_store().list(MARKS)} == {mark_key(name, KEY) for name in shared}


@pytest.mark.engine
def test_the_last_of_them_removes_it(store, shared):
    us, other = shared

    assert list(withdraw(get_object_store(), [us], [KEY])) == []
    assert list(withdraw(get_object_store(), [other], [KEY])) == [KEY]

    assert not get_object_store().exists(KEY)
    assert get_object_store().list(MARKS) == []
