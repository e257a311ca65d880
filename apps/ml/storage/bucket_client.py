"""boto3's client of a bucket, of which every answer ends, in time and in size. It takes 0.8 s to load."""

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import boto3
import urllib3
from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool
from botocore.config import Config
from django.conf import settings

from apps.common.exchanges import WholeAnswer
from apps.common.operations.deadlines import Ending

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: A page of a listing has 1,000 keys of at most 1,024 bytes, each of which may be written as three: some 3.5 MB.
MOST_ANSWER_BYTES = 16 * 2**20


def connect(endpoint: str | None) -> "S3Client":
    """A client with the AWS_* settings; it tries once, and who calls it decides whether again."""
    keys: dict[str, Any] = {}
    if settings.AWS_ACCESS_KEY_ID and settings.AWS_SECRET_ACCESS_KEY:
        keys = {
            "aws_access_key_id": settings.AWS_ACCESS_KEY_ID,
            "aws_secret_access_key": settings.AWS_SECRET_ACCESS_KEY,
            "aws_session_token": settings.AWS_SESSION_TOKEN,
        }
    config = Config(
        connect_timeout=settings.AWS_S3_CONNECT_TIMEOUT_SECONDS,
        read_timeout=settings.AWS_S3_TIMEOUT_SECONDS,
        retries={"total_max_attempts": 1, "mode": "standard"},
        request_checksum_calculation="when_required",
        s3={"addressing_style": "path" if settings.AWS_S3_ENDPOINT_URL else "auto"},
    )
    # The endpoint of acceleration takes neither listings nor, being of one bucket, the bucket's name twice.
    client = boto3.client(
        "s3", endpoint_url=settings.AWS_S3_ENDPOINT_URL and endpoint, region_name=settings.AWS_S3_REGION_NAME,
        config=config, **keys,
    )  # fmt: skip
    _bound(client)
    return client


class _Bounded(Ending):
    """What it answers is not longer than an answer may be."""

    response_class = WholeAnswer

    def getresponse(self) -> urllib3.HTTPResponse:
        response: urllib3.HTTPResponse = super().getresponse()  # type: ignore[misc]
        response.stream = _bounded(response)  # type: ignore[method-assign]
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


def _bounded(response: urllib3.HTTPResponse) -> Callable[..., Generator[bytes, None, None]]:
    stream = response.stream

    def streamed(*args: Any, **options: Any) -> Generator[bytes, None, None]:
        read = 0
        for part in stream(*args, **options):
            read += len(part)
            if read > MOST_ANSWER_BYTES:
                response.close()
                raise ValueError(f"an answer is larger than {MOST_ANSWER_BYTES // 2**20} MiB")
            yield part

    return streamed
