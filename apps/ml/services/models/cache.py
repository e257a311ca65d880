"""The models of a process, bounded by bytes and expiring."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.common.operations.metrics import CACHE_LOOKUPS
from apps.ml.core.assignment.serving import AssignmentModel
from apps.ml.core.effort import EffortModel
from apps.ml.core.points import PointsModel


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model ready to answer."""

    id: UUID
    model_type: str
    version: str
    project_id: UUID | None
    trained_at: datetime
    predictor: EffortModel | PointsModel | AssignmentModel

    @property
    def nbytes(self) -> int:
        return self.predictor.nbytes


@dataclass(slots=True)
class _Entry:
    model: LoadedModel
    expires_at: float


class ModelCache:
    """Least recently used models leave first when `max_bytes` is reached; a model larger than that is not kept.

    `now` is the seconds of a clock that never goes back, the same one in every call.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._bytes = 0
        self.hits = self.misses = 0

    def get(self, key: str, *, now: float) -> LoadedModel | None:
        """The model under a key, unless it has expired; expired ones are removed."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and entry.expires_at <= now:
                self._drop(key)
                entry = None
            if entry is None:
                self.misses += 1
            else:
                self.hits += 1
                self._entries.move_to_end(key)
        CACHE_LOOKUPS.labels(outcome="miss" if entry is None else "hit").inc()
        return entry.model if entry else None

    def put(self, key: str, model: LoadedModel, *, now: float, ttl_seconds: float, max_bytes: int) -> None:
        """Keep a model, in place of the one that was there."""
        with self._lock:
            if key in self._entries:
                self._drop(key)
            self._entries[key] = _Entry(model, now + ttl_seconds)
            self._bytes += model.nbytes
            while self._bytes > max_bytes:
                self._drop(next(iter(self._entries)))

    def clear(self) -> None:
        """Forget all models and counts."""
        with self._lock:
            self._entries.clear()
            self._bytes = self.hits = self.misses = 0

    def stats(self, *, now: float) -> dict[str, object]:
        """Figures of this process since the last clear; expired entries do not count."""
        with self._lock:
            for key in [key for key, entry in self._entries.items() if entry.expires_at <= now]:
                self._drop(key)
            return {
                "total_cached": len(self._entries),
                "cached_keys": list(self._entries),
                "total_bytes": self._bytes,
                "hits": self.hits,
                "misses": self.misses,
            }

    def _drop(self, key: str) -> None:
        self._bytes -= self._entries.pop(key).model.nbytes
