"""Which engine the settings open, and what survives a fork."""

import base64
import hashlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.credentials import DeferredRefreshableCredentials
from botocore.exceptions import HTTPClientError
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings as project_settings

from apps.ml.storage import ObjectExists, StorageError, get_object_store
from apps.ml.storage.bucket_client import connect

FORKING = """
import django, os
django.setup()
from apps.ml.storage import get_object_store
store = get_object_store()
child = os.fork()
if child == 0:
    store.put("written/by/the/child", b"1")
    os._exit(0)
status = os.waitpid(child, 0)[1]
print(os.waitstatus_to_exitcode(status), store.get("written/by/the/child"))
"""


@pytest.fixture
def on_amazon(settings):
    """As in production on Amazon's own S3: a bucket and keys, no endpoint. Nothing is sent by opening it."""
    settings.AWS_STORAGE_BUCKET_NAME = "a-bucket"
    settings.AWS_ACCESS_KEY_ID, settings.AWS_SECRET_ACCESS_KEY = "AKIDEXAMPLE", "secret"
    settings.AWS_S3_ENDPOINT_URL, settings.AWS_S3_REGION_NAME = None, "eu-central-1"
    return settings


@pytest.fixture
def asked(monkeypatch) -> list[AWSPreparedRequest]:
    """What would be sent."""
    seen: list[AWSPreparedRequest] = []

    def answer(request, **_):
        seen.append(request)
        return AWSResponse(request.url, 404, {}, None)

    def connected():
        client = connect()
        client.meta.events.register("before-send.s3", answer)
        return client

    monkeypatch.setattr("apps.ml.storage.bucket_client.connect", connected)
    monkeypatch.setattr(AWSResponse, "content", b"")
    return seen


@pytest.mark.parametrize(
    ("changed", "url"),
    [
        ({}, "https://a-bucket.s3.eu-central-1.amazonaws.com/a/b"),
        ({"AWS_STORAGE_PREFIX": "team/"}, "https://a-bucket.s3.eu-central-1.amazonaws.com/team/a/b"),
        # No certificate fits a dotted name.
        (
            {"AWS_STORAGE_BUCKET_NAME": "models.example.com"},
            "https://s3.eu-central-1.amazonaws.com/models.example.com/a/b",
        ),
        ({"AWS_S3_USE_ACCELERATE_ENDPOINT": True}, "https://a-bucket.s3-accelerate.amazonaws.com/a/b"),
        ({"AWS_S3_ENDPOINT_URL": "https://s3.example.com:9000"}, "https://s3.example.com:9000/a-bucket/a/b"),
    ],
    ids=["own host", "prefix", "dotted", "accelerated", "own server"],
)
def test_where_an_object_is_asked_for(on_amazon, asked, changed, url):
    for name, value in changed.items():
        setattr(on_amazon, name, value)
    store = get_object_store()

    assert not store.exists("a/b")
    with pytest.raises(StorageError):
        store.put("a/b", b"1")

    assert {request.url for request in asked} == {url}


def test_what_is_written_says_so_in_plain_headers_and_is_signed_whole(on_amazon, asked):
    on_amazon.AWS_SESSION_TOKEN = "of-a-role"

    with pytest.raises(StorageError):
        get_object_store().put("a", b"bytes")

    [sent] = asked
    sent = {name.lower(): getattr(value, "decode", lambda value=value: value)() for name, value in sent.headers.items()}
    digest = hashlib.sha256(b"bytes")
    assert sent["if-none-match"] == "*"
    assert sent["x-amz-checksum-sha256"] == base64.b64encode(digest.digest()).decode()
    assert sent["x-amz-content-sha256"] == digest.hexdigest()
    assert sent["x-amz-security-token"] == "of-a-role"
    assert sent["content-length"] == "5"
    # What is sent behind the data, and what is answered before them, not every server knows.
    assert not {"x-amz-trailer", "transfer-encoding", "expect", "content-encoding"} & sent.keys()


def test_a_server_that_takes_no_checksum_is_sent_none(on_amazon, asked):
    on_amazon.AWS_S3_CHECKSUMS = False

    with pytest.raises(StorageError):
        get_object_store().put("a", b"bytes")

    [sent] = asked
    assert not [name for name in sent.headers if "checksum" in name.lower()]


def test_acceleration_of_another_server_is_a_mistake_in_the_settings(on_amazon):
    on_amazon.AWS_S3_USE_ACCELERATE_ENDPOINT = True
    on_amazon.AWS_S3_ENDPOINT_URL = "http://127.0.0.1:9"

    with pytest.raises(StorageError, match="exclude each other"):
        get_object_store()


def test_the_open_client_shows_no_credentials(on_amazon):
    store = get_object_store()

    assert "AKIDEXAMPLE" not in repr(store) + repr(store.medium) + repr(store.medium.client)


def test_a_role_whose_credentials_cannot_be_renewed_is_a_storage_error(on_amazon, monkeypatch):
    def expired():
        raise RuntimeError("the token has expired")

    on_amazon.AWS_ACCESS_KEY_ID = on_amazon.AWS_SECRET_ACCESS_KEY = None
    on_amazon.AWS_S3_ENDPOINT_URL = "http://127.0.0.1:9"
    role = DeferredRefreshableCredentials(expired, "a role")
    monkeypatch.setattr("botocore.session.Session.get_credentials", lambda self: role)

    with pytest.raises(StorageError, match=r"S3 download failed in bucket 'a-bucket'.*the token has expired"):
        get_object_store().get("a")


def test_the_end_of_a_task_is_no_fault_of_the_store(on_amazon, asked, monkeypatch):
    """boto3 takes whatever is raised in the middle of a call for the connection's."""

    def ends(self, request):
        try:
            raise SoftTimeLimitExceeded
        except Exception as error:  # noqa: BLE001 - as boto3 does
            raise HTTPClientError(error=error)  # noqa: B904 - as boto3 does

    on_amazon.AWS_S3_ENDPOINT_URL = "http://127.0.0.1:9"
    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", ends)
    monkeypatch.setattr("apps.ml.storage.bucket_client.connect", connect)

    with pytest.raises(SoftTimeLimitExceeded):
        get_object_store().get("a")


def test_a_write_whose_answer_is_lost_is_not_repeated(on_amazon, s3_lost):
    """It would find its own object there, and take it for another's."""
    with pytest.raises(StorageError) as told:
        get_object_store().put("a", b"1")

    assert not isinstance(told.value, ObjectExists)
    assert s3_lost == ["PUT"]
    with pytest.raises(StorageError):
        get_object_store().get("a")
    assert s3_lost == ["PUT", "GET", "GET"]


@pytest.fixture
def s3_lost(on_amazon) -> Iterator[list[str]]:
    """A server that hears and says nothing; the methods that it heard."""
    heard: list[str] = []

    def hear() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    heard.append(connection.recv(65_536).decode().partition(" ")[0])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        on_amazon.AWS_S3_ENDPOINT_URL = f"http://127.0.0.1:{listener.getsockname()[1]}"
        on_amazon.AWS_S3_MAX_RETRIES = 1
        thread = threading.Thread(target=hear)
        thread.start()
        yield heard
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_proxy_of_the_environment_is_asked(on_amazon, monkeypatch, s3_lost):
    monkeypatch.setenv("http_proxy", on_amazon.AWS_S3_ENDPOINT_URL)
    monkeypatch.setenv("no_proxy", "")
    on_amazon.AWS_S3_ENDPOINT_URL = "http://store.invalid"

    with pytest.raises(StorageError):
        get_object_store().put("a", b"1")

    assert s3_lost == ["PUT"]


@pytest.mark.parametrize(
    ("variables", "file"),
    [
        ({"SSL_CERT_FILE": "machine"}, "machine"),
        ({"SSL_CERT_FILE": "machine", "AWS_CA_BUNDLE": "of-boto3"}, "of-boto3"),
        ({"SSL_CERT_FILE": "machine", "REQUESTS_CA_BUNDLE": "of-requests"}, "of-requests"),
    ],
    ids=["machine", "boto3", "requests"],
)
def test_the_certificates_of_the_environment_are_believed(on_amazon, monkeypatch, tmp_path, variables, file):
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        (tmp_path / value).touch()
        monkeypatch.setenv(name, str(tmp_path / value))

    session = get_object_store().medium.client._endpoint.http_session

    assert session._verify == str(tmp_path / file)


def test_a_directory_may_be_opened_before_a_fork_and_used_after_it(model_store_dir):
    assert _output_of_forking({}) == "0 b'1'"


@pytest.mark.engine
def test_a_bucket_may_be_opened_before_a_fork_and_used_after_it(s3_bucket, s3_server):
    variables = {
        "AWS_STORAGE_BUCKET_NAME": s3_bucket,
        "AWS_STORAGE_PREFIX": project_settings.AWS_STORAGE_PREFIX,
        "AWS_S3_ENDPOINT_URL": s3_server.endpoint_url,
        "AWS_ACCESS_KEY_ID": s3_server.access_key,
        "AWS_SECRET_ACCESS_KEY": s3_server.secret_key,
    }

    assert _output_of_forking(variables) == "0 b'1'"


def _output_of_forking(variables):
    done = subprocess.run(
        [sys.executable, "-c", FORKING],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "base.settings_test", **variables},
        cwd=project_settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
