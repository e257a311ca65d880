"""A CSV file, read row by row: encoding, delimiter and date order come first, then each row is an issue or an error.

The file is never held in memory. Nothing here knows the database.
"""

import csv
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TextIO

from apps.importers.records import ImportedIssue, ImportRefused, RowError
from apps.importers.sources.csv.encodings import encoding_of, looks_like_utf16
from apps.importers.sources.csv.reading import Reading
from apps.importers.sources.csv.records import LONGEST_CELL, Record, records
from apps.importers.sources.csv.rows import RowReader
from apps.importers.sources.kept import KeptFile, Readable

DELIMITERS = (",", ";", "\t", "|")
#: Trackers write one for each label and comment of the longest issue: hundreds. Each costs time in every row.
MOST_COLUMNS = 2_000
#: What a column is called is looked at in each row.
LONGEST_HEADER = 1_000

#: For whoever sees wrong letters, on the page too.
OTHER_ENCODING = "Where letters are wrong, save it as UTF-8 (with a command: --encoding NAME)."
NOT_UTF8 = "The file is not UTF-8: read as {}. " + OTHER_ENCODING
#: Enough lines to see how wide the table is.
LOOKED_AT_LINES = 20
#: What Excel writes and reads as a first line.
_SEPARATOR = re.compile(r"sep=(\\t|.)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CsvShape:
    """What has to be known of a file before its first row can be read."""

    path: Readable
    encoding: str
    #: Whether some of its bytes are none of the encoding: they are read as `UNREAD`.
    is_torn: bool
    delimiter: str
    header: tuple[str, ...]
    #: Physical lines, for the progress display only.
    line_count: int
    notes: tuple[str, ...] = ()
    #: Records before the header.
    skipped: int = 0


def inspect_file(path: Readable, *, encoding: str = "") -> CsvShape:
    """Encoding, delimiter and header of a file; one pass over its bytes.

    Parameters
    ----------
    encoding : str
        As the user says; empty to find out.

    Raises
    ------
    ImportRefused
        If there is no such file, it is not a CSV, or not in the encoding.
    """
    # Not by the path's own methods, which raise for a name that is too long.
    if not isinstance(path, KeptFile) and not os.path.isfile(path):
        raise ImportRefused(f"There is no file {path}." if not os.path.exists(path) else f"{path} is not a file.")
    try:
        _refuse_other_formats(path)
        encoding, line_count, unread = encoding_of(path, wanted=encoding)
    except OSError as error:
        raise ImportRefused(f"{path} cannot be read: {error.strerror}.") from error
    delimiter, header, skipped = _header(path, encoding, is_torn=bool(unread))
    if len(header) > MOST_COLUMNS:
        raise ImportRefused(f"{path} has {len(header)} columns; at most {MOST_COLUMNS} are read.")
    notes = [] if encoding.startswith("utf") else [NOT_UTF8.format(encoding)]
    if unread:
        notes.append(f"Of the file's letters {unread:,} cannot be read: it is UTF-8 else. {OTHER_ENCODING}")
    if skipped:
        notes.append(f"The first {skipped} lines are no header: passed over.")
    header = tuple(name[:LONGEST_HEADER] for name in header)
    return CsvShape(path, encoding, bool(unread), delimiter, header, line_count, tuple(notes), skipped)


def _refuse_other_formats(path: Readable) -> None:
    with path.open("rb") as file:
        start = file.read(4096)
    if not start.strip():
        raise ImportRefused(f"{path} is empty.")
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise ImportRefused(f"{path} is a workbook, not a CSV: save the sheet as CSV first.")
    first_line = start.split(b"\n", 1)[0]
    if not looks_like_utf16(start) and any(byte < 32 and byte not in b"\t\r\f" for byte in first_line):
        raise ImportRefused(f"{path} is not a CSV file: its first line is not text.")
    if re.match(rb"\s*(\[\s*)?\{|\s*\[\s*[\]\"]", start):
        raise ImportRefused(f"{path} is not a CSV file: it is JSON. Export the issues as CSV.")
    if start.lstrip().startswith(b"<"):
        raise ImportRefused(f"{path} is not a CSV file: it looks like HTML.")


def _header(path: Readable, encoding: str, *, is_torn: bool) -> tuple[str, tuple[str, ...], int]:
    """The delimiter, the cells of the header line, and how many records stand before it.

    Excel's `sep=;` names the delimiter. Of a report with a title above its table the header is the first record as wide
    as those below it.
    """
    with _opened(path, encoding, is_torn=is_torn) as file:
        first = file.readline().strip().strip('"')
    if match := _SEPARATOR.fullmatch(first):
        delimiter = "\t" if match[1] == "\\t" else match[1]
        return delimiter, (*_first_records(path, encoding, delimiter, is_torn=is_torn), ())[1], 1
    tables = {mark: _first_records(path, encoding, mark, is_torn=is_torn) for mark in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda mark: _as_table(tables[mark]))
    found = tables[delimiter]
    width = _width(found[1:] or found)
    at = next((n for n, cells in enumerate(found) if len(cells) >= width), 0) if len(found[0]) == 1 else 0
    return delimiter, found[at], at


def _as_table(found: Sequence[tuple[str, ...]]) -> tuple[bool, int]:
    """A header as wide as most records below it goes before any width: texts may be full of semicolons."""
    width = _width(found)
    return len(found[0]) == width > 1, width


def _width(found: Sequence[tuple[str, ...]]) -> int:
    return Counter(map(len, found)).most_common(1)[0][0]


def _first_records(path: Readable, encoding: str, delimiter: str, *, is_torn: bool) -> list[tuple[str, ...]]:
    """The cells of the first lines that are not blank, up to one that cannot be read; an empty file has one."""
    found: list[tuple[str, ...]] = []
    csv.field_size_limit(LONGEST_CELL)
    with _opened(path, encoding, is_torn=is_torn) as file:
        reader = csv.reader(file, delimiter=delimiter)
        try:
            found.extend(tuple(cells) for cells in islice(filter(any, reader), LOOKED_AT_LINES))
        except csv.Error as error:
            if not found:
                raise ImportRefused(f"{path} is not a CSV file: its first line cannot be read ({error}).") from error
    return found or [()]


def _opened(path: Readable, encoding: str, *, is_torn: bool) -> AbstractContextManager[TextIO]:
    opened: AbstractContextManager[TextIO] = path.open(
        encoding=encoding, newline="", errors="replace" if is_torn else "strict"
    )
    return opened


def rows(shape: CsvShape) -> Iterator[Record]:
    """Each record after the header with its first line; blank lines are passed over."""
    with _opened(shape.path, shape.encoding, is_torn=shape.is_torn) as file:
        # Without the header, and what stands before it.
        yield from records(file, shape.delimiter, len(shape.header), skipped=shape.skipped)


def read_issues(shape: CsvShape, reading: Reading, *, now: datetime) -> Iterator[ImportedIssue | RowError]:
    """The issues of a file in its order, and the rows that are none.

    Parameters
    ----------
    now : datetime
        Work resolved or created later than this has not happened yet, so its row is an error.
    """
    seen: dict[str, int] = {}
    reader = RowReader(reading, now, is_torn=shape.is_torn)
    for line, cells in rows(shape):
        if isinstance(cells, RowError):
            yield cells
            continue
        issue = reader.read(line, cells)
        if isinstance(issue, ImportedIssue):
            first = seen.setdefault(issue.external_id, line)
            if first != line:
                issue = RowError(line, issue.external_id, f"the id stands in line {first} already")
        yield issue
