"""Bytes by key, in a folder or in a bucket: create-only writes, whole reads, errors a caller can act on."""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from celery.exceptions import SoftTimeLimitExceeded

from apps.common.exceptions import ApplicationError
from apps.common.operations.metrics import STORE_FAILURES, STORE_SECONDS
from apps.ml.storage.errors import NotOurs, ObjectExists, ObjectMissing, StorageError
from apps.ml.storage.keys import NOTHING, checked_key
from apps.ml.storage.stored import StoredObject

#: The largest object that is read into memory. Artefacts of this service are some 100 kB, so this only bounds what
#: somebody who can write to the bucket may do to the memory of every process.
MAX_OBJECT_BYTES = 256 * 2**20
#: What passes a call to the store without being its fault: our own words, and what ends a task.
NOT_THE_STORES = (ApplicationError, SoftTimeLimitExceeded)
#: S3 takes no more in one question.
_MOST_AT_ONCE = 1_000
#: Of the words of somebody else.
_MOST_TOLD = 200

logger = logging.getLogger(__name__)


class Engine(Protocol):
    """Where bytes lie. What it raises is told in its own words, but for what is named here.

    Attributes
    ----------
    name : str
        "S3" or "Directory".
    place : str
        The bucket or directory, as error messages name it.
    directory : Path or None
        Root of a directory; None on S3.
    """

    @property
    def name(self) -> str: ...

    @property
    def place(self) -> str: ...

    @property
    def directory(self) -> Path | None: ...

    def put(self, key: str, data: bytes) -> None:
        """Write a new object durably, or `FileExistsError`."""

    def get(self, key: str, most_bytes: int) -> bytes:
        """A whole object; `FileNotFoundError`, or `NotOurs` as `TooLarge` while it is read."""

    def head(self, key: str) -> StoredObject:
        """Size and age, or `FileNotFoundError`."""

    def listed(self, prefix: str) -> Iterable[StoredObject]:
        """All objects below a whole path segment."""

    def folders(self, prefix: str) -> Iterable[str]:
        """The names directly below a whole path segment that have something below them."""

    def delete(self, key: str) -> None:
        """Remove an object, whether it is there or not."""

    def delete_some(self, keys: Sequence[str]) -> set[str]:
        """Remove those that one question can, and tell which of them are gone for sure."""

    def unwritten(self, prefix: str) -> Iterable[StoredObject]:
        """What is not written whole."""

    def remove_unwritten(self, prefix: str, *, now: datetime) -> int:
        """Remove what rests of it; how many."""


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """Bytes by key, in a directory or in a bucket."""

    medium: Engine

    @property
    def engine(self) -> str:
        """ "S3" or "Directory"; begins every error message and labels the metrics."""
        return self.medium.name

    @property
    def place(self) -> str:
        """The bucket or directory, as error messages name it."""
        return self.medium.place

    @property
    def directory(self) -> Path | None:
        """Root of the directory engine; None on S3."""
        return self.medium.directory

    def put(self, key: str, data: bytes) -> None:
        """Write a new object, durably.

        Raises
        ------
        ObjectExists
            If another writer was first; its object stays as it is.
        StorageError
            If the store refused or could not be reached.
        """
        with self._operation("upload", checked_key(key)):
            self.medium.put(key, data)

    def get(self, key: str) -> bytes:
        """Read a whole object.

        Raises
        ------
        ObjectMissing
            If there is none.
        StorageError
            If the store refused, could not be reached, or the object is larger than MAX_OBJECT_BYTES.
        """
        with self._operation("download", checked_key(key)):
            return self.medium.get(key, MAX_OBJECT_BYTES)

    def head(self, key: str) -> StoredObject:
        """Size and age of an object, or ObjectMissing."""
        with self._operation("lookup", checked_key(key)):
            return self.medium.head(key)

    def exists(self, key: str) -> bool:
        try:
            self.head(key)
        except ObjectMissing:
            return False
        return True

    def list(self, prefix: str) -> list[StoredObject]:
        """All objects below a whole path segment (`a/b` finds `a/b/c`, not `a/bc`), sorted by key.

        What is no regular file is left out, and told.
        """
        with self._operation("listing", checked_key(prefix)):
            return sorted(self.medium.listed(prefix), key=lambda each: each.key)

    def folders(self, prefix: str) -> tuple[str, ...]:
        """The names directly below a whole path segment, however much lies below them."""
        with self._operation("listing", checked_key(prefix)):
            return tuple(sorted(self.medium.folders(prefix)))

    def unwritten(self, prefix: str) -> tuple[StoredObject, ...]:
        """What is not written whole, below a folder: uploads that go on, and those whose process was killed.

        A bucket has none, and no listing tells of them: they have no key.
        """
        with self._operation("listing", checked_key(prefix)):
            return tuple(self.medium.unwritten(prefix))

    def remove_unwritten(self, prefix: str, *, now: datetime) -> int:
        """Remove those that have rested for LEFT_AFTER; returns how many. What cannot be removed stays, and is told."""
        with self._operation("listing", checked_key(prefix)):
            return self.medium.remove_unwritten(prefix, now=now)

    def require_answer(self) -> None:
        """Raise StorageError unless a store answers: asked for what nobody wrote, it says so in its own words."""
        try:
            self.get(f"{NOTHING}/{uuid4()}")
        except ObjectMissing:
            return
        raise StorageError(f"{self._failed('download', NOTHING)}: it has what nobody wrote, so it is no model store.")

    def delete(self, key: str) -> None:
        """Remove an object; that it was gone already is no error, since S3 cannot tell the difference."""
        with self._operation("deletion", checked_key(key)):
            self.medium.delete(key)

    def delete_all(self, keys: Sequence[str]) -> None:
        """Remove many, as `delete` does each: in one question where the store knows it and says what is gone."""
        for start in range(0, len(keys), _MOST_AT_ONCE):
            part = [checked_key(key) for key in keys[start : start + _MOST_AT_ONCE]]
            gone = set[str]()
            if len(part) > 1:
                with self._operation("deletion", part[0]):
                    gone = self.medium.delete_some(part)
            for key in part:
                if key not in gone:
                    self.delete(key)

    @contextmanager
    def _operation(self, name: str, key: str) -> Iterator[None]:
        """Time one call and turn the engine's errors into ours."""
        started = time.perf_counter()
        try:
            yield
        except FileNotFoundError as error:
            # To write there needs no object to be there.
            if name == "upload":
                raise self._fault(name, key, error) from None
            raise ObjectMissing(f"{self._failed(name, key)}: there is no such object.") from None
        except FileExistsError:
            raise ObjectExists(f"{self._failed(name, key)}: it exists already.") from None
        except NotOurs as error:
            raise type(error)(f"{self._failed(name, key)}: {error}.") from None
        except NOT_THE_STORES:
            raise
        except Exception as error:  # noqa: BLE001 - whatever boto3 and the system raise means: no store
            # Not chained: it may hold the server's answer, and Amazon's repeats the access key.
            raise self._fault(name, key, error) from None
        finally:
            STORE_SECONDS.labels(operation=name, engine=self.engine).observe(time.perf_counter() - started)

    def _fault(self, name: str, key: str, error: Exception) -> StorageError:
        STORE_FAILURES.labels(operation=name, engine=self.engine).inc()
        return StorageError(f"{self._failed(name, key)}: {cause(error)}.")

    def _failed(self, name: str, key: str) -> str:
        return f"{self.engine} {name} failed in {self.place} for {key!r}"


def cause(error: Exception) -> str:
    """What went wrong, without what may be an answer's body."""
    return str(error).partition("\n")[0].partition("<")[0][:_MOST_TOLD].strip().rstrip(".:") or type(error).__name__
