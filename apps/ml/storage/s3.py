"""The model store as services see it: trainings and training sets instead of objects."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from apps.ml.storage import get_object_store
from apps.ml.storage.errors import ArtifactTruncated, KeyRefused, ObjectExists, StorageError
from apps.ml.storage.keys import (
    DATASETS,
    INDEXES,
    ModelKey,
    checked_key,
    dataset_key,
    index_key,
    model_key,
    models_prefix,
    parse_model_key,
)
from apps.ml.storage.marks import put_marked, withdraw
from apps.ml.storage.objects import ObjectStore
from apps.ml.storage.signing import Identity, digest, sign, verify
from apps.ml.storage.stored import StoredObject

logger = logging.getLogger(__name__)

#: How many objects of the same second (data sets: of the same day) find a key; far more than workers can finish.
MAX_ATTEMPTS = 1000


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """What a database row keeps of an object, to refuse it later if it is not the same."""

    key: str
    digest: str
    signature: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class StoredTraining:
    """The two artefacts of one training."""

    model: StoredArtifact
    serving: StoredArtifact


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """A stored model as its key and the store describe it; sizes in bytes, times in UTC."""

    key: str
    model_type: str
    version: str
    trained_at: datetime
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class S3ModelStorageService:
    """Stores models and training sets in the bucket, or without one in the directory, that the settings name.

    Every method raises StorageError, a RuntimeError, if the store cannot be used: `S3 upload failed in bucket …`.

    Attributes
    ----------
    ours : sequence of str
        The names of who writes, the present one first: each object gets a mark of that one, and what others than these
        have marked is never removed.
    """

    ours: Sequence[str] = ()

    def upload_model(
        self,
        *,
        model_type: str,
        version: str,
        model: bytes,
        serving: bytes,
        now: datetime,
        project_id: object | None = None,
    ) -> StoredTraining:
        """Store the pipeline and the serving artefact of one training side by side; nothing is ever overwritten."""
        keys = (model_key(model_type, version, now, attempt=attempt).model for attempt in _attempts())
        of = Identity(model_type, project_id, version)
        # The pipeline's key is the claim: whoever creates it owns the directory, so the second write meets nobody.
        claimed = parse_model_key(self._put_at_first_free(keys, model))
        try:
            self._put(claimed.serving, serving)
        except BaseException:
            # Half a training is none, and nobody else knows of it.
            with suppress(StorageError):
                self._remove(claimed.model)
            raise
        logger.info("Model stored key=%s model_bytes=%d serving_bytes=%d", claimed.model, len(model), len(serving))
        return StoredTraining(_artifact(claimed.model, model, of), _artifact(claimed.serving, serving, of))

    def download_model(self, key: str) -> bytes:
        """The bytes of either artefact, unchecked: nothing reads them before `verified_model` has proven them."""
        parse_model_key(key)
        return self._objects.get(key)

    def verified_model(self, key: str, *, of: Identity, digest: str, signature: str, size_bytes: int = 0) -> bytes:
        """The bytes of either artefact, if they are those that were stored and signed here for this owner.

        Raises
        ------
        ArtifactTruncated
            If there are fewer than `size_bytes`.
        DigestMismatch, SignatureInvalid
            If they are damaged or were exchanged, or nobody of this installation signed them.
        """
        data = self.download_model(key)
        if len(data) < size_bytes:
            raise ArtifactTruncated(f"The artefact has {len(data)} bytes, {size_bytes} were stored.")
        verify(data, digest=digest, signature=signature, of=of)
        return data

    def list_models(self, model_type: str | None = None) -> list[ModelMetadata]:
        """All stored models, or those of one type, by key; what else lies in the bucket is left out and logged."""
        return [model for model in map(_model_metadata, self._objects.list(models_prefix(model_type))) if model]

    def model_exists(self, key: str) -> bool:
        parse_model_key(key)
        return self._objects.exists(key)

    def get_model_metadata(self, key: str) -> ModelMetadata:
        """Type, version, times and size of a stored model, or ObjectMissing."""
        return _described(parse_model_key(key), self._objects.head(key))

    def delete_model(self, key: str) -> None:
        """Remove both artefacts of a training; what is gone already is no error."""
        training = parse_model_key(key)
        self._remove(training.serving, training.model)
        logger.info("Model deleted key=%s", training.model)

    def upload_dataset(
        self, project_id: object | None, data: bytes, *, extension: str, now: datetime
    ) -> StoredArtifact:
        """Store the training set of a project, or with None that of all projects together."""
        keys = (dataset_key(project_id, now, extension=extension, attempt=attempt) for attempt in _attempts())
        key = self._put_at_first_free(keys, data)
        return _artifact(key, data, Identity(DATASETS, project_id, ""))

    def upload_index(self, project_id: object, data: bytes, *, now: datetime) -> StoredArtifact:
        """Store an index of a project's texts."""
        keys = (index_key(project_id, now, attempt=attempt) for attempt in _attempts())
        key = self._put_at_first_free(keys, data)
        return _artifact(key, data, Identity(INDEXES, project_id, ""))

    def verified_index(self, key: str, *, project_id: object, digest: str, signature: str) -> bytes:
        """The bytes of an index, if they are those that were stored and signed here for this project.

        Raises
        ------
        DigestMismatch, SignatureInvalid
            As of `verified_model`.
        """
        data = self._objects.get(checked_key(key))
        verify(data, digest=digest, signature=signature, of=Identity(INDEXES, project_id, ""))
        return data

    def delete_object(self, key: str) -> None:
        """Remove a training set or an index; that it is gone already is no error."""
        self._remove(key)

    def _put_at_first_free(self, keys: Iterator[str], data: bytes) -> str:
        """Write under the first key that nobody has; the store itself decides who was first."""
        for key in keys:
            with suppress(ObjectExists):
                self._put(key, data)
                return key
        raise ObjectExists(f"All {MAX_ATTEMPTS} keys of this moment are taken.")

    def _put(self, key: str, data: bytes) -> None:
        if self.ours:
            put_marked(self._objects, self.ours[0], key, data)
        else:
            self._objects.put(key, data)

    def _remove(self, *keys: str) -> None:
        if self.ours:
            list(withdraw(self._objects, self.ours, keys))
        else:
            for key in keys:
                self._objects.delete(key)

    @property
    def _objects(self) -> ObjectStore:
        # Asked for each time: the client is the process's, not this instance's.
        return get_object_store()


def _attempts() -> range:
    return range(1, MAX_ATTEMPTS + 1)


def _artifact(key: str, data: bytes, of: Identity) -> StoredArtifact:
    found = digest(data)
    return StoredArtifact(key=key, digest=found, signature=sign(found, of=of), size_bytes=len(data))


def _model_metadata(found: StoredObject) -> ModelMetadata | None:
    try:
        key = parse_model_key(found.key)
    except KeyRefused:
        logger.warning("Foreign object in the model store key=%s", found.key)
        return None
    return _described(key, found) if found.key == key.model else None


def _described(key: ModelKey, found: StoredObject) -> ModelMetadata:
    return ModelMetadata(
        key=found.key,
        model_type=key.model_type,
        version=key.version,
        trained_at=key.trained_at,
        size_bytes=found.size_bytes,
        modified_at=found.modified_at,
    )
