"""Rows as CSV that a spreadsheet opens and runs nothing of."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

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
#: What ends a line behind a harmless beginning, so that nothing can go on; else the cell does.
_ENDS_OF_LINES = ("", "\r", "\n")


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """With a byte-order mark, so that spreadsheets read UTF-8; no cell is taken for a formula."""
    file = io.StringIO()
    # Whatever the first cell of a line is, it begins with a quote.
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerows(_harmless_row(row) for row in (columns, *rows))
    return "\N{ZERO WIDTH NO-BREAK SPACE}" + file.getvalue()


def harmless(cell: str) -> str:
    """The cell, with an apostrophe wherever a spreadsheet would begin a formula; `bare` takes them off."""
    return _FORMULA.sub(_guarded, cell)


def bare(cell: str) -> str:
    """The cell without the apostrophes that keep spreadsheets from running it; other exports than ours write them."""
    return _GUARD.sub("", cell)


def _harmless_row(row: Iterable[str]) -> Iterator[str]:
    """The first cell is no number either: read by another separator, it goes on with the next."""
    for at, cell in enumerate(map(harmless, row)):
        yield f"'{cell}" if not at and cell.startswith(("+", "-")) else cell


def _guarded(found: re.Match[str]) -> str:
    """Numbers stay, and within a text lists: where nothing of the same line comes behind them."""
    text, end = found.string, found.end()
    is_harmless = (
        text[end : end + 1] in _ENDS_OF_LINES and (_NUMBER.match(found[0]) or _LIST_ITEM.match(found[0]))
        if found.start()
        else _NUMBER.match(text)
    )
    return found[0] if is_harmless else f"'{found[0]}"
