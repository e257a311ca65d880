"""Several actions in one moment, each with a connection of its own."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection, connections, transaction

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


def in_the_midst_of(first: Callable[[], Any], second: Callable[[], Any], *, before: str = "") -> Any:
    """What the second gave, begun when the first had written all and not committed; PostgreSQL alone has that moment.

    Or before the first statement of the first in which these words are. It goes on, and commits, as soon as the second
    is done or waits for a lock.
    """
    begun: list[Future[Any]] = []

    with ThreadPoolExecutor(1) as pool:

        def watch(execute: Any, sql: str, *rest: Any) -> Any:
            if before and before in sql and not begun:
                begun.append(begun_beside(pool, second))
            return execute(sql, *rest)

        with transaction.atomic():
            with connection.execute_wrapper(watch):
                first()
            if not begun:
                assert not before, "No such statement was made."
                begun.append(begun_beside(pool, second))
        return begun[0].result()


def begun_beside(pool: ThreadPoolExecutor, action: Callable[[], Any]) -> Future[Any]:
    """Begins an action on another connection; returns as soon as it is done or waits for a lock."""

    def run() -> Any:
        try:
            return action()
        except Conflict as answer:
            return answer
        finally:
            connections.close_all()

    answer = pool.submit(run)
    while not answer.done() and not somebody_waits():
        time.sleep(0.01)
    return answer


def somebody_waits() -> bool:
    """Whether any connection to this PostgreSQL database waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE NOT granted AND datname = current_database()"
        )
        return bool(cursor.fetchone()[0])
