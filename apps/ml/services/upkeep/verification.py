"""Every stored object against the database: what is missing, damaged, unsigned, or belongs to nobody."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from apps.ml.models import MLModel
from apps.ml.storage import get_object_store
from apps.ml.storage.errors import DigestMismatch, KeyRefused, ObjectMissing, SignatureInvalid
from apps.ml.storage.keys import DATASETS, MODELS
from apps.ml.storage.objects import ObjectStore, StoredObject
from apps.ml.storage.signing import digest, verify

logger = logging.getLogger(__name__)

Fault = Literal["missing", "damaged", "unsigned", "orphan", "young"]
#: A training uploads first and writes its row last: what is younger may belong to one that goes on just now.
MIN_ORPHAN_AGE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ObjectProblem:
    """One object that is not as the database says."""

    fault: Fault
    key: str
    detail: str
    size_bytes: int = 0

    @property
    def is_trouble(self) -> bool:
        """Young objects without a row are most likely a training that goes on."""
        return self.fault != "young"


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found, and how much was looked at."""

    models: int
    objects: int
    findings: tuple[ObjectProblem, ...]

    def of(self, fault: Fault) -> list[ObjectProblem]:
        return [finding for finding in self.findings if finding.fault == fault]

    @property
    def is_sound(self) -> bool:
        return not any(finding.is_trouble for finding in self.findings)


@dataclass(frozen=True, slots=True)
class _Recorded:
    """An object as a row promises it; training sets carry a digest and no signature."""

    key: str
    digest: str
    signature: str | None
    owner: str


def verify_store(*, now: datetime) -> Verification:
    """Read every object of the store and every row of the registry; StorageError if the store cannot be used."""
    store = get_object_store()
    # Objects first: a training that ends in between then has a row without being listed, never an object without one.
    objects = {found.key: found for prefix in (MODELS, DATASETS) for found in store.list(prefix)}
    findings: list[ObjectProblem] = []
    models, known = 0, set()
    for model in MLModel.objects.select_related("project").exclude(s3_key="").iterator():
        models += 1
        for recorded in _recorded(model):
            known.add(recorded.key)
            findings += _faults(store, recorded)
    findings += [_orphan(found, now) for key, found in objects.items() if key not in known]
    return Verification(models, len(objects), tuple(findings))


def delete_orphans(found: Verification) -> list[str]:
    """Remove the orphans that were found; young objects never. What got a row meanwhile stays."""
    store, deleted = get_object_store(), []
    for orphan in found.of("orphan"):
        if _has_row(orphan.key):
            continue
        try:
            store.delete(orphan.key)
        except KeyRefused:
            logger.warning("Orphan has a name that this service never writes, and stays key=%r", orphan.key)
            continue
        deleted.append(orphan.key)
    logger.info("Orphans deleted objects=%d", len(deleted))
    return deleted


def _recorded(model: MLModel) -> Iterator[_Recorded]:
    owner = str(model)
    yield _Recorded(model.s3_key, model.digest, model.signature, owner)
    yield _Recorded(model.serving_key, model.serving_digest, model.serving_signature, owner)
    if model.dataset_key:
        yield _Recorded(model.dataset_key, model.dataset_digest, None, owner)


def _faults(store: ObjectStore, recorded: _Recorded) -> Iterator[ObjectProblem]:
    try:
        data = store.get(recorded.key)
        _require_intact(data, recorded)
    except ObjectMissing:
        yield ObjectProblem("missing", recorded.key, f"{recorded.owner} has no such object.")
    except DigestMismatch:
        yield ObjectProblem("damaged", recorded.key, f"It is not what {recorded.owner} recorded.", len(data))
    except SignatureInvalid:
        yield ObjectProblem("unsigned", recorded.key, f"{recorded.owner} has no valid signature for it.", len(data))


def _require_intact(data: bytes, recorded: _Recorded) -> None:
    if recorded.signature is not None:
        verify(data, digest=recorded.digest, signature=recorded.signature)
    elif digest(data) != recorded.digest:
        raise DigestMismatch


def _orphan(found: StoredObject, now: datetime) -> ObjectProblem:
    age = now - found.modified_at
    if age < MIN_ORPHAN_AGE:
        return ObjectProblem("young", found.key, "No row yet; a training may be going on.", found.size_bytes)
    return ObjectProblem("orphan", found.key, f"No row for {age.days} days.", found.size_bytes)


def _has_row(key: str) -> bool:
    return any(MLModel.objects.filter(**{field: key}).exists() for field in ("s3_key", "serving_key", "dataset_key"))
