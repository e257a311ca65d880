"""Rows as CSV that a spreadsheet opens and runs nothing of."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

#: What spreadsheets take for the beginning of a formula; the last four are the full-width forms of the first.
_SIGNS = r"=+\-@\uff1d\uff0b\uff0d\uff20"
#: Where one may begin: at a cell's beginning, and behind what else parts a line. Where a language's separator is `;`,
#: or tabs are asked for, the quotes of the first cell are the only ones that count, and a line ends in a cell's midst.
_BEGINNING = r"(?:^|(?<=[;\t\r\n]))"
_FORMULA = re.compile(rf"{_BEGINNING}['\"]*[{_SIGNS}][^;\t\r\n]*|^['\"]*[\t\r]")
_GUARD = re.compile(rf"{_BEGINNING}'(?=['\"]*[{_SIGNS}])|^'(?=['\"]*[\t\r])")
_NUMBER = re.compile(r"^[+-]?\d(?:[\d.,\u00a0\u202f ]*[\d%])?$")
#: A line of a list, as people write them: it calls nothing, names nothing outside of its sheet, and ends in no
#: operator, behind which the next cell could go on.
_LIST_ITEM = re.compile(r"^[+-] [^(|!']*[\w.]$")


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """With a byte-order mark, so that spreadsheets read UTF-8; no cell is taken for a formula."""
    file = io.StringIO()
    # Whatever the first cell of a line is, it begins with a quote.
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(map(harmless, columns))
    writer.writerows([map(harmless, row) for row in rows])
    return "\N{ZERO WIDTH NO-BREAK SPACE}" + file.getvalue()


def harmless(cell: str) -> str:
    """The cell, with an apostrophe wherever a spreadsheet would begin a formula; `bare` takes them off."""
    return _FORMULA.sub(_guarded, cell)


def bare(cell: str) -> str:
    """The cell without the apostrophes that keep spreadsheets from running it; other exports than ours write them."""
    return _GUARD.sub("", cell)


def _guarded(found: re.Match[str]) -> str:
    is_harmless = (
        _NUMBER.match(found[0]) or _LIST_ITEM.match(found[0]) if found.start() else _NUMBER.match(found.string)
    )
    return found[0] if is_harmless else f"'{found[0]}"
