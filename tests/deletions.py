"""Something is deleted in the middle of a request, where another process could have done it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import IntegrityError, connection, models, transaction

from apps.access.models import ApiKey
from apps.accounts.models import LogIn, User
from apps.projects.models import TeamMember

Act = Callable[[], None]
Ask = Callable[[], Any]
_ENDS, _HARMLESS = ("RELEASE", "ROLLBACK"), ("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK")
_WRITES = ("INSERT", "UPDATE", "DELETE")


class Statements:
    """The statements of a request, with an act before one of them (`at`, by number).

    After the act foreign keys are looked at when the request's own transactions end, as at a commit: the test's own
    never does.
    """

    def __init__(self, at: int | None = None, act: Act = lambda: None) -> None:
        self.seen: list[str] = []
        #: Before which of them another process may delete anything.
        self.free: list[int] = []
        self._at, self._act = at, act
        self._outside, self._is_over, self._is_ours, self._holds = len(connection.savepoint_ids), False, False, False

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not self._is_ours:
            self._before(sql)
        return execute(sql, params, many, context)

    def _before(self, sql: str) -> None:
        depth = len(connection.savepoint_ids) - self._outside
        # SQLite has one writer, which a transaction is from its beginning; PostgreSQL keeps out by locks and writes.
        self._holds = depth > 0 and (self._holds or connection.vendor == "sqlite")
        if not self._holds and not sql.startswith(_ENDS):
            self.free.append(len(self.seen))
            if len(self.seen) == self._at:
                self._ourselves(self._act)
                self._is_over = True
        self._holds = self._holds or " FOR " in sql or not sql.startswith(_HARMLESS)
        self.seen.append(sql)
        if self._is_over and depth == 1 and sql.startswith("RELEASE"):
            self._ourselves(_look_at_keys)

    def _ourselves(self, act: Act) -> None:
        self._is_ours = True
        try:
            act()
        finally:
            self._is_ours = False


def _look_at_keys() -> None:
    if connection.vendor == "postgresql":
        connection.check_constraints()
        return
    with connection.cursor() as cursor:
        if cursor.execute("PRAGMA foreign_key_check").fetchall():
            # In the words of SQLite at a commit.
            raise IntegrityError("FOREIGN KEY constraint failed")


def answers_meanwhile(ask: Ask, deletions: dict[str, Act]) -> Iterator[tuple[str, Any]]:
    """What is answered when nothing goes, and when each goes as early and as late as it can; all is put back."""
    with nothing_kept():
        answer, statements = _asked(ask, Statements())
    yield "nothing", answer
    for name, act in deletions.items():
        for at in _moments(statements):
            with nothing_kept():
                answer, _ = _asked(ask, Statements(at, act))
            yield f"{name} before {statements.seen[at][:60]}", answer


def _asked(ask: Ask, statements: Statements) -> tuple[Any, Statements]:
    with connection.execute_wrapper(statements):
        return ask(), statements


def _moments(statements: Statements) -> Sequence[int]:
    """Between the first statement and the second, and before the first transaction."""
    between = [at for at in statements.free if at > 0][:1]
    opens = [at for at in statements.free if statements.seen[at].startswith("SAVEPOINT")][:1]
    return sorted({*between, *opens})


@contextmanager
def nothing_kept() -> Iterator[None]:
    """All that happens is taken back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def each_transaction_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those of `save`, which within the transaction of a test are no statement."""
    enter = transaction.Atomic.__enter__

    def seen(atomic: transaction.Atomic) -> None:
        atomic.savepoint = True
        enter(atomic)

    monkeypatch.setattr(transaction.Atomic, "__enter__", seen)


@contextmanager
def written() -> Iterator[list[tuple[str, Any, bool]]]:
    """The statements that write a row, with what they write; whether each is one for many rows."""
    statements: list[tuple[str, Any, bool]] = []

    def keep(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().startswith(_WRITES):
            statements.append((sql, params, many))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(keep):
        yield statements


def as_written(act: Act) -> Act:
    """The same, where all begins as now: what hangs on a row is looked for once, and most of a deletion is that."""
    with nothing_kept(), written() as statements:
        act()

    def again() -> None:
        with connection.cursor() as cursor:
            for sql, params, many in statements:
                (cursor.executemany if many else cursor.execute)(sql, params)

    return again


# --- What goes ----------------------------------------------------------------------------------------------------
def row_goes(table: type[models.Model], key: Any) -> Act:
    """One row, with what hangs on it."""

    def go() -> None:
        models.QuerySet(table).filter(pk=key).delete()

    return go


def person_goes(person: User) -> None:
    """As a deletion does it, without the search of an erasure."""
    for table in (TeamMember, ApiKey, LogIn):
        models.QuerySet(table).filter(user=person)._raw_delete(connection.alias)
    models.QuerySet(User).filter(pk=person.pk).delete()
