"""What it costs to search rows for a text that may be anything.

`LIKE` compares anew from each letter of a text on: a search that nearly fits everywhere costs as many readings as it
has letters.
"""

from typing import Any

from django.db.models import CharField, QuerySet, TextField
from django.db.models.lookups import IContains

from apps.common.api.busy import heavy_question

#: Letters searched, times rows: on PostgreSQL 200 letters in 500 rows of 2,500 letters take a second at worst.
HEAVY_LETTERS = 100_000
#: Fewer cost as much there: each text is written in capitals before it is compared.
FEWEST_LETTERS = 20


class WithoutLike(IContains):
    """The rows of `icontains`; SQLite compares many bytes at a time for it: 200 letters in 2,000 rows took 8 s."""

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        if not self.rhs_is_direct_value():
            return self.as_sql(compiler, connection)
        text, given = self.process_lhs(compiler, connection)
        # As with LIKE, letters of English alone have a case.
        return f"INSTR(LOWER({text}), LOWER(%s)) > 0", [*given, self.rhs]


def search_without_like() -> None:
    """In every query of this process."""
    for field in (CharField, TextField):
        field.register_lookup(WithoutLike)


def search_in_turn(rows: QuerySet[Any], searched: str) -> None:
    """Wait for the turn of whoever asks, if so many rows are searched for so much; raises `Busy`."""
    if rows.order_by()[HEAVY_LETTERS // max(len(searched), FEWEST_LETTERS) :].exists():
        heavy_question()
