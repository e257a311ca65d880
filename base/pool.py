"""Celery's pool of processes, of which each may be killed at any moment.

Where the broker is a folder, one of a pool's processes at a time reads what is to be done, and holds a lock while it
waits for it. The lock of `billiard` is a semaphore: whoever is killed with it (for the memory of the last training,
say) is replaced, and neither the new process nor the others ever read again (measured). A lock of a file is free once
its process is gone.
"""

import fcntl
import tempfile
from typing import Any

from billiard.pool import Pool as BlockingPool
from celery.concurrency import prefork


class OwnersLock:
    """Held by one process at a time, and by none that has ended; of a file that nobody else can open.

    It is of whole processes: those of a pool read and write by one thread. Children of a holder do not hold it, as they
    would with `flock`.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lasts as long as the pool

    def acquire(self) -> bool:
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: Any) -> None:
        self.release()


class LastingPool(BlockingPool):
    """The pool for brokers that tell nobody when something comes."""

    _inqueue: Any
    _outqueue: Any

    def _setup_queues(self) -> None:
        super()._setup_queues()  # type: ignore[misc] # its stub lacks it
        for queue in (self._inqueue, self._outqueue):
            queue._rlock, queue._wlock = OwnersLock(), OwnersLock()


class TaskPool(prefork.TaskPool):
    BlockingPool = LastingPool
