"""One thread at a time does a piece of work; the others wait and find it done."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class SingleFlight:
    """A lock a key, which lives only while somebody holds or awaits it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def turn(self, key: str) -> Iterator[None]:
        """Wait for this thread's turn; look again for the result before doing the work."""
        with self._lock:
            turn = self._turns[key]
        try:
            with turn:
                yield
        finally:
            with self._lock:
                self._turns.pop(key, None)
