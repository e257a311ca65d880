"""Several actions in one moment, each with a connection of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connections

from apps.common.exceptions import Conflict


def at_once(*actions: Callable[[], Any], answers: tuple[type[Exception], ...] = (Conflict,)) -> list[Any]:
    """What each gave, in their order; of errors those that are `answers` to a caller."""
    barrier = Barrier(len(actions))

    def run(action: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=10)
            return action()
        except answers as answer:
            return answer
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))
