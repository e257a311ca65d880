"""Columns whose cells cannot be what their header promises, found before any row is read. Pure but for the file."""

from collections.abc import Callable, Mapping

from apps.importers.records import RowError
from apps.importers.sources.csv.columns import DATE_FIELDS, NUMBER_FIELDS, Columns, detect_columns
from apps.importers.sources.csv.file import CsvShape, rows
from apps.importers.sources.csv.values import could_be_date, could_be_number, is_empty

#: Enough to tell sizes in words from numbers with a slip among them.
SAMPLED_CELLS = 50
_TESTS: Mapping[str, Callable[[str], bool]] = {
    **dict.fromkeys(NUMBER_FIELDS, could_be_number),
    **dict.fromkeys(DATE_FIELDS, could_be_date),
}


def readable_columns(shape: CsvShape, overrides: Mapping[str, str] | None = None) -> Columns:
    """The columns of a file, without those of which no sampled cell is a number or date where the field takes one.

    A team that sizes its work in S, M and L would lose every row otherwise. One bad cell among good ones leaves the
    column in, and its own row out. Raises what `detect_columns` raises.
    """
    unreadable: dict[int, str] = {}
    while True:
        columns = detect_columns(shape.header, overrides, unreadable=unreadable)
        found = _unreadable(shape, columns)
        if not found:
            return columns
        unreadable |= found


def _unreadable(shape: CsvShape, columns: Columns) -> dict[int, str]:
    """Position → field, of the columns that hold cells of which none can be read."""
    sampled = {at: 0 for name in _TESTS for at in columns.positions.get(name, ())}
    suspects = {at: name for name in _TESTS for at in columns.positions.get(name, ())}
    for _, cells in rows(shape):
        if isinstance(cells, RowError):
            continue
        for at, name in list(suspects.items()):
            if is_empty(cells[at]):
                continue
            sampled[at] += 1
            if _TESTS[name](cells[at]):
                del suspects[at]
        if all(sampled[at] >= SAMPLED_CELLS for at in suspects):
            break
    return {at: name for at, name in suspects.items() if sampled[at]}
