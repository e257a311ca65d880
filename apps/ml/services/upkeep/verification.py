"""Every stored object against the database: what is missing, damaged, unsigned, or belongs to nobody."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from apps.ml.models import MLModel
from apps.ml.services.models.kinds import identity_of
from apps.ml.services.upkeep.recorded import index_keys
from apps.ml.services.upkeep.strays import Listing, remove, strays
from apps.ml.storage import get_object_store
from apps.ml.storage.errors import DigestMismatch, NotOurs, ObjectMissing, SignatureInvalid
from apps.ml.storage.objects import ObjectStore
from apps.ml.storage.signing import Identity, digest, verify

Fault = Literal["missing", "damaged", "unsigned", "orphan", "shared", "young", "foreign", "newer"]


@dataclass(frozen=True, slots=True)
class ObjectProblem:
    """One object that is not as the database says."""

    fault: Fault
    key: str
    detail: str
    size_bytes: int = 0

    @property
    def is_trouble(self) -> bool:
        """Young objects without a row are most likely a training that goes on, and strangers' ones are no fault."""
        return self.fault not in ("young", "foreign", "shared")


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
    of: Identity
    owner: str


def verify_store(*, now: datetime) -> Verification:
    """Read every object of the store and every row of the registry; StorageError if the store cannot be used."""
    store = get_object_store()
    # Objects first: a training that ends in between then has a row without being listed, never an object without one.
    listing = Listing.of(store)
    findings: list[ObjectProblem] = []
    models, known = 0, index_keys()
    for model in MLModel.objects.select_related("project").exclude(s3_key="").iterator():
        models += 1
        for recorded in _recorded(model):
            known.add(recorded.key)
            findings += _faults(store, recorded)
    findings += [
        ObjectProblem(stray.kind, stray.object.key, stray.detail, stray.object.size_bytes)
        for stray in strays(listing, known, now=now)
    ]
    return Verification(models, len(listing.objects), tuple(findings))


def delete_orphans(found: Verification) -> list[str]:
    """Remove the orphans that were found, and nothing else; what got a row meanwhile stays.

    Of what another installation holds as well our mark goes, so that it is that one's alone.
    """
    return remove([orphan.key for fault in ("orphan", "shared") for orphan in found.of(fault)])


def _recorded(model: MLModel) -> Iterator[_Recorded]:
    owner, of = str(model), identity_of(model)
    yield _Recorded(model.s3_key, model.digest, model.signature, of, owner)
    yield _Recorded(model.serving_key, model.serving_digest, model.serving_signature, of, owner)
    if model.dataset_key:
        yield _Recorded(model.dataset_key, model.dataset_digest, None, of, owner)


def _faults(store: ObjectStore, recorded: _Recorded) -> Iterator[ObjectProblem]:
    try:
        data = store.get(recorded.key)
        _require_intact(data, recorded)
    except ObjectMissing:
        yield ObjectProblem("missing", recorded.key, f"{recorded.owner} has no such object.")
    except NotOurs as error:
        yield ObjectProblem("damaged", recorded.key, f"{error.__doc__} {recorded.owner} recorded a file.")
    except DigestMismatch:
        yield ObjectProblem("damaged", recorded.key, f"It is not what {recorded.owner} recorded.", len(data))
    except SignatureInvalid:
        yield ObjectProblem("unsigned", recorded.key, f"{recorded.owner} has no valid signature for it.", len(data))


def _require_intact(data: bytes, recorded: _Recorded) -> None:
    if recorded.signature is not None:
        verify(data, digest=recorded.digest, signature=recorded.signature, of=recorded.of)
    elif digest(data) != recorded.digest:
        raise DigestMismatch
