"""boto3's client of a bucket, of which every answer ends, in time and in size. It takes 0.3 s to load."""

import logging
import os
import ssl
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
import urllib3
from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool
from botocore.config import Config
from botocore.handlers import add_expect_header
from botocore.loaders import Loader
from django.conf import settings

from apps.common.exchanges import WholeAnswer
from apps.common.operations.deadlines import Ending
from apps.ml.storage.errors import StorageError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: A page of a listing has 1,000 keys of at most 1,024 bytes, each of which may be written as three: some 3.5 MB. Read
#: as XML it is 25 times as much, at worst.
MOST_ANSWER_BYTES = 4 * 2**20
#: Of an error: its code is at the front.
MOST_ERROR_BYTES = 64 * 2**10
#: Connections that are kept open: more than a process has threads.
_MOST_KEPT = 64

#: What S3 is, as boto3's own files say: read once, for all clients and for processes that are forked later.
_DESCRIPTIONS = Loader()
# Its notes for developers repeat keys and whole answers.
logging.getLogger("botocore").setLevel(logging.INFO)


def connect() -> "S3Client":
    """A client with the AWS_* settings; it tries once, and who calls it decides whether again. Nothing is sent yet.

    Raises
    ------
    StorageError
        If there are no credentials.
    """
    core = _core()
    endpoint = settings.AWS_S3_ENDPOINT_URL
    config = Config(
        connect_timeout=settings.AWS_S3_CONNECT_TIMEOUT_SECONDS,
        read_timeout=settings.AWS_S3_TIMEOUT_SECONDS,
        retries={"total_max_attempts": 1, "mode": "standard"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        max_pool_connections=_MOST_KEPT,
        s3={
            # At its own host on AWS, but for a dotted name, which no certificate fits; below the path elsewhere.
            "addressing_style": "path" if endpoint else "auto",
            "use_accelerate_endpoint": settings.AWS_S3_USE_ACCELERATE_ENDPOINT,
            "payload_signing_enabled": True,
        },
    )
    client = boto3.Session(botocore_session=core).client(
        "s3", endpoint_url=endpoint, region_name=settings.AWS_S3_REGION_NAME, config=config,
        verify=_authorities(core),
    )  # fmt: skip
    # Data go with their headers: what a server answers in between is read without any bound.
    client.meta.events.unregister("before-call.s3", add_expect_header)
    _bound(client)
    return client


def _core() -> botocore.session.Session:
    """With the keys of the settings, or those that boto3's chain finds (environment, profile, container, role)."""
    core = botocore.session.Session()
    core.register_component("data_loader", _DESCRIPTIONS)
    if settings.AWS_ACCESS_KEY_ID and settings.AWS_SECRET_ACCESS_KEY:
        # All three, so that no variable of the environment is mixed in.
        core.set_credentials(settings.AWS_ACCESS_KEY_ID, settings.AWS_SECRET_ACCESS_KEY, settings.AWS_SESSION_TOKEN)
    elif core.get_credentials() is None:
        raise StorageError(
            "No AWS credentials: neither AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY nor a role or profile was found."
        )
    return core


def _authorities(core: botocore.session.Session) -> str | None:
    """Those that boto3 is told of, or else the machine's, as for every other host; None means those it brings."""
    told = core.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
    return told or ssl.get_default_verify_paths().cafile


class _Bounded(Ending):
    """What it answers is not longer than an answer may be."""

    response_class = WholeAnswer

    def getresponse(self) -> urllib3.HTTPResponse:
        response: urllib3.HTTPResponse = super().getresponse()  # type: ignore[misc]
        is_error = response.status >= HTTPStatus.MULTIPLE_CHOICES
        response.stream = (_cut if is_error else _bounded)(response)  # type: ignore[assignment]
        return response


class _Connection(_Bounded, AWSHTTPConnection):  # type: ignore[misc]
    pass


class _TlsConnection(_Bounded, AWSHTTPSConnection):  # type: ignore[misc]
    pass


class _Pool(AWSHTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(AWSHTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def _bound(client: Any) -> None:
    # There is no other way to one's own connections that keeps proxies and certificates of the environment.
    client._endpoint.http_session._pool_classes_by_scheme.update(http=_Pool, https=_TlsPool)


def _bounded(response: urllib3.HTTPResponse) -> Callable[..., Iterator[bytes]]:
    """An answer that is read whole."""
    stream = response.stream

    def streamed(*args: Any, **options: Any) -> Iterator[bytes]:
        read = 0
        for part in stream(*args, **options):
            read += len(part)
            if read > MOST_ANSWER_BYTES:
                response.close()
                raise ValueError(f"an answer is larger than {MOST_ANSWER_BYTES // 2**20} MiB")
            yield part

    return streamed


def _cut(response: urllib3.HTTPResponse) -> Callable[..., Iterator[bytes]]:
    """The beginning of an error; where that is not all, its status tells enough."""
    stream = response.stream

    def streamed(*args: Any, **options: Any) -> Iterator[bytes]:
        left = MOST_ERROR_BYTES
        for part in stream(*args, **options):
            yield part[:left]
            left -= len(part)
            if left <= 0:
                response.close()
                return

    return streamed
