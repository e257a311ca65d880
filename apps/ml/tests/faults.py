"""Faults that tests plant."""

from apps.ml.storage.errors import StorageError
from apps.ml.storage.objects import ObjectStore


def failing_store(monkeypatch, *, times=10**6):
    """The store refuses the next uploads."""
    put, left = ObjectStore.put, [times]

    def refuse(self, key, data):
        left[0] -= 1
        if left[0] >= 0:
            raise StorageError(f"S3 upload failed in bucket 'models' for {key!r}: 503 Service Unavailable.")
        put(self, key, data)

    monkeypatch.setattr(ObjectStore, "put", refuse)
