"""Listing and deleting in a bucket, by boto3: two things that obstore does not do well enough (decision 3).

A server that is overloaded may answer 200 with an error in the body; obstore reads that as an empty listing, and a
backup or the proof of an erasure would take it for an empty bucket. And obstore deletes in bulk only, with a checksum
in a header that plain servers refuse.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING

from apps.ml.storage.stored import StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class BucketFault(Exception):
    """The server refused, in its own code and status."""


class Bucket:
    """A bucket below a prefix. `connect` makes the client, when one is first needed: boto3 takes 0.8 s to import."""

    def __init__(self, name: str, prefix: str, connect: "Callable[[], S3Client]") -> None:
        self._name, self._prefix, self._connect = name, f"{prefix}/" if prefix else "", connect

    def listed(self, prefix: str) -> Iterator[StoredObject]:
        """All objects below a whole path segment."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._name, Prefix=f"{self._prefix}{prefix}/"
        )
        with _in_our_words():
            for page in pages:
                for found in page.get("Contents", ()):
                    key = found["Key"].removeprefix(self._prefix)
                    if not key.endswith("/"):
                        yield StoredObject(key, found["Size"], found["LastModified"], found.get("ETag"))

    def delete(self, key: str) -> None:
        """Remove one object, whether it is there or not."""
        with _in_our_words():
            self._client.delete_object(Bucket=self._name, Key=f"{self._prefix}{key}")

    @cached_property
    def _client(self) -> "S3Client":
        return self._connect()


@contextmanager
def _in_our_words() -> Iterator[None]:
    from botocore.exceptions import ClientError  # noqa: PLC0415 - loaded with the client

    try:
        yield
    except ClientError as error:
        status = int(error.response["ResponseMetadata"]["HTTPStatusCode"])
        # Not chained: Amazon's answers repeat the access key.
        raise BucketFault(f"{error.response['Error']['Code']} ({status} {HTTPStatus(status).phrase})") from None
