"""What a process keeps in memory: bounded, shared by its threads, the least recently used leaving first."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from apps.ml.services.models.single_flight import SingleFlight

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Value]):
    value: Value
    size: int
    expires_at: float


class BoundedCache(Generic[Value]):
    """Values by key, of a bounded size together; one that is larger alone is not kept, unless `keeps_last`.

    `now` is the seconds of a clock that never goes back, the same one in every call.
    """

    def __init__(self, *, size: Callable[[Value], int], keeps_last: bool = False) -> None:
        self._size, self._fewest = size, int(keeps_last)
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry[Value]] = OrderedDict()
        self._total = self.hits = self.misses = 0

    def get(self, key: str, *, now: float) -> Value | None:
        """The value under a key, unless it has expired; expired ones are removed."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry.expires_at <= now:
                self._drop(key)
                self.misses += 1
                return None
            self.hits += 1
            self._entries.move_to_end(key)
            return entry.value

    def put(self, key: str, value: Value, *, now: float, most: int, ttl_seconds: float = math.inf) -> None:
        """Keep a value, in place of the one that was there; `most` is the size of all together."""
        with self._lock:
            self._drop(key)
            self._entries[key] = _Entry(value, self._size(value), now + ttl_seconds)
            self._total += self._entries[key].size
            while self._total > most and len(self._entries) > self._fewest:
                self._drop(next(iter(self._entries)))

    def clear(self) -> None:
        """Forget all values and counts."""
        with self._lock:
            self._entries.clear()
            self._total = self.hits = self.misses = 0

    def stats(self, *, now: float) -> dict[str, object]:
        """Figures of this process since the last clear; expired entries do not count."""
        with self._lock:
            for key in [key for key, entry in self._entries.items() if entry.expires_at <= now]:
                self._drop(key)
            return {
                "total_cached": len(self._entries),
                "cached_keys": list(self._entries),
                "total_bytes": self._total,
                "hits": self.hits,
                "misses": self.misses,
            }

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        self._total -= entry.size if entry else 0


@dataclass(frozen=True, slots=True)
class Remembered(Generic[Value]):
    """What was read of a project, and what it was then: read again, an equal revision keeps the value."""

    value: Value
    revision: Any = None
    checked_at: float = -math.inf


class ProjectMemory(Generic[Value]):
    """What was read of each project, asked again after `trusted_seconds`; threads share it, and one at a time reads.

    `read` is given what is remembered of the project, however old, and returns what is known now.
    """

    def __init__(
        self,
        read: Callable[[str, Remembered[Value] | None], Remembered[Value]],
        *,
        trusted_seconds: float,
        most: int,
        size: Callable[[Value], int] = lambda value: 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read, self._trusted_seconds, self._most, self._clock = read, trusted_seconds, most, clock
        self._cache = BoundedCache[Remembered[Value]](size=lambda known: size(known.value), keeps_last=True)
        self._reading = SingleFlight()

    def of_project(self, project_id: UUID | str) -> Value:
        """What is known of the project; at most `trusted_seconds` behind the database."""
        key = str(project_id)
        known = self._trusted(key)
        if known is None:
            with self._reading.turn(key):
                known = self._trusted(key) or self._read_again(key)
        return known.value

    def clear(self) -> None:
        """Forget all projects."""
        self._cache.clear()

    def _trusted(self, key: str) -> Remembered[Value] | None:
        now = self._clock()
        known = self._cache.get(key, now=now)
        return known if known is not None and now - known.checked_at < self._trusted_seconds else None

    def _read_again(self, key: str) -> Remembered[Value]:
        found = self._read(key, self._cache.get(key, now=self._clock()))
        known = Remembered(found.value, found.revision, self._clock())
        self._cache.put(key, known, now=known.checked_at, most=self._most)
        return known
