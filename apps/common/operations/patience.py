"""How long a process waits for a database that says nothing: hung, failed over, or behind a wall that forgot us.

A silent server closes nothing, so nothing but a deadline of ours ends the waiting. Loaded with PostgreSQL alone; a file
of SQLite answers or is locked.
"""

from typing import Any

import psycopg
from psycopg import errors

#: Of any statement of a worker or command: an index over the largest table takes minutes.
STATEMENT_SECONDS = 3600.0
#: Of a statement of a request: more than the 20 seconds for which it waits for a lock, and less than anybody waits.
REQUEST_SECONDS = 25.0
#: Of the question whether a connection that lay in the pool still works, which a server answers in a millisecond.
CHECK_SECONDS = 2.0
#: The server's own patience: with locks, and with us. What a machine that is gone had locked is free within two
#: minutes, and what a process that is paused has within an hour, which no backup needs between two questions.
SESSION_OPTIONS = " ".join(
    f"-c {setting}"
    for setting in (
        "lock_timeout=20s",
        "idle_in_transaction_session_timeout=1h",
        "tcp_keepalives_idle=60",
        "tcp_keepalives_interval=15",
        "tcp_keepalives_count=4",
    )
)


class ImpatientConnection(psycopg.Connection[Any]):
    """A connection that is closed when the server says nothing for too long; whoever waited gets OperationalError."""

    statement_seconds = STATEMENT_SECONDS
    _is_checked = False

    def execute(self, query: Any, *args: Any, **options: Any) -> Any:
        """The pool's check asks nothing and wants an answer; nobody else does."""
        self._is_checked = query == ""
        try:
            return super().execute(query, *args, **options)
        finally:
            self._is_checked = False

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """As the library does, with a deadline where it has none."""
        ours = CHECK_SECONDS if self._is_checked else self.statement_seconds
        try:
            return super().wait(gen, interval, timeout or ours)
        except errors._WaitTimeout as error:
            if timeout is not None:
                raise
            # Its answer may come late, when another statement waits for its own.
            self.close()
            raise psycopg.OperationalError(f"The database said nothing for {ours:g} seconds.") from error


def serve_requests() -> None:
    """From now on this process answers people."""
    ImpatientConnection.statement_seconds = REQUEST_SECONDS
