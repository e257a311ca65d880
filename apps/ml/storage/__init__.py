"""Where models and training sets lie: one client a process, for a directory or for S3."""

import threading
from contextlib import suppress
from functools import cache
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from apps.ml.storage.engines import open_store
from apps.ml.storage.errors import (
    ArtifactRefused,
    DigestMismatch,
    KeyRefused,
    ObjectExists,
    ObjectMissing,
    SignatureInvalid,
    StorageError,
)
from apps.ml.storage.objects import ObjectStore
from apps.ml.storage.stored import StoredObject

__all__ = [
    "ArtifactRefused",
    "DigestMismatch",
    "KeyRefused",
    "ObjectExists",
    "ObjectMissing",
    "ObjectStore",
    "SignatureInvalid",
    "StorageError",
    "StoredObject",
    "get_object_store",
    "load_what_a_bucket_needs",
]

_BUILDING = threading.Lock()
_open_store_once = cache(open_store)


def get_object_store() -> ObjectStore:
    """The process's one client, built on first use.

    Raises
    ------
    StorageError
        If the directory cannot be used or no credentials are found; the next call tries again.
    """
    with _BUILDING:
        return _open_store_once()


def load_what_a_bucket_needs() -> None:
    """Load boto3 where a bucket is set, before processes are forked, which share it then; nothing is sent to it."""
    if settings.AWS_STORAGE_BUCKET_NAME:
        # Checks say what is wrong, and so does whoever asks first.
        with suppress(StorageError):
            get_object_store()


@receiver(setting_changed)
def _forget_the_client(*, setting: str, **_: Any) -> None:
    """Only tests change settings; a client of the old ones must not survive that."""
    if setting == "MODEL_STORE_DIR" or setting.startswith("AWS_"):
        _open_store_once.cache_clear()
