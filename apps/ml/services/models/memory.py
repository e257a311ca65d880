"""What a process keeps in memory: bounded, shared by its threads, the least recently used leaving first."""

import logging
import math
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import connections

from apps.ml.core.size import bytes_of
from apps.ml.services.models.single_flight import SingleFlight

Value = TypeVar("Value")
logger = logging.getLogger(__name__)


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

    def forget(self, beginning: str) -> None:
        """Forget the values whose keys begin so."""
        with self._lock:
            for key in [key for key in self._entries if key.startswith(beginning)]:
                self._drop(key)

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
    nbytes: int = 0


#: What an entry takes beside its value and the letters of its key: its two objects, and its place in a table.
_ENTRY_BYTES = 350


def _bytes_with_key(key: str, nbytes: int) -> int:
    """A key may be longer than what is kept under it, and small values are many."""
    return nbytes + sys.getsizeof(key) + _ENTRY_BYTES


#: What all memories of this process know of projects, in `ML_CACHE_MIB` together: the longest unused leaves first,
#: whichever memory it is in. One value that is larger than that is kept alone.
_OF_PROJECTS = BoundedCache[Remembered[Any]](size=lambda known: known.nbytes, keeps_last=True)
_NUMBERS = count()


def memory_stats() -> dict[str, object]:
    """Figures of what this process knows of projects."""
    return _OF_PROJECTS.stats(now=time.monotonic())


class StateMemory:
    """What is told of a project in one of its states, which its key names: made once, never asked again."""

    def __init__(self) -> None:
        self._name = f"{next(_NUMBERS)} "

    def told(self, key: str, make: Callable[[], Value]) -> Value:
        """What `make` tells; a later state has another key, and this one is forgotten when it is the longest unused."""
        known: Remembered[Value] | None = self.get(key)
        if known is None:
            self.keep(key, known := Remembered(make()))
        return known.value

    def get(self, key: str) -> Remembered[Any] | None:
        """What was kept under a key, if it still is."""
        return _OF_PROJECTS.get(self._name + key, now=time.monotonic())

    def keep(self, key: str, told: Remembered[Any]) -> None:
        """Keep what was told; two that say the same at once do no harm."""
        sized = replace(told, nbytes=_bytes_with_key(key, bytes_of(told.value)))
        _OF_PROJECTS.put(self._name + key, sized, now=time.monotonic(), most=settings.ML_CACHE_BYTES)

    def clear(self) -> None:
        """Forget everything."""
        _OF_PROJECTS.forget(self._name)


class ProjectMemory(Generic[Value]):
    """What was read of each project, asked again after `trusted_seconds`; threads share it, and one at a time reads.

    `read` is given what is remembered of the project, however old, and returns what is known now. All memories share
    their bytes, but for one with a bound of its own (`most`).
    """

    def __init__(
        self,
        read: Callable[[str, Remembered[Value] | None], Remembered[Value]],
        *,
        trusted_seconds: float,
        most: int | None = None,
        size: Callable[[Value], int] = bytes_of,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read, self._trusted_seconds, self._most, self._clock = read, trusted_seconds, most, clock
        self._size, self._name = size, f"{next(_NUMBERS)} "
        own = BoundedCache[Remembered[Value]](size=lambda known: known.nbytes, keeps_last=True)
        self._cache: BoundedCache[Remembered[Value]] = _OF_PROJECTS if most is None else own
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
        self._cache.forget(self._name)

    def _trusted(self, key: str) -> Remembered[Value] | None:
        now = self._clock()
        known = self._cache.get(self._name + key, now=now)
        return known if known is not None and now - known.checked_at < self._trusted_seconds else None

    def _read_again(self, key: str) -> Remembered[Value]:
        known = self._cache.get(self._name + key, now=self._clock())
        found = self._read(key, known)
        newer = self._cache.get(self._name + key, now=self._clock())
        # While the old one was looked at, a newer one may have come.
        return newer if found is known and newer is not None and newer is not known else self._keep(key, found, known)

    def _keep(self, key: str, found: Remembered[Value], known: Remembered[Value] | None = None) -> Remembered[Value]:
        is_same = known is not None and known.value is found.value
        nbytes = known.nbytes if known is not None and is_same else _bytes_with_key(key, self._size(found.value))
        # Of what says when it was asked for that counts: it may have taken long to make.
        checked_at = found.checked_at if found is not known and found.checked_at > -math.inf else self._clock()
        kept = replace(found, checked_at=checked_at, nbytes=nbytes)
        most = settings.ML_CACHE_BYTES if self._most is None else self._most
        self._cache.put(self._name + key, kept, now=kept.checked_at, most=most)
        return kept


class MemoryRenewedAside(ProjectMemory[Value]):
    """What is dear to make: while it is made anew the old one answers, unless it holds what may not be told any more.

    `revision` is a small query whose answer changes with what is remembered, and `gone` the part of it that changes
    when something is taken away: then whoever asks first waits. `make` is given the project, what is remembered and
    the revision. Where `ML_RENEW_ASIDE` is off, whoever asks first after any change waits.
    """

    def __init__(
        self,
        revision: Callable[[str], Any],
        make: Callable[[str, Remembered[Value] | None, Any], Value],
        *,
        trusted_seconds: float,
        gone: Callable[[Any], Any],
        **options: Any,
    ) -> None:
        super().__init__(self._renewed, trusted_seconds=trusted_seconds, **options)
        self._revision, self._make, self._gone = revision, make, gone
        self._renewing: set[str] = set()

    def _renewed(self, key: str, known: Remembered[Value] | None) -> Remembered[Value]:
        asked_at, revision = self._clock(), self._revision(key)
        if known is not None and known.revision == revision:
            return known
        may_answer = known is not None and self._gone(known.revision) == self._gone(revision)
        if known is None or not may_answer or not settings.ML_RENEW_ASIDE:
            return Remembered(self._make(key, known, revision), revision, asked_at)
        # One thread at a time asks: of a project one renewal runs.
        if key not in self._renewing:
            self._renewing.add(key)
            threading.Thread(
                target=self._renew, args=(key, known, revision, asked_at), name="renewal", daemon=True
            ).start()
        return known

    def _renew(self, key: str, known: Remembered[Value], revision: Any, asked_at: float) -> None:
        try:
            with _ONE_RENEWAL:
                self._keep(key, Remembered(self._make(key, known, revision), revision, asked_at))
        except Exception:
            # The old one goes on answering, and the next question tries again.
            logger.exception("What is remembered of a project could not be renewed project=%s", key)
        finally:
            self._renewing.discard(key)
            connections.close_all()


#: Renewals take turns: whoever asks meanwhile shall have the processor.
_ONE_RENEWAL = threading.Lock()
