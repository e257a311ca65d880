"""A store that fails in the middle of what is written to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest

from apps.ml.storage.objects import ObjectStore


@contextmanager
def put_breaks(monkeypatch: pytest.MonkeyPatch, at: int, ended: type[BaseException]) -> Iterator[None]:
    """For the length of the block one put, of an object or a mark, ends so."""
    real, puts = ObjectStore.put, count()

    def breaks(self: ObjectStore, key: str, data: bytes) -> None:
        if next(puts) == at:
            raise ended("refused")
        real(self, key, data)

    with monkeypatch.context() as outage:
        outage.setattr(ObjectStore, "put", breaks)
        yield
