"""The two engines of the model store, opened from the settings."""

import os
from pathlib import Path

from django.conf import settings

from apps.ml.storage.bucket import Bucket
from apps.ml.storage.bucket_calls import Calls
from apps.ml.storage.errors import StorageError
from apps.ml.storage.folder import Folder
from apps.ml.storage.objects import NOT_THE_STORES, ObjectStore, cause
from apps.ml.storage.slips import slips_of_the_store


def open_store() -> ObjectStore:
    """The engine that the settings name: a bucket if there is one, else a directory."""
    if slip := next(slips_of_the_store(), None):
        raise StorageError(" ".join(slip))
    try:
        if settings.AWS_STORAGE_BUCKET_NAME:
            return open_bucket(settings.AWS_STORAGE_BUCKET_NAME)
        return open_directory(Path(settings.MODEL_STORE_DIR))
    except NOT_THE_STORES:
        raise
    except Exception as error:  # noqa: BLE001 - whatever boto3 and the system raise means: no store
        raise StorageError(f"The model store cannot be opened: {cause(error)}.") from None


def open_directory(directory: Path) -> ObjectStore:
    """Open a directory as a store; it is made if it is missing.

    Raises
    ------
    StorageError
        If it cannot be made or written to.
    """
    try:
        # For this user only: training sets tell what a team worked on.
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"The model store directory {directory} cannot be made: {error.strerror}.") from error
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        raise StorageError(f"The model store directory {directory} cannot be read and written by this user.")
    folder = Folder(directory.resolve())
    folder.close_to_others()
    return ObjectStore(folder)


def open_bucket(name: str) -> ObjectStore:
    """Open a bucket with the AWS_* settings; nothing is sent to it yet."""
    from apps.ml.storage.bucket_client import connect  # noqa: PLC0415 - 0.3 s that a folder never needs

    bucket = Bucket(
        name,
        settings.AWS_STORAGE_PREFIX.strip("/"),
        connect,
        calls=Calls(settings.AWS_S3_TIMEOUT_SECONDS, settings.AWS_S3_MAX_RETRIES),
        sends_checksums=settings.AWS_S3_CHECKSUMS,
    )
    # Settings that make no client are told now.
    bucket.client  # noqa: B018 - made here
    return ObjectStore(bucket)
