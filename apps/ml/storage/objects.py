"""One object client for a directory and for S3: create-only writes, whole reads, errors a caller can act on."""

import hashlib
import logging
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import obstore
from celery.exceptions import SoftTimeLimitExceeded
from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore, S3Store

from apps.common.exceptions import ApplicationError
from apps.common.operations.metrics import STORE_FAILURES, STORE_SECONDS
from apps.common.operations.unnamed_files import LEFT_AFTER, coming_to, is_held
from apps.ml.storage.bucket import Bucket, no_store
from apps.ml.storage.errors import NotRegular, ObjectExists, ObjectMissing, StorageError, TooLarge
from apps.ml.storage.keys import NOTHING, checked_key, is_name_of_a_file
from apps.ml.storage.stored import StoredObject

#: The largest object that is read into memory. Artefacts of this service are some 100 kB, so this only bounds what
#: somebody who can write to the bucket may do to the memory of every process.
MAX_OBJECT_BYTES = 256 * 2**20

#: What passes a call to the store without being its fault: our own words, and what ends the process or task.
NOT_THE_CLIENTS = (ApplicationError, SoftTimeLimitExceeded, KeyboardInterrupt, SystemExit, GeneratorExit)

logger = logging.getLogger(__name__)

#: How that is called which is not written whole yet, on file systems that must name it.
_ASIDE = ".writing."
#: Of a file, as anybody's umask leaves them: the folder is closed to others.
_RIGHTS = 0o666
#: The same, and what the client called so in earlier versions.
_TEMPORARY = re.compile(rf"(?P<by_client>.*)#\d+|{re.escape(_ASIDE)}\w{{8}}", re.DOTALL)
_ERROR_CODE = re.compile(r"<Code>([A-Za-z0-9.]{1,64})</Code>")
_HTTP_STATUS = re.compile(r"status code: (\d{3} [A-Za-z -]+)")


@dataclass(slots=True)
class _ClientThreads:
    """Remembers which process started the threads of the object client.

    They do not survive a fork: a call in the child never returns, and may crash the parent, with whom it shares their
    files (measured). This turns both into an error.
    """

    owner_pid: int | None = None

    def claim(self) -> None:
        pid = os.getpid()
        if self.owner_pid not in (None, pid):
            raise StorageError(
                "The model store was used before this process was forked, and its client does not survive that: "
                "use it in the workers only, not in the process that starts them."
            )
        self.owner_pid = pid


_THREADS = _ClientThreads()


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """Bytes by key, in a directory or in a bucket.

    Attributes
    ----------
    engine : str
        "S3" or "Directory"; begins every error message and labels the metrics.
    place : str
        The bucket or directory, as error messages name it.
    directory : Path or None
        Root of the directory engine; None on S3.
    bucket : Bucket or None
        What lists and deletes on S3; None for a directory.
    """

    engine: str
    place: str
    client: LocalStore | S3Store = field(repr=False)
    directory: Path | None = None
    bucket: Bucket | None = field(default=None, repr=False)

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
            if self.directory is not None:
                _write_new(self.directory / key, data)
                _make_durable(self.directory, key)
                return
            told = obstore.put(self.client, key, data, mode="create")
            if _tag(told["e_tag"]) != hashlib.md5(data, usedforsecurity=False).hexdigest():
                self._require_written(key, data, _tag(told["e_tag"]))

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
            self._require_regular(key)
            response = obstore.get(self.client, key)
            if response.meta["size"] > MAX_OBJECT_BYTES:
                raise TooLarge(f"{self._failed('download', key)}: it is larger than {MAX_OBJECT_BYTES} bytes.")
            return bytes(response.bytes())

    def head(self, key: str) -> StoredObject:
        """Size and age of an object, or ObjectMissing."""
        with self._operation("lookup", checked_key(key)):
            self._require_regular(key)
            return _stored_object(obstore.head(self.client, key))

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
            files = self._files(prefix) if self.bucket is None else self.bucket.listed(prefix)
            found = list(files)
        return sorted(found, key=lambda each: each.key)

    def unwritten(self, prefix: str) -> tuple[StoredObject, ...]:
        """What is not written whole, below a folder: uploads that go on, and those whose process was killed.

        A bucket has none, and no listing tells of them: they have no key.
        """
        with self._operation("listing", checked_key(prefix)):
            return () if self.bucket is not None else tuple(self._files(prefix, unwritten=True))

    def remove_unwritten(self, prefix: str, *, now: datetime) -> int:
        """Remove those that have rested for LEFT_AFTER; returns how many. What cannot be removed stays, and is told."""
        removed = 0
        for left in self.unwritten(prefix):
            if now - left.modified_at < LEFT_AFTER or not _is_ours(left.key):
                continue
            path = (self.directory or Path()) / left.key
            try:
                if not is_held(path):
                    path.unlink()
                    removed += 1
            except FileNotFoundError:
                continue
            except OSError as error:
                logger.warning("What a killed upload left stays key=%r: %s", left.key, error.strerror)
        return removed

    def folders(self, prefix: str) -> tuple[str, ...]:
        """The names directly below a whole path segment, however much lies below them."""
        with self._operation("listing", checked_key(prefix)):
            found = self._folders(prefix) if self.bucket is None else self.bucket.folders(prefix)
            return tuple(sorted(found))

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
            if self.bucket is not None:
                if not self.bucket.delete(key) and self.exists(key):
                    no_store("it is there after its deletion")
                return
            try:
                obstore.delete(self.client, key)
            except FileNotFoundError:
                return

    def _require_written(self, key: str, data: bytes, tag: str) -> None:
        """Believe a write whose tag is not that of the data, as of those that the store encrypts with a key of ours."""
        try:
            found = self.head(key)
        except ObjectMissing:
            found = None
        is_there = found is not None and (found.size_bytes, _tag(found.etag)) == (len(data), tag)
        # What answers everything alike has anything.
        if not is_there or self.exists(f"{NOTHING}/{uuid4()}"):
            no_store("it is not there after its upload")

    def _folders(self, prefix: str) -> Iterator[str]:
        try:
            with os.scandir((self.directory or Path()) / prefix) as entries:
                yield from (entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        except FileNotFoundError:
            return

    def _files(self, prefix: str, *, unwritten: bool = False) -> Iterator[StoredObject]:
        """By ourselves: the client stops at the first link that leads to itself.

        What is still being written is no object yet.
        """
        root, others = self.directory or Path(), list[str]()
        for folder, folders, names in os.walk(root / prefix, onerror=_unless_it_is_gone):
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            for name in (*names, *links):
                path = Path(folder, name)
                key = path.relative_to(root).as_posix()
                try:
                    status = path.lstat()
                except FileNotFoundError:  # removed meanwhile
                    continue
                if stat.S_ISREG(status.st_mode) and self._is_regular(key):
                    if bool(_TEMPORARY.fullmatch(name)) == unwritten:
                        modified_at = datetime.fromtimestamp(status.st_mtime, UTC)
                        yield StoredObject(key, status.st_size, modified_at, None)
                else:
                    others.append(key)
        if others and not unwritten:
            logger.warning(
                "%d things in the model store are no regular files and are not read: %s", len(others), others[0]
            )

    def _is_regular(self, key: str) -> bool:
        """Whether a key of a directory is a file that lies where it seems to: no link, pipe or device.

        Whoever may write into the folder could otherwise have this process read, or wait for, whatever it may read.
        """
        if self.directory is None:
            return True
        path = self.directory / key
        # A link to itself leads nowhere, so it seems to lie where it is.
        lies_here = os.path.realpath(path) == str(path) and not path.is_symlink()
        return lies_here and (path.is_file() or path.is_dir() or not path.exists())

    def _require_regular(self, key: str) -> None:
        if not self._is_regular(key):
            raise NotRegular(f"{self._failed('reading', key)}: it is no regular file.")

    @contextmanager
    def _operation(self, name: str, key: str) -> Iterator[None]:
        """Time one call and turn the client's errors into ours."""
        _THREADS.claim()
        started = time.perf_counter()
        try:
            yield
        except FileNotFoundError as error:
            raise self._missing(name, key, error) from None
        except (AlreadyExistsError, FileExistsError):
            raise ObjectExists(f"{self._failed(name, key)}: it exists already.") from None
        except NOT_THE_CLIENTS:
            raise
        except BaseException as error:  # noqa: BLE001 - the client's Rust panics with what is no Exception
            STORE_FAILURES.labels(operation=name, engine=self.engine).inc()
            # Not chained: the text of an S3 error holds the server's whole answer, and Amazon's repeats the access key.
            raise StorageError(f"{self._failed(name, key)}: {_cause(error)}.") from None
        finally:
            STORE_SECONDS.labels(operation=name, engine=self.engine).observe(time.perf_counter() - started)

    def _missing(self, name: str, key: str, error: FileNotFoundError) -> StorageError:
        # A missing bucket is a mistake in the settings; "no such object" would send the reader looking elsewhere. And
        # anything answers 404: S3 says of what (to a HEAD, nobody says anything).
        is_told = self.bucket is None or name == "lookup" or "<Code>NoSuchKey</Code>" in str(error)
        if name == "upload" or not is_told:
            STORE_FAILURES.labels(operation=name, engine=self.engine).inc()
            return StorageError(f"{self._failed(name, key)}: {_cause(error)}.")
        return ObjectMissing(f"{self._failed(name, key)}: there is no such object.")

    def _failed(self, name: str, key: str) -> str:
        return f"{self.engine} {name} failed in {self.place} for {key!r}"


def _is_ours(key: str) -> bool:
    """Whether something unwritten has a name that we or the client gave it."""
    temporary = _TEMPORARY.fullmatch(key.rpartition("/")[2])
    return temporary is not None and (temporary["by_client"] is None or is_name_of_a_file(temporary["by_client"]))


def _unless_it_is_gone(error: OSError) -> None:
    # A folder that cannot be read is not an empty one: a backup or the proof of an erasure would take it for one.
    if not isinstance(error, FileNotFoundError):
        raise error


def _tag(told: str | None) -> str:
    """Its letters: some write it without quotes, and a proxy that packs answers calls it weak."""
    return (told or "").removeprefix("W/").strip('"').lower()


def _stored_object(meta: "obstore.ObjectMeta") -> StoredObject:
    return StoredObject(meta["path"], meta["size"], meta["last_modified"], meta["e_tag"])


def _cause(error: BaseException) -> str:
    """What went wrong, in the server's own code and status; never the body of its answer."""
    text = str(error).partition("\n")[0]
    code, status = _ERROR_CODE.search(str(error)), _HTTP_STATUS.search(text)
    if code and status:
        return f"{code[1]} ({status[1].strip()})"
    if status:
        return status[1].strip()
    return text.partition("<")[0].strip().rstrip(".") or type(error).__name__


def _write_new(path: Path, data: bytes) -> None:
    """By ourselves: the client names what it has not written whole, and leaves it there if the process is killed."""
    # What is in the way of a folder is told as none by the next call.
    with suppress(FileExistsError):
        path.parent.mkdir(parents=True)
    with coming_to(path, prefix=_ASIDE, replace=False, mode=_RIGHTS) as file:
        file.write(data)


def _make_durable(root: Path, key: str) -> None:
    """Flush every directory entry that leads to the file, which was flushed before it had its name."""
    for each in (root / key).parents:
        _fsync(each)
        if each == root:
            return


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
