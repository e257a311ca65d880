"""The contract of the model store, the same for a directory and for a real S3 server."""

import base64
import hashlib
import logging
import os
import select
import socket
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from apps.ml.storage import KeyRefused, ObjectExists, ObjectMissing, StorageError, get_object_store, objects

SECRET = "a-wrong-secret-that-nobody-may-read"
# The shape of Amazon's own answer to a wrong secret: it repeats the access key and what was signed.
AMAZON_ANSWER = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature does not match.</Message>
<AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId><StringToSign>AWS4-HMAC-SHA256 x</StringToSign></Error>"""


@pytest.fixture(params=["directory", pytest.param("s3", marks=pytest.mark.engine)])
def store(request):
    request.getfixturevalue("s3_bucket" if request.param == "s3" else "model_store_dir")
    return get_object_store()


class TestBothEngines:
    def test_what_was_put_comes_back(self, store):
        data = bytes(range(256)) * 4000

        store.put("a/b/c.bin", data)

        assert store.get("a/b/c.bin") == data

    def test_an_object_larger_than_one_part_of_an_upload_is_still_written_once(self, store):
        data = os.urandom(6 * 2**20)
        store.put("large", data)

        with pytest.raises(ObjectExists):
            store.put("large", b"other")

        assert store.get("large") == data

    def test_an_object_is_never_overwritten(self, store):
        store.put("a/once", b"first")

        with pytest.raises(ObjectExists, match="exists already"):
            store.put("a/once", b"second")

        assert store.get("a/once") == b"first"

    def test_of_16_racing_writers_exactly_one_wins(self, store):
        start = threading.Barrier(16)

        def write(number):
            start.wait()
            try:
                store.put("a/race", str(number).encode())
            except ObjectExists:
                return None
            return number

        with ThreadPoolExecutor(16) as pool:
            winners = [number for number in pool.map(write, range(16)) if number is not None]

        assert len(winners) == 1
        assert store.get("a/race") == str(winners[0]).encode()

    def test_a_missing_object_is_missing_and_not_an_empty_one(self, store):
        with pytest.raises(ObjectMissing, match="there is no such object"):
            store.get("a/none")
        with pytest.raises(ObjectMissing):
            store.head("a/none")
        assert not store.exists("a/none")

    def test_a_prefix_is_not_an_object(self, store):
        store.put("a/b/c", b"1")

        assert not store.exists("a/b")

    def test_a_listing_is_sorted_and_goes_by_whole_segments(self, store):
        for key in ("m/b/2", "m/b/1", "m/a", "m/bc/1", "n"):
            store.put(key, b"12345")

        assert [each.key for each in store.list("m")] == ["m/a", "m/b/1", "m/b/2", "m/bc/1"]
        assert [each.key for each in store.list("m/b")] == ["m/b/1", "m/b/2"]
        assert {each.size_bytes for each in store.list("m")} == {5}

    def test_a_listing_of_nothing_is_empty(self, store):
        assert store.list("nothing/here") == []

    def test_the_store_tells_size_and_age(self, store):
        store.put("a/sized", b"12345")

        found = store.head("a/sized")

        assert (found.key, found.size_bytes) == ("a/sized", 5)
        assert abs(found.modified_at.timestamp() - time.time()) < 60

    def test_a_deleted_object_is_gone_and_deleting_again_is_no_error(self, store):
        store.put("a/gone", b"1")

        store.delete("a/gone")
        store.delete("a/gone")

        assert not store.exists("a/gone")

    def test_a_deleted_key_can_be_written_again(self, store):
        store.put("a/again", b"1")
        store.delete("a/again")

        store.put("a/again", b"2")

        assert store.get("a/again") == b"2"

    @pytest.mark.parametrize(
        "key", ["", "/a", "a/", "a//b", "../a", "a/../b", ".", "a/.hidden", "a\\b", "a b", "a\0", "ä"]
    )
    def test_a_key_that_could_leave_the_store_is_refused_by_every_method(self, store, key):
        for method in (store.get, store.head, store.list, store.delete, store.exists, lambda key: store.put(key, b"")):
            with pytest.raises(KeyRefused):
                method(key)

    def test_an_object_too_large_for_memory_is_not_read(self, store, monkeypatch):
        monkeypatch.setattr(objects, "MAX_OBJECT_BYTES", 10)
        store.put("a/bomb", b"x" * 11)

        with pytest.raises(StorageError, match="larger than 10 bytes"):
            store.get("a/bomb")

    def test_the_client_is_built_once_for_all_threads(self, store):
        with ThreadPoolExecutor(16) as pool:
            found = set(map(id, pool.map(lambda _: get_object_store(), range(64))))

        assert found == {id(store)}


class TestBothAfterAFork:
    def test_a_process_forked_after_use_goes_on_over_connections_of_its_own(self, store):
        store.put("a", b"1")

        assert _answer_of_a_forked_process(lambda: store.get("a")) == "nothing"
        assert _answer_of_a_forked_process(lambda: store.put("b", b"2")) == "nothing"

        assert [store.get(key) for key in ("a", "b")] == [b"1", b"2"]


@pytest.mark.engine
class TestS3:
    def test_an_independent_client_finds_the_bytes_and_their_checksum(self, s3_bucket, s3_server, settings):
        get_object_store().put("ml_models/x", b"bytes")

        found = s3_server.client().get_object(
            Bucket=s3_bucket, Key=f"{settings.AWS_STORAGE_PREFIX}/ml_models/x", ChecksumMode="ENABLED"
        )

        assert found["Body"].read() == b"bytes"
        assert found["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(b"bytes").digest()).decode()

    def test_what_an_independent_client_wrote_can_be_read(self, s3_bucket, s3_server, settings):
        s3_server.client().put_object(Bucket=s3_bucket, Key=f"{settings.AWS_STORAGE_PREFIX}/a/b", Body=b"theirs")

        assert get_object_store().get("a/b") == b"theirs"

    def test_a_listing_of_more_than_one_page_is_complete(self, s3_bucket, s3_server, settings):
        client = s3_server.client()
        with ThreadPoolExecutor(8) as pool:
            keys = [f"{settings.AWS_STORAGE_PREFIX}/p/{number:04}" for number in range(1005)]
            list(pool.map(lambda key: client.put_object(Bucket=s3_bucket, Key=key, Body=b"1"), keys))

        assert len(get_object_store().list("p")) == 1005

    def test_a_wrong_secret_is_reported_with_the_bucket_and_without_the_secret(self, s3_bucket, settings, caplog):
        caplog.set_level(logging.DEBUG)
        settings.AWS_SECRET_ACCESS_KEY = SECRET

        with pytest.raises(
            RuntimeError, match=r"^S3 upload failed in bucket 'test-ml-bucket'.*SignatureDoesNotMatch \(403"
        ) as caught:
            get_object_store().put("a", b"1")

        told = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(get_object_store())
        assert SECRET not in told
        assert settings.AWS_ACCESS_KEY_ID not in told

    def test_every_operation_reports_a_wrong_secret(self, s3_bucket, settings):
        settings.AWS_SECRET_ACCESS_KEY = SECRET
        store = get_object_store()

        for call in (store.get, store.head, store.list, store.delete):
            with pytest.raises(StorageError, match=r"bucket 'test-ml-bucket'.*403"):
                call("a")

    def test_an_access_key_in_the_servers_answer_is_not_passed_on(self, s3_bucket, settings):
        with _answering(403, AMAZON_ANSWER) as url:
            settings.AWS_S3_ENDPOINT_URL = url
            with pytest.raises(StorageError, match="SignatureDoesNotMatch") as caught:
                get_object_store().put("a", b"1")

        assert "AKIDEXAMPLE" not in "".join(traceback.format_exception(caught.value))

    def test_a_missing_bucket_is_not_reported_as_a_missing_object(self, s3_bucket, settings):
        with _answering(404, b"<Error><Code>NoSuchBucket</Code></Error>") as url:
            settings.AWS_S3_ENDPOINT_URL = url
            store = get_object_store()
            for call in (lambda: store.get("a"), lambda: store.put("a", b"1")):
                with pytest.raises(StorageError, match="NoSuchBucket") as caught:
                    call()
                assert not isinstance(caught.value, ObjectMissing)

    def test_an_endpoint_where_nobody_listens_fails_at_once(self, s3_bucket, settings):
        settings.AWS_S3_ENDPOINT_URL = "http://127.0.0.1:9"
        # Whoever waited for it would wait for ever.
        settings.AWS_S3_TIMEOUT_SECONDS = 3600.0

        with pytest.raises(StorageError, match="S3 download failed in bucket"):
            get_object_store().get("a")

    def test_an_endpoint_that_never_answers_fails_when_its_time_is_over(self, s3_bucket, settings):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            settings.AWS_S3_ENDPOINT_URL = f"http://127.0.0.1:{silent.getsockname()[1]}"
            settings.AWS_S3_TIMEOUT_SECONDS = 0.5
            store = get_object_store()
            for call in (lambda: store.get("a"), lambda: store.put("a", b"1"), lambda: store.list("a")):
                with pytest.raises(StorageError):
                    call()

    def test_a_server_that_is_briefly_overloaded_is_asked_again(self, s3_bucket, settings):
        with _answering(503, b"", then=(200, b"fine")) as url:
            settings.AWS_S3_ENDPOINT_URL = url

            assert get_object_store().get("a") == b"fine"

    def test_without_keys_the_role_or_profile_of_the_machine_signs(self, s3_bucket, s3_server, settings, monkeypatch):
        settings.AWS_ACCESS_KEY_ID = settings.AWS_SECRET_ACCESS_KEY = None
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3_server.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3_server.secret_key)
        monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)

        get_object_store().put("a", b"1")

        assert get_object_store().get("a") == b"1"

    def test_without_any_credentials_the_message_says_what_to_set(self, s3_bucket, settings, monkeypatch, tmp_path):
        settings.AWS_ACCESS_KEY_ID = settings.AWS_SECRET_ACCESS_KEY = None
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))

        with pytest.raises(StorageError, match="neither AWS_ACCESS_KEY_ID"):
            get_object_store()

    def test_keys_of_the_environment_do_not_mix_with_those_of_the_settings(self, s3_bucket, monkeypatch):
        monkeypatch.setenv("AWS_SESSION_TOKEN", "of-somebody-else")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-somebody-else")

        get_object_store().put("a", b"1")

        assert get_object_store().exists("a")


@contextmanager
def _answering(status, body, *, then=None):
    """A server that gives one fixed answer, or one and then another."""
    answers = [(status, body)]

    class Handler(BaseHTTPRequestHandler):
        def _answer(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            code, content = answers.pop(0) if then and len(answers) > 1 else answers[0]
            self.send_response(code)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Last-Modified", "Mon, 02 Mar 2026 09:00:00 GMT")
            self.send_header("ETag", '"1"')
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = _answer  # noqa: N815  # the names that the standard library calls

        def log_message(self, *arguments):
            """Keep the test's output clean."""

    if then:
        answers.append(then)
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _answer_of_a_forked_process(call, *, within_seconds=60.0):
    """Run it in a fork of this process; the name of its error, "nothing", or "no answer"."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            call()
            os.write(writing, b"nothing")
        except Exception as error:  # noqa: BLE001  # any answer is better than none; the test compares its name
            os.write(writing, type(error).__name__.encode())
        finally:
            os._exit(0)
    os.close(writing)
    try:
        return _read_within(reading, within_seconds)
    finally:
        os.close(reading)
        os.kill(child, 9)
        os.waitpid(child, 0)


def _read_within(descriptor, seconds):
    ready, _, _ = select.select([descriptor], [], [], seconds)
    return os.read(descriptor, 100).decode() if ready else "no answer"
