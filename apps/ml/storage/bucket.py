"""The model store in a bucket, by boto3 (decision 3): nothing is believed that no store says.

A server that is overloaded may answer 200 with an error in the body, and what is no store at all with a page of its
own. Read as an empty listing, a backup, the proof of an erasure or whoever asks who else holds an object would believe
it. So a listing counts only if it says which bucket and prefix it is of, and an upload only with the tag of its data.
"""

import base64
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from apps.ml.storage.bucket_calls import BucketFault, Calls, no_store
from apps.ml.storage.keys import NOTHING
from apps.ml.storage.stored import StoredObject, joined, refuse_larger

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

#: What one listing may take in all, and tell. A model that is trained each week is some 150 objects a year, so this is
#: beyond what a thousand teams store in years; a server that always knows a next page would be asked for ever.
MOST_LISTING_SECONDS = 900.0
MOST_LISTED = 2_000_000
#: Amazon's name of an access point that stands in place of a bucket's; what a listing calls itself then, nobody says.
_ALIAS = "-s3alias"
#: What says that a key has an object already; each server has its own.
_TAKEN = (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT, HTTPStatus.NOT_MODIFIED)
_PART_BYTES = 2**16


@dataclass(frozen=True)
class Bucket:
    """A bucket below a prefix.

    Parameters
    ----------
    prefix : str
        Empty, or without a stroke at its ends.
    connect : callable
        Makes the client.
    sends_checksums : bool
        Whether the SHA-256 of what is written goes along.
    """

    name: ClassVar[str] = "S3"
    directory: ClassVar[None] = None

    bucket: str
    prefix: str
    connect: "Callable[[], S3Client]" = field(repr=False)
    calls: Calls
    sends_checksums: bool
    #: By process: what is open in one is not another's to speak over.
    _clients: "dict[int, S3Client]" = field(default_factory=dict, repr=False)
    _connecting: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def place(self) -> str:
        return f"bucket {self.bucket!r}"

    @property
    def client(self) -> "S3Client":
        """The one of this process, for all its threads."""
        pid = os.getpid()
        if pid not in self._clients:
            with self._connecting:
                if pid not in self._clients:
                    self._clients[pid] = self.connect()
        return self._clients[pid]

    def put(self, key: str, data: bytes) -> None:
        # By ourselves, as a header: boto3 would send it behind the data, which plain servers refuse.
        sums = {"ChecksumSHA256": base64.b64encode(hashlib.sha256(data).digest()).decode()}
        options: dict[str, Any] = sums if self.sends_checksums else {}
        write = partial(self.client.put_object, **self._at(key), Body=data, IfNoneMatch="*", **options)
        try:
            told: Any = self.calls.ask(write, once=True)
        except BucketFault as fault:
            if fault.status in _TAKEN:
                raise FileExistsError from None
            raise
        tag = _tag(told.get("ETag"))
        if tag != hashlib.md5(data, usedforsecurity=False).hexdigest():
            self._require_written(key, data, tag)

    def get(self, key: str, most_bytes: int) -> bytes:
        def read() -> bytes:
            told = self.client.get_object(**self._at(key))
            with closing(told["Body"]) as body:
                refuse_larger(told.get("ContentLength", 0), most_bytes)
                return joined(iter(partial(body.read, _PART_BYTES), b""), most_bytes)

        try:
            return self.calls.ask(read)
        except BucketFault as fault:
            # Anything answers 404: S3 says of what.
            if fault.status == HTTPStatus.NOT_FOUND and fault.code == "NoSuchKey":
                raise FileNotFoundError from None
            raise

    def head(self, key: str) -> StoredObject:
        try:
            told = self.calls.ask(partial(self.client.head_object, **self._at(key)))
        except BucketFault as fault:
            # To a HEAD nobody says of what.
            if fault.status == HTTPStatus.NOT_FOUND:
                raise FileNotFoundError from None
            raise
        if not _is_described(told.get("ContentLength"), told.get("LastModified")):
            no_store("the answer describes no object")
        return StoredObject(key, told["ContentLength"], told["LastModified"], told.get("ETag"))

    def listed(self, prefix: str) -> Iterator[StoredObject]:
        for page in self._pages(prefix, ""):
            for found in page.get("Contents", ()):
                if not found["Key"].endswith("/"):
                    key = found["Key"].removeprefix(self._before)
                    yield StoredObject(key, found["Size"], found["LastModified"], found.get("ETag"))

    def folders(self, prefix: str) -> Iterator[str]:
        for page in self._pages(prefix, "/"):
            for found in page.get("CommonPrefixes", ()):
                yield found["Prefix"].rstrip("/").rpartition("/")[2]

    def delete(self, key: str) -> None:
        """Remove one object; believed if the answer is one of S3 that says so, or if it is gone."""
        meta = self.calls.ask(partial(self.client.delete_object, **self._at(key)))["ResponseMetadata"]
        is_told = meta["HTTPStatusCode"] == HTTPStatus.NO_CONTENT and bool(meta.get("RequestId"))
        if not is_told and self._found(key):
            no_store("it is there after its deletion")

    def delete_some(self, keys: Sequence[str]) -> set[str]:
        """Ask for many at once; those that are told to be gone, one by one. The rest is for `delete`.

        A server may not know the question, refuse some, or answer what is no answer of S3.
        """
        named = {f"{self._before}{key}": key for key in keys}
        asked: Any = {"Objects": [{"Key": each} for each in named]}
        try:
            told = self.calls.ask(partial(self.client.delete_objects, Bucket=self.bucket, Delete=asked))
        except BucketFault:
            return set()
        faulty = {each.get("Key", "") for each in told.get("Errors", ())}
        gone = {each.get("Key", "") for each in told.get("Deleted", ())} - faulty
        return {named[each] for each in gone if each in named}

    def unwritten(self, prefix: str) -> tuple[StoredObject, ...]:
        """A bucket has none: what was not sent whole is no object."""
        return ()

    def remove_unwritten(self, prefix: str, *, now: datetime) -> int:
        return 0

    def _require_written(self, key: str, data: bytes, tag: str) -> None:
        """Believe a write whose tag is not that of the data, as of those that the store encrypts with a key of ours."""
        found = self._found(key)
        is_there = found is not None and (found.size_bytes, _tag(found.etag)) == (len(data), tag)
        # What answers everything alike has anything.
        if not is_there or self._found(f"{NOTHING}/{uuid4()}"):
            no_store("it is not there after its upload")

    def _found(self, key: str) -> StoredObject | None:
        try:
            return self.head(key)
        except FileNotFoundError:
            return None

    def _pages(self, prefix: str, delimiter: str) -> "Iterator[ListObjectsV2OutputTypeDef]":
        asked, until, listed = f"{self._before}{prefix}/", time.monotonic() + MOST_LISTING_SECONDS, 0
        options: dict[str, Any] = {"Delimiter": delimiter} if delimiter else {}
        while True:
            page = self.calls.ask(lambda: self.client.list_objects_v2(Bucket=self.bucket, Prefix=asked, **options))
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
        is_ours = "Name" in page and (page["Name"] == self.bucket or self.bucket.endswith(_ALIAS))
        if not is_ours or page.get("Prefix") != asked or not {"KeyCount", "IsTruncated"} <= page.keys():
            no_store("the answer is no listing of this bucket")
        keys = [found.get("Key", "") for found in page.get("Contents", ())]
        folders = [found.get("Prefix", "") for found in page.get("CommonPrefixes", ())]
        # Some servers do not count folders.
        is_whole = len(keys) <= page["KeyCount"] <= len(keys) + len(folders)
        is_whole &= all(
            _is_described(found.get("Size"), found.get("LastModified")) for found in page.get("Contents", ())
        )
        if not is_whole or not all(key.startswith(asked) for key in (*keys, *folders)):
            no_store("the listing is not what it says it is")

    def _at(self, key: str) -> dict[str, Any]:
        return {"Bucket": self.bucket, "Key": f"{self._before}{key}"}

    @property
    def _before(self) -> str:
        return f"{self.prefix}/" if self.prefix else ""


def _is_described(size_bytes: int | None, modified_at: datetime | None) -> bool:
    # S3 tells moments in UTC; one of no zone comes before or after nothing.
    return size_bytes is not None and size_bytes >= 0 and modified_at is not None and modified_at.tzinfo is not None


def _tag(told: str | None) -> str:
    """Its letters: some write it without quotes, and a proxy that packs answers calls it weak."""
    return (told or "").removeprefix("W/").strip('"').lower()
