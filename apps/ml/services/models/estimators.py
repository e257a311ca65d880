"""Opening the stored scikit-learn estimators, for training and diagnosis: never before they are proven to be ours."""

import importlib.metadata
import io
import logging
import zlib
from typing import Any

from prometheus_client import Counter

from apps.ml.core.zipped import MOST_UNPACKED_BYTES
from apps.ml.models import MLModel
from apps.ml.services.models.kinds import identity_of
from apps.ml.storage.errors import ArtifactRefused
from apps.ml.storage.s3 import S3ModelStorageService

logger = logging.getLogger(__name__)

REFUSALS = Counter("scrum_ml_artefacts_refused", "Stored estimators that were not opened.", ["reason"])
_LIBRARIES = ("scikit-learn", "numpy", "scipy", "joblib")
#: Only scikit-learn ties its objects to its version; the others are recorded, not required.
_REQUIRED = ("scikit-learn",)


class LibraryMismatch(ArtifactRefused):
    """The estimators were made with another version of scikit-learn."""

    code = "library_mismatch"


class EstimatorsTooLarge(ArtifactRefused):
    """The estimators are packed as none of ours are, or unpack to more."""

    code = "estimators_too_large"


def library_versions() -> dict[str, str]:
    """What a training runs with, as its row records it."""
    return {name: importlib.metadata.version(name) for name in _LIBRARIES}


def open_estimators(model: MLModel) -> dict[str, Any]:
    """Download, check and only then open the estimators of a training.

    Serving does not depend on this: its arrays outlive a scikit-learn version. Every refusal is counted and logged.

    Raises
    ------
    StorageError
        If the object is missing or the store cannot be used.
    ArtifactTruncated
        If bytes are missing at its end.
    DigestMismatch
        If it is damaged or was exchanged.
    SignatureInvalid
        If nobody of this installation signed it.
    EstimatorsTooLarge
        If they would unpack to more than any of ours.
    LibraryMismatch
        If another scikit-learn made it: train again.
    """
    stored_bytes = model.provenance.get("size_bytes", {}).get("model", 0)
    try:
        data = S3ModelStorageService().verified_model(
            model.s3_key, of=identity_of(model), digest=model.digest, signature=model.signature, size_bytes=stored_bytes
        )
        _require_libraries(model)
        content = _unpacked(data)
    except ArtifactRefused as error:
        REFUSALS.labels(reason=error.code).inc()
        logger.warning("Estimators refused key=%s reason=%s", model.s3_key, error.message)
        raise
    import joblib  # noqa: PLC0415 - web processes import this module too, and open nothing

    opened: dict[str, Any] = joblib.load(io.BytesIO(content))
    return opened


def _unpacked(data: bytes) -> bytes:
    """As joblib would unpack them, and no further than ours are."""
    packed = zlib.decompressobj()
    try:
        content = packed.decompress(data, MOST_UNPACKED_BYTES)
    except zlib.error as error:
        raise EstimatorsTooLarge("The estimators are packed as none of ours are.") from error
    if not packed.eof:
        raise EstimatorsTooLarge(f"The estimators unpack to more than {MOST_UNPACKED_BYTES // 2**20} MiB.")
    return content


def _require_libraries(model: MLModel) -> None:
    made_with, here = model.provenance.get("libraries", {}), library_versions()
    for name in _REQUIRED:
        if made_with.get(name) != here[name]:
            raise LibraryMismatch(
                f"The estimators were made with {name} {made_with.get(name, 'unknown')}; here is {here[name]}. "
                "Train again; serving goes on meanwhile."
            )
