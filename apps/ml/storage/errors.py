"""What can go wrong between the service and its bytes."""

from apps.common.exceptions import ApplicationError


class StorageError(ApplicationError, RuntimeError):
    """The model store could not be used."""

    code = "storage_error"


class ObjectMissing(StorageError):
    """There is no such object in the model store."""

    code = "object_missing"


class NotOurs(StorageError):
    """What lies there is nothing that this service has stored."""

    code = "not_ours"


class NotRegular(NotOurs):
    """What lies there is no regular file: a link, a pipe or a device."""

    code = "not_regular"


class TooLarge(NotOurs):
    """What lies there is larger than anything that is stored here."""

    code = "too_large"


class ObjectExists(StorageError):
    """The object exists already, and stored objects are never overwritten."""

    code = "object_exists"


class KeyRefused(StorageError):
    """This is no key of the model store."""

    code = "key_refused"


class ArtifactRefused(ApplicationError):
    """The artefact is not the one that was trained and signed here."""

    code = "artifact_refused"


class ArtifactTruncated(ArtifactRefused):
    """The artefact is shorter than when it was stored."""

    code = "artifact_truncated"


class DigestMismatch(ArtifactRefused):
    """The bytes of the artefact differ from the digest on record."""

    code = "digest_mismatch"


class SignatureInvalid(ArtifactRefused):
    """The artefact carries no valid signature of this installation."""

    code = "signature_invalid"
