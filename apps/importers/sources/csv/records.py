"""The records of a table, of which a quote that is left open takes in no others.

Such a quote makes one cell of all that follows, up to the next quote. That record is told as an error; its first line
is read by itself, with the quote for a letter, and the lines after it once more.
"""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from apps.importers.records import ReadAgain, RowError, UnreadRow

#: The longest description seen in public trackers is below 100 kB; a longer cell is an unclosed quote.
LONGEST_CELL = 1 << 20
#: Of a first cell, enough to tell what kind of key it is.
LONGEST_LOOK = 200
#: As it is quoted, else with quotes for letters.
_ALONE: tuple[dict[str, Any], ...] = ({"strict": True}, {"quoting": csv.QUOTE_NONE})
_BREAK = re.compile(r"[\r\n]")
Record = tuple[int, list[str] | RowError]


class _Lines(Iterator[str]):
    """The lines of a file; those of a record can be read once more."""

    def __init__(self, file: Iterable[str]) -> None:
        self._file, self._again = iter(file), deque[str]()
        self.number, self.record = 0, list[str]()

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._file)
        self.number += 1
        self.record.append(line)
        return line

    def go_back(self, count: int) -> None:
        """So that what follows so many lines of the record is read once more."""
        again = self.record[count:]
        self._again.extendleft(reversed(again))
        self.number -= len(again)


def records(file: Iterable[str], delimiter: str, width: int, *, skipped: int) -> Iterator[Record]:
    """Each record with its first line, but for blank ones and so many at the beginning.

    A record with another number of cells than `width` is an error: what follows would stand in the wrong column.
    """
    csv.field_size_limit(LONGEST_CELL)
    lines = _Lines(file)
    reader = csv.reader(lines, delimiter=delimiter)
    next(islice(filter(any, reader), skipped, None), None)
    # What was read once more up to here is read line by line from then on: no file costs the square of its length.
    until = 0
    while True:
        first, lines.record = lines.number + 1, []
        try:
            cells, fault = next(reader), ""
        except StopIteration:
            return
        except csv.Error as error:
            cells, fault = [], f"the row cannot be read ({error}): is a quote left open?"
        if fault and len(lines.record) == 1:
            yield first, UnreadRow(first, "", fault)
        elif fault or _is_left_open(lines.record, delimiter, width):
            told, last = lines.record[: max(until - first + 1, 1)], lines.number
            lines.go_back(len(told))
            until = max(last, until)
            fault = f"a quote is left open: what stands up to line {last:,} is read line by line"
            yield first, ReadAgain(first, "", fault)
            for line, text in enumerate(told, start=first):
                if text.strip():
                    yield line, _alone(line, text, delimiter, width)
        elif any(cells):
            may_hold_rows = _may_hold_rows(lines.record, cells, delimiter, width)
            yield first, _checked(first, cells, width)
            if may_hold_rows:
                # What is quoted as it should be is believed: else who writes a text writes other rows.
                yield first, UnreadRow(first, "", "its text holds lines like rows: is a quote left open there?")


def _checked(line: int, cells: list[str], width: int) -> list[str] | RowError:
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    if len(cells) != width:
        return UnreadRow(line, "", f"has {len(cells)} cells where the header has {width}")
    return cells


def _alone(line: int, text: str, delimiter: str, width: int) -> list[str] | RowError:
    """A line that is a whole row by itself."""
    found: list[str] | RowError = _checked(line, [], width)
    for how in _ALONE:
        if isinstance(found, RowError):
            with suppress(csv.Error):
                found = _checked(line, next(csv.reader([text], delimiter=delimiter, **how), []), width)
    return found


def _is_left_open(record: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether a record of several lines, whose quotes do not fit, has taken in one that begins with a key like its own.

    A text of several lines is a record too, and may hold lines of a table.
    """
    return len(record) > 1 and width > 1 and bool(_alike(record, delimiter)) and not _is_sound(record, delimiter)


def _may_hold_rows(record: Sequence[str], cells: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether all lines of a record, the first one as well, have just the cells of a row.

    Its quotes fit by chance then or, far more often, somebody wrote such a text.
    """
    if len(record) == 1 or width == 1:
        return False
    broken = [(at, _BREAK.split(cell)[0]) for at, cell in enumerate(cells) if _BREAK.search(cell)]
    is_whole = bool(broken) and broken[0][1].count(delimiter) == width - 1 - broken[0][0]
    later = record[1:]
    return is_whole and _alike(record, delimiter) == later and all(line.count(delimiter) == width - 1 for line in later)


def _alike(record: Sequence[str], delimiter: str) -> list[str]:
    look = _look(record[0], delimiter)
    return [line for line in record[1:] if delimiter in line and _look(line, delimiter) == look]


def _is_sound(record: Sequence[str], delimiter: str) -> bool:
    """Whether every quote of it stands where a writer of tables puts one."""
    try:
        return len(list(csv.reader(record, delimiter=delimiter, strict=True))) == 1
    except csv.Error:
        return False


def _look(line: str, delimiter: str) -> str:
    """What the first cell is like: 'a-0' of 'SHOP-12', '0' of '12'."""
    first = line[:LONGEST_LOOK].partition(delimiter)[0].strip().strip('"')
    return re.sub(r"\d+", "0", re.sub(r"[^\W\d_]+", "a", first))
