"""Database and model store as one file, and back: a pair that fits, whatever each became in between.

The database is read in one snapshot. Objects of the store are written once and stay for a week after their row is
gone, so those that the snapshot's rows name are there, however long the copying takes. No others are kept.
The file holds rows as JSON lines, so a backup of SQLite can be put back into PostgreSQL.
"""

import gzip
import hashlib
import io
import json
import stat
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from django.apps import apps
from django.core import serializers
from django.core.management.color import no_style
from django.core.serializers.base import DeserializationError, DeserializedObject
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, connection, models, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from apps.common.exceptions import ApplicationError
from apps.common.operations.database_faults import DATABASE_FAULTS
from apps.common.operations.named_files import NotWritten, require_folder, writing
from apps.common.operations.unnamed_files import coming_to
from apps.ml.models import MLModel
from apps.ml.services.upkeep.installation import become_another, name_to_take, this_installation, to_be_replaced
from apps.ml.services.upkeep.recorded import recorded_digests
from apps.ml.storage import get_object_store
from apps.ml.storage.errors import NotOurs, ObjectExists, ObjectMissing
from apps.ml.storage.keys import DATASETS, checked_key
from apps.ml.storage.marks import mark, put_marked
from apps.ml.storage.objects import ObjectStore
from apps.ml.storage.signing import digest

#: Of the file: raised when it holds something else or elsewhere.
FORMAT = 1
MANIFEST, DATABASE, OBJECTS = "manifest.json", "database.jsonl.gz", "objects/"
#: Log-ins of now (put back, ended ones would be open again), answers of a day, where pages ended, who is at work now,
#: and what is built again: not worth keeping, and wrong when put back.
LEFT_OUT = frozenset(
    {
        "sessions.session", "accounts.login", "common.firstanswer", "common.pagemark", "ml.workerseen",
        "ml.textsnapshot",
    }
)  # fmt: skip
_BATCH_ROWS = 1_000
#: What a file that is no backup, or half of one, makes its readers raise.
_UNREADABLE = (
    tarfile.TarError, zlib.error, OSError, EOFError, KeyError, ValueError, TypeError, AttributeError, RecursionError,
    DeserializationError,
)  # fmt: skip


class BackupRefused(ApplicationError):
    """This file cannot be put back."""

    code = "backup_refused"


class InUse(ApplicationError):
    """The database holds people already; what is there would be replaced."""

    code = "database_in_use"


@dataclass(frozen=True, slots=True)
class Summary:
    """What a backup holds, and what the store lacked or had already."""

    rows: int
    objects: int
    #: Keys that rows name and the store did not have when the backup was made.
    missing: tuple[str, ...] = ()
    #: Keys whose objects were not what the rows had recorded, so that they are left out, too.
    damaged: tuple[str, ...] = ()


class _Exact(DjangoJSONEncoder):
    """Moments to the microsecond; Django's own cuts them to milliseconds."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if isinstance(o, datetime) else super().default(o)


# --- Into the file ------------------------------------------------------------------------------------------------
def backup(path: Path, *, now: datetime, replace: bool = False) -> Summary:
    """Write the file, for this user only; it appears when it is whole, and takes the place of a file or of nothing.

    Raises
    ------
    NotWritten
        If something else is at this place, a file that is not to be replaced, or the system refuses to write there.
    StorageError
        If the store cannot be used.
    """
    with writing(path):
        _require_place(path, replace=replace)
        # Not by the name of the file, which may be as long as names may be.
        with coming_to(path, prefix=".backup.", begins=DATABASE.encode()) as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                summary = _write(archive, now)
            # Once more: it took a while, and what came there meanwhile is somebody's.
            _require_place(path, replace=replace)
    return summary


def _require_place(path: Path, *, replace: bool) -> None:
    """A rename would put the file in place of whatever is there: of a device, which all of the machine uses, too."""
    require_folder(path)
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(mode):
        raise NotWritten(f"{path} is a link. Name the file itself.")
    if not stat.S_ISREG(mode):
        raise NotWritten(f"{path} is no file, but a {'folder' if stat.S_ISDIR(mode) else 'device or pipe'}.")
    if not replace:
        raise NotWritten(f"{path} is there already. --force puts the new backup in its place.")


def _write(archive: tarfile.TarFile, now: datetime) -> Summary:
    # Before the snapshot, in which nothing is written: a fresh installation has no name yet.
    us = this_installation()
    with tempfile.TemporaryFile() as rows:
        with one_snapshot():
            # Which may be another disk than the file's.
            with writing(Path(tempfile.gettempdir())):
                count = _write_rows(rows)
                rows.flush()
            recorded = recorded_digests()
            facts: dict[str, Any] = {"migrations": _migrations(), "installation": str(us)}
        stored = rows.tell()
        rows.seek(0)
        archive.addfile(_entry(DATABASE, stored), rows)
        rows.seek(0)
        facts["database_sha256"] = _digest(rows)
    missing, damaged, digests = list[str](), list[str](), dict[str, str]()
    for key in sorted(recorded):
        try:
            data = _as_recorded(key, recorded[key])
        except (ObjectMissing, NotOurs):
            missing.append(key)
            continue
        if data is None:
            damaged.append(key)
            continue
        digests[key] = digest(data)
        archive.addfile(_entry(OBJECTS + key, len(data)), io.BytesIO(data))
    left_out = sorted([*missing, *damaged])
    facts |= {"format": FORMAT, "made_at": now.isoformat(), "rows": count, "objects": digests, "missing": left_out}
    manifest = json.dumps(facts, indent=1, sort_keys=True).encode()
    archive.addfile(_entry(MANIFEST, len(manifest)), io.BytesIO(manifest))
    return Summary(count, len(digests), tuple(missing), tuple(damaged))


def _as_recorded(key: str, recorded: str) -> bytes | None:
    """The object, if it is what its row says. Read twice: a store that is overloaded gives an error for an object."""
    for _ in range(2):
        data = get_object_store().get(key)
        if digest(data) == recorded:
            return data
    return None


@contextmanager
def one_snapshot() -> Iterator[None]:
    """All reads see the same moment, and nobody's write waits for them."""
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield
    else:
        # Django's own transactions take SQLite's lock for writing at once; this one only reads.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("COMMIT")


def _write_rows(file: IO[bytes]) -> int:
    count = 0
    with gzip.open(file, "wt", encoding="utf-8", compresslevel=6) as text:
        for model in _models():
            rows: Iterator[models.Model] = models.QuerySet(model).order_by("pk").iterator(chunk_size=_BATCH_ROWS)
            while batch := list(islice(rows, _BATCH_ROWS)):
                serializers.serialize("jsonl", batch, stream=text, cls=_Exact)
                count += len(batch)
    return count


def _models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model._meta.label_lower not in LEFT_OUT and model._meta.managed]


def _migrations() -> list[str]:
    return sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry


# --- And back -----------------------------------------------------------------------------------------------------
def restore(path: Path, *, replace: bool = False) -> Summary:
    """Put database and objects back, all or nothing of the database; objects first, which harm nobody alone.

    The database takes a new identity: whoever it was when the backup was made may go on elsewhere, unless it is the one
    that is replaced. What that one has stored since the backup has no row any more and stays, listed as newer, but for
    indexes, which are made again.

    Raises
    ------
    BackupRefused
        If the file is none, is damaged, or was made by another version.
    InUse
        If the database holds people and is not to be replaced.
    StorageError
        If the store cannot be used.
    """
    if not replace and apps.get_model("accounts", "User")._default_manager.exists():
        raise InUse
    try:
        with tarfile.open(path, "r:") as archive:
            return _read(archive)
    except DATABASE_FAULTS:
        # Its disk is full, or somebody holds it: no fault of the file, and told as for every command.
        raise
    except DatabaseError as error:
        raise BackupRefused(
            f"{path.name} holds what this database does not take: {str(error).strip()[:300]}"
        ) from error
    except _UNREADABLE as error:
        raise BackupRefused(f"{path.name} cannot be read as a backup: {type(error).__name__}.") from error


def _read(archive: tarfile.TarFile) -> Summary:
    manifest = json.loads(_member(archive, MANIFEST).read())
    _require_shape(manifest)
    if manifest["format"] != FORMAT:
        raise BackupRefused(f"It has format {manifest['format']}, this version reads {FORMAT}.")
    if manifest["migrations"] != _migrations():
        raise BackupRefused(
            "It was made by a version with other migrations: check that version out, migrate, restore, and then update."
        )
    rows = _member(archive, DATABASE)
    if _digest(rows) != manifest["database_sha256"]:
        raise BackupRefused("Its database is damaged.")
    began = timezone.now()
    us = name_to_take(began)
    moved = _put_objects(archive, manifest["objects"], us)
    rows.seek(0)
    # Last: what the store refuses is told while nothing is replaced, and there is no moment with rows and no marks.
    with transaction.atomic():
        # By now another may have been put back beside it.
        replaced = to_be_replaced()
        count = _put_rows(rows)
        for key, place in moved.items():
            MLModel.objects.filter(dataset_key=key).update(dataset_key=place)
        become_another(replaced, name=us, since=began)
    return Summary(count, len(manifest["objects"]), tuple(manifest["missing"]))


def _require_shape(manifest: Any) -> None:
    """Before anything is replaced."""
    kinds = {"format": int, "migrations": list, "database_sha256": str, "objects": dict, "missing": list}
    if not isinstance(manifest, dict) or not all(isinstance(manifest.get(name), kind) for name, kind in kinds.items()):
        raise BackupRefused("Its manifest is none of ours.")
    if not all(isinstance(text, str) for text in (*manifest["objects"].values(), *manifest["missing"])):
        raise BackupRefused("Its manifest is none of ours.")


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = archive.extractfile(name)
    if found is None:
        raise BackupRefused(f"It has no {name}.")
    return found


def _digest(file: IO[bytes]) -> str:
    found = hashlib.sha256()
    while block := file.read(2**20):
        found.update(block)
    return found.hexdigest()


def _put_objects(archive: tarfile.TarFile, digests: dict[str, str], us: UUID) -> dict[str, str]:
    """Write what is not there. Returns by old key the new one of each training set whose key others have by now.

    Their names are of a day: once an erasure has removed one, the next of that day has its name.
    """
    store, moved = get_object_store(), dict[str, str]()
    for key, recorded in digests.items():
        data = _member(archive, OBJECTS + checked_key(key)).read()
        if digest(data) != recorded:
            raise BackupRefused(f"Its object {key} is damaged.")
        if _is_put(store, us, key, data):
            continue
        moved[key] = place = _of_these_bytes(key, recorded)
        if not (key.startswith(f"{DATASETS}/") and _is_put(store, us, place, data)):
            raise BackupRefused(
                f"The store has another object under {key}: restore into a store of its own "
                "(MODEL_STORE_DIR, AWS_STORAGE_PREFIX)."
            )
    return moved


def _is_put(store: ObjectStore, us: UUID, key: str, data: bytes) -> bool:
    """Put these bytes under the key, marked as ours; False where it has others."""
    try:
        put_marked(store, us, key, data)
    except ObjectExists:
        if store.get(key) != data:
            return False
        mark(store, us, key)
    return True


def _of_these_bytes(key: str, recorded: str) -> str:
    """A name that no other bytes have."""
    stem, dot, extension = key.partition(".")
    return f"{stem}-{recorded[:16]}{dot}{extension}"


def _put_rows(file: IO[bytes]) -> int:
    # PostgreSQL empties no table on which a check is still to come.
    connection.check_constraints()
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    connection.ops.execute_sql_flush(
        connection.ops.sql_flush(no_style(), tables, reset_sequences=True, allow_cascade=False)
    )
    count = 0
    with gzip.open(file, "rt", encoding="utf-8") as text, _times_as_they_were():
        found = serializers.deserialize("jsonl", text)
        for model, group in groupby(found, key=lambda each: type(each.object)):
            if model._meta.label_lower in LEFT_OUT:
                # A file of before may hold them.
                continue
            while batch := list(islice(group, _BATCH_ROWS)):
                _insert(model, batch)
                count += len(batch)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), _models()):
            cursor.execute(statement)
    return count


def _insert(model: type[models.Model], batch: list[DeserializedObject]) -> None:
    # Past the managers: history may only be written once, and this is that once.
    rows: models.QuerySet[models.Model] = models.QuerySet(model)
    rows.bulk_create([each.object for each in batch])
    for each in batch:
        for name, values in (each.m2m_data or {}).items():
            getattr(each.object, name).set(values)


@contextmanager
def _times_as_they_were() -> Iterator[None]:
    """Columns that note when a row is written keep what they noted."""
    fields: list[Any] = [
        field
        for model in _models()
        for field in model._meta.local_fields
        if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    ]
    before = [(field.auto_now, field.auto_now_add) for field in fields]
    for field in fields:
        field.auto_now = field.auto_now_add = False
    try:
        yield
    finally:
        for field, (auto_now, auto_now_add) in zip(fields, before, strict=True):
            field.auto_now, field.auto_now_add = auto_now, auto_now_add
