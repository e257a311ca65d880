"""Rows as CSV that a spreadsheet opens and runs nothing of."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

#: What spreadsheets take for a formula, unless it is a number; the last four are the full-width forms of the first.
_FORMULA = re.compile(r"^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"^[+-]?\d[\d.,\u00a0\u202f ]*%?$")


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """With a byte-order mark, so that spreadsheets read UTF-8; no cell is taken for a formula."""
    file = io.StringIO()
    # Quoted, a cell is one cell whichever separator a spreadsheet's language has, and begins where we say.
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(map(harmless, columns))
    writer.writerows([map(harmless, row) for row in rows])
    return "\N{ZERO WIDTH NO-BREAK SPACE}" + file.getvalue()


def harmless(cell: str) -> str:
    """The cell, as text where a spreadsheet would run it."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.match(cell) else cell
