"""What remains of the store's promises when a server or a writer dies in the middle."""

import hashlib
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from django.conf import settings as project_settings

from apps.ml.storage import StorageError, get_object_store
from tests import engines

# Writes objects named by their own digest until it is killed, and says which ones it was told are stored.
WRITER = """
import django, hashlib, os, sys
django.setup()
from pathlib import Path
from apps.ml.storage.engines import open_directory
store = open_directory(Path(sys.argv[1]))
while True:
    data = os.urandom(2**20)
    key = "w/" + hashlib.sha256(data).hexdigest()
    store.put(key, data)
    print(key, flush=True)
"""


@pytest.mark.engine
def test_the_same_client_goes_on_after_the_server_was_away(settings):
    with engines.s3_server() as server:
        settings.AWS_STORAGE_BUCKET_NAME = server.bucket
        settings.AWS_S3_ENDPOINT_URL = server.endpoint_url
        settings.AWS_ACCESS_KEY_ID, settings.AWS_SECRET_ACCESS_KEY = server.access_key, server.secret_key
        store = get_object_store()
        store.put("before", b"1")

        server.engine.kill()
        with pytest.raises(StorageError, match="S3 upload failed in bucket 'test-ml-bucket'"):
            store.put("during", b"2")
        server.engine.start()

        store.put("after", b"3")
        assert [store.get(key) for key in ("before", "after")] == [b"1", b"3"]
        assert not store.exists("during")


def test_a_writer_killed_at_any_moment_leaves_only_whole_objects(model_store_dir):
    told = _killed_after_objects(3, model_store_dir)
    store = get_object_store()

    found = [each.key for each in store.list("w")]

    assert set(told) <= set(found)
    assert all(key == f"w/{hashlib.sha256(store.get(key)).hexdigest()}" for key in found)


def _killed_after_objects(count, directory):
    """Run the writer, kill it in the middle of a later write, and return what it reported."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(directory)],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "base.settings_test"},
        cwd=project_settings.BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        first = [writer.stdout.readline() for _ in range(count)]
        writer.kill()
        return [line.strip() for line in [*first, *writer.stdout] if line.endswith("\n")]


class _Plain(BaseHTTPRequestHandler):
    """A bucket that answers listings with an error under status 200, and takes no checksum."""

    #: What was deleted.
    deleted: ClassVar[list[str]] = []

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self._answer(200, b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>x</Message></Error>")

    def do_HEAD(self) -> None:
        self._answer(404)

    def do_DELETE(self) -> None:
        refused = any(name.lower().startswith("x-amz-checksum") for name in self.headers)
        if not refused:
            self.deleted.append(self.path)
        self._answer(400 if refused else 204)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def plain_server(settings):
    _Plain.deleted.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Plain)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    settings.AWS_STORAGE_BUCKET_NAME, settings.AWS_S3_ENDPOINT_URL = "bucket", f"http://127.0.0.1:{server.server_port}"
    settings.AWS_ACCESS_KEY_ID, settings.AWS_SECRET_ACCESS_KEY = "key", "secret"
    settings.AWS_S3_MAX_RETRIES, settings.AWS_S3_CHECKSUMS = 0, False
    yield
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_error_under_status_200_is_no_empty_listing(plain_server):
    with pytest.raises(StorageError, match="S3 listing failed in bucket 'bucket' for 'models': InternalError"):
        get_object_store().list("models")


def test_a_plain_server_is_asked_to_delete_without_a_checksum(plain_server):
    get_object_store().delete("models/one")

    assert _Plain.deleted == ["/bucket/models/one"]
