"""What was found out lately, remembered for seconds: who asks, and what they may ask about.

A process forgets at once what it changes itself; what another process changes counts here within the seconds.
"""

import time
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from django.db import transaction
from django.db.models import Model
from django.db.models.base import ModelState
from django.db.models.signals import post_delete, post_save

#: How long somebody whose access another process has taken away may still get in.
SECONDS = 5.0
#: Rows of one kind: a kilobyte each.
MOST = 2_000

Row = TypeVar("Row", bound=Model)
Note = TypeVar("Note")


class Lately(Generic[Row, Note]):
    """Rows by key, each with a note; whoever asks gets an object of their own.

    Parameters
    ----------
    forget_with : type of Model
        Tables: a change of a row of theirs, made in this process, forgets everything, when it is made and when it is
        committed: until then other threads read what was before.
    """

    def __init__(self, *forget_with: type[Model], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: How often everything was forgotten.
        self.n_forgotten = 0
        self._known: dict[Hashable, tuple[float, type[Row], list[str], list[Any], Note]] = {}
        for table in forget_with:
            post_save.connect(self._forget, sender=table)
            post_delete.connect(self._forget, sender=table)

    def get(self, key: Hashable) -> tuple[Row, Note] | None:
        """The row and its note, if it was found out within the last seconds."""
        known = self._known.get(key)
        if known is None or known[0] <= self._clock():
            return None
        _, table, names, values, note = known
        row = table.__new__(table)
        # As `from_db` makes it, without the signals and field by field, which take ten times as long.
        vars(row).update(zip(names, values, strict=True), _state=ModelState())
        row._state.adding = False
        return row, note

    def put(self, key: Hashable, row: Row, note: Note, *, since: int) -> None:
        """Remember a row as it was read, unless it was forgotten meanwhile: `since` is `n_forgotten` of before."""
        if len(self._known) >= MOST:
            self._known.clear()
        names = [field.attname for field in row._meta.concrete_fields]
        values = [getattr(row, name) for name in names]
        self._known[key] = (self._clock() + SECONDS, type(row), names, values, note)
        # Looked at last: whoever forgets counts first, so one of both removes it.
        if self.n_forgotten != since:
            self._known.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self.n_forgotten += 1
        self._known.clear()

    def _forget(self, using: str, **_: Any) -> None:
        self.clear()
        transaction.on_commit(self.clear, using=using)
