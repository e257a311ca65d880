"""Dry runs: an import is done and undone, while everybody else goes on working."""

import pickle
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from typing import IO, TypeVar

from django.db import connection, transaction

Told = TypeVar("Told")


@contextmanager
def undone_at_the_end() -> Iterator[None]:
    """Whatever is written here is never to be had by anybody.

    SQLite has one writer: it would be ours for as long as this takes, so that we write into a copy.
    """
    # Inside a transaction it is ours already, or the copy is.
    needs_copy = connection.vendor == "sqlite" and not connection.in_atomic_block
    with _in_a_copy() if needs_copy else nullcontext(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def _in_a_copy() -> Iterator[None]:
    """This thread's connection leads to a copy of the database, which nobody finds and nothing outlives."""
    connection.ensure_connection()
    own = connection.connection
    # A database without a name: SQLite takes the name of its file away as soon as it is open, and writes no log beside
    # it, so that it is gone with us, however we end.
    copy = connection.get_new_connection({**connection.get_connection_params(), "database": ""})
    own.backup(copy)
    connection.connection = copy
    try:
        with closing(copy):
            yield
    finally:
        connection.connection = own


def read_before(told: Iterable[Told]) -> Iterator[Told]:
    """All of it, read to its end before this returns: no network is waited for with a transaction open."""
    count = 0
    with ExitStack() as stack:
        file = stack.enter_context(tempfile.TemporaryFile())
        for each in told:
            pickle.dump(each, file)
            count += 1
        file.seek(0)
        # Closed where it is read, from now on.
        stack.pop_all()
    return _read_back(file, count)


def _read_back(file: IO[bytes], count: int) -> Iterator[Told]:
    with file:
        for _ in range(count):
            yield pickle.load(file)  # noqa: S301 - written above, into a file without a name
