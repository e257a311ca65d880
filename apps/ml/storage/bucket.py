"""Listing and deleting in a bucket, by boto3: two things that obstore does not do well enough (decision 3).

A server that is overloaded may answer 200 with an error in the body, and what is no store at all with a page of its
own. obstore reads both as an empty listing, and a backup, the proof of an erasure or whoever asks who else holds an
object would believe it. So a listing counts only if it says which bucket and prefix it is of. And obstore deletes in
bulk only, with a checksum in a header that plain servers refuse.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from apps.common.operations.deadlines import Deadline
from apps.ml.storage.stored import StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

_Answer = TypeVar("_Answer")
#: What one listing may take in all, and tell. A model that is trained each week is some 150 objects a year, so this is
#: beyond what a thousand teams store in years; a server that always knows a next page would be asked for ever.
MOST_LISTING_SECONDS = 900.0
MOST_LISTED = 2_000_000
#: Amazon's name of an access point that stands in place of a bucket's; what a listing calls itself then, nobody says.
_ALIAS = "-s3alias"
#: The pause before the second attempt at a call, which doubles, and the longest. Short: a request may be waiting.
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0


class BucketFault(Exception):
    """The server refused, in its own code and status, or answered what no store says."""


def no_store(told: str) -> NoReturn:
    """What answers there is not our bucket."""
    raise BucketFault(f"{told} (is AWS_S3_ENDPOINT_URL the address of the store?)")


@dataclass(frozen=True)
class Bucket:
    """A bucket below a prefix.

    Parameters
    ----------
    prefix : str
        Empty, or without a stroke at its ends.
    connect : callable
        Makes the client, when one is first needed.
    seconds : float
        No attempt at a call begins later than this after the first, and it ends within twice the time.
    retries : int
        Attempts after the first.
    """

    name: str
    prefix: str
    connect: "Callable[[], S3Client]" = field(repr=False)
    seconds: float
    retries: int

    def listed(self, prefix: str) -> Iterator[StoredObject]:
        """All objects below a whole path segment."""
        for page in self._pages(prefix, ""):
            for found in page.get("Contents", ()):
                if not found["Key"].endswith("/"):
                    key = found["Key"].removeprefix(self._before)
                    yield StoredObject(key, found["Size"], found["LastModified"], found.get("ETag"))

    def folders(self, prefix: str) -> Iterator[str]:
        """The names directly below a whole path segment that have something below them."""
        for page in self._pages(prefix, "/"):
            for found in page.get("CommonPrefixes", ()):
                yield found["Prefix"].rstrip("/").rpartition("/")[2]

    def delete(self, key: str) -> bool:
        """Remove one object, whether it is there or not; returns whether the answer is one of S3 that says so."""
        told = self._asked(lambda: self._client.delete_object(Bucket=self.name, Key=f"{self._before}{key}"))
        meta = told["ResponseMetadata"]
        return meta["HTTPStatusCode"] == HTTPStatus.NO_CONTENT and bool(meta.get("RequestId"))

    def _pages(self, prefix: str, delimiter: str) -> "Iterator[ListObjectsV2OutputTypeDef]":
        asked, until, listed = f"{self._before}{prefix}/", time.monotonic() + MOST_LISTING_SECONDS, 0
        options: dict[str, Any] = {"Delimiter": delimiter} if delimiter else {}
        while True:
            page = self._asked(lambda: self._client.list_objects_v2(Bucket=self.name, Prefix=asked, **options))
            self._require_listing(page, asked)
            yield page
            if not page["IsTruncated"]:
                return
            token, listed = page.get("NextContinuationToken"), listed + page["KeyCount"]
            if not token or token == options.get("ContinuationToken"):
                no_store("a listing goes on where it was")
            if listed > MOST_LISTED or time.monotonic() > until:
                raise BucketFault("the listing does not end")
            options["ContinuationToken"] = token

    def _require_listing(self, page: "ListObjectsV2OutputTypeDef", asked: str) -> None:
        """Any 200 is read as a listing of nothing; ours tells its bucket, its prefix and its length."""
        is_ours = "Name" in page and (page["Name"] == self.name or self.name.endswith(_ALIAS))
        if not is_ours or page.get("Prefix") != asked or not {"KeyCount", "IsTruncated"} <= page.keys():
            no_store("the answer is no listing of this bucket")
        keys = [found.get("Key", "") for found in page.get("Contents", ())]
        folders = [found.get("Prefix", "") for found in page.get("CommonPrefixes", ())]
        # Some servers do not count folders.
        is_whole = len(keys) <= page["KeyCount"] <= len(keys) + len(folders)
        # S3 tells moments in UTC; one of no zone comes before or after nothing.
        is_whole &= all(
            found.get("Size", -1) >= 0 and "LastModified" in found and found["LastModified"].tzinfo
            for found in page.get("Contents", ())
        )
        if not is_whole or not all(key.startswith(asked) for key in (*keys, *folders)):
            no_store("the listing is not what it says it is")

    def _asked(self, call: Callable[[], _Answer]) -> _Answer:
        """One answer, tried again as often and as long as calls are that obstore makes."""
        deadline, last_begin = Deadline(), time.monotonic() + self.seconds
        left, pause = self.retries, FIRST_PAUSE_SECONDS
        with _in_our_words(deadline, self.seconds), deadline.within(2 * self.seconds):
            while True:
                try:
                    return call()
                except Exception as error:
                    is_last = not left or deadline.is_over or time.monotonic() + pause > last_begin
                    if is_last or not _may_pass(error):
                        raise
                time.sleep(pause)
                left, pause = left - 1, min(2 * pause, LONGEST_PAUSE_SECONDS)

    @property
    def _before(self) -> str:
        return f"{self.prefix}/" if self.prefix else ""

    @cached_property
    def _client(self) -> "S3Client":
        return self.connect()


@contextmanager
def _in_our_words(deadline: Deadline, seconds: float) -> Iterator[None]:
    from botocore.exceptions import ClientError  # noqa: PLC0415 - loaded with the client

    try:
        yield
    except ClientError as error:
        status = int(error.response["ResponseMetadata"]["HTTPStatusCode"])
        # Not chained: Amazon's answers repeat the access key.
        raise BucketFault(f"{error.response['Error']['Code']} ({status} {HTTPStatus(status).phrase})") from None
    except Exception:
        if not deadline.is_over:
            raise
    if deadline.is_over:  # also where nothing seems to be wrong: what was read may have been cut off
        raise BucketFault(f"no whole answer within {2 * seconds:g} s")


def _may_pass(error: Exception) -> bool:
    """Whether it may go well a moment later: the connection, or a server that has too much to do."""
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: PLC0415 - as above
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - as above

    if isinstance(error, ClientError):
        status = int(error.response["ResponseMetadata"]["HTTPStatusCode"])
        return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS
    return isinstance(error, (ConnectionError, HTTPClientError, ResponseParserError))
