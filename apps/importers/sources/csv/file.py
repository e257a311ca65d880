"""A CSV file, read row by row: encoding, delimiter and date order come first, then each row is an issue or an error.

The file is never held in memory. Nothing here knows the database.
"""

import codecs
import csv
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from apps.importers.records import ImportedIssue, ImportRefused, RowError
from apps.importers.sources.csv.columns import DATE_FIELDS, Columns
from apps.importers.sources.csv.rows import RowReader
from apps.importers.sources.csv.values import DateStyle, day_first_evidence, is_ambiguous

if TYPE_CHECKING:
    import _csv  # typeshed's name for what csv.reader returns

DELIMITERS = (",", ";", "\t")
CHUNK_BYTES = 1 << 20
#: The longest description seen in public trackers is below 100 kB; a longer cell is an unclosed quote.
LONGEST_CELL = 1 << 20

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class CsvShape:
    """What has to be known of a file before its first row can be read."""

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    #: Physical lines, for the progress display only.
    line_count: int
    notes: tuple[str, ...] = ()


def inspect_file(path: Path) -> CsvShape:
    """Encoding, delimiter and header of a file; one pass over its bytes.

    Raises
    ------
    ImportRefused
        If there is no such file, or it is not a CSV.
    """
    if not path.is_file():
        raise ImportRefused(f"There is no file {path}." if not path.exists() else f"{path} is not a file.")
    try:
        _refuse_other_formats(path)
        encoding, line_count = _encoding(path)
    except OSError as error:
        raise ImportRefused(f"{path} cannot be read: {error.strerror}.") from error
    delimiter, header = _header(path, encoding)
    notes = (f"The file is not UTF-8: read as {encoding}.",) if encoding == "latin-1" else ()
    return CsvShape(path, encoding, delimiter, header, line_count, notes)


def _refuse_other_formats(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(4096)
    if not start.strip():
        raise ImportRefused(f"{path} is empty.")
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise ImportRefused(f"{path} is a workbook, not a CSV: save the sheet as CSV first.")
    first_line = start.split(b"\n", 1)[0]
    if not start.startswith(_UTF16_MARKS) and any(byte < 32 and byte not in b"\t\r\f" for byte in first_line):
        raise ImportRefused(f"{path} is not a CSV file: its first line is not text.")
    if start.lstrip().startswith((b"{", b"[{", b"<")):
        raise ImportRefused(f"{path} is not a CSV file: it looks like JSON or HTML.")


def _encoding(path: Path) -> tuple[str, int]:
    """UTF-8 where every byte fits, UTF-16 where it is marked (Excel's "Unicode text"), else latin-1; and the lines."""
    with path.open("rb") as file:
        name = "utf-16" if file.read(2) in _UTF16_MARKS else "utf-8-sig"
    fits, line_count = _survey(path, name)
    if fits:
        return name, line_count
    if name == "utf-16":
        raise ImportRefused(f"{path} begins as UTF-16 but does not go on so: save it anew, best as UTF-8.")
    return "latin-1", line_count


def _survey(path: Path, encoding: str) -> tuple[bool, int]:
    """Whether all of a file is in an encoding, and its lines; in pieces, for files of any size."""
    decoder, fits, line_count = codecs.getincrementaldecoder(encoding)(), True, 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            line_count += chunk.count(b"\n")
            fits = fits and _decodes(decoder, chunk, is_last=False)
    return fits and _decodes(decoder, b"", is_last=True), line_count


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, is_last: bool) -> bool:
    try:
        decoder.decode(chunk, is_last)
    except UnicodeDecodeError:
        return False
    return True


def _header(path: Path, encoding: str) -> tuple[str, tuple[str, ...]]:
    """The delimiter that cuts the first record into most cells, and these."""
    best: tuple[str, tuple[str, ...]] = (",", ())
    for delimiter in DELIMITERS:
        with _reader(path, encoding, delimiter) as reader:
            cells = _first_record(reader, path)
        if len(cells) > len(best[1]):
            best = (delimiter, cells)
    return best


def _first_record(reader: "_csv.Reader", path: Path) -> tuple[str, ...]:
    """The cells of the first line that is not blank."""
    try:
        return tuple(next(filter(any, reader), ()))
    except csv.Error as error:
        raise ImportRefused(f"{path} is not a CSV file: its first line cannot be read ({error}).") from error


@contextmanager
def _reader(path: Path, encoding: str, delimiter: str) -> Generator["_csv.Reader"]:
    csv.field_size_limit(LONGEST_CELL)
    with path.open(encoding=encoding, newline="", errors="strict") as file:
        yield csv.reader(file, delimiter=delimiter)


def rows(shape: CsvShape) -> Iterator[tuple[int, list[str] | RowError]]:
    """Each record after the header with its first line; blank lines are passed over.

    A record with another number of cells than the header is an error: what follows would stand in the wrong column.
    """
    with _reader(shape.path, shape.encoding, shape.delimiter) as reader:
        _first_record(reader, shape.path)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield line, RowError(line, "", f"the row cannot be read ({error}): is a quote left open?")
                continue
            if any(cells):
                yield line, _checked(line, cells, len(shape.header))


def _checked(line: int, cells: list[str], width: int) -> list[str] | RowError:
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    if len(cells) != width:
        return RowError(line, "", f"has {len(cells)} cells where the header has {width}")
    return cells


def date_style(shape: CsvShape, columns: Columns, wanted: str = "") -> DateStyle:
    """How the file writes its dates, from what the user says or from days above 12 anywhere in the file.

    Parameters
    ----------
    wanted : str
        ``day-first``, ``month-first``, a `strptime` format, or empty to find out.

    Raises
    ------
    ImportRefused
        If days and months could change places in all of the file: a guess would be wrong for half of the dates.
        Or if the format is none.
    """
    if wanted in ("day-first", "month-first"):
        return DateStyle(day_first=wanted == "day-first")
    if wanted:
        _refuse_bad_pattern(wanted)
        return DateStyle(pattern=wanted)
    evidence, example = _date_evidence(shape, columns)
    if not example:
        return DateStyle()
    if len(evidence) != 1:
        why = "some dates have the day first, others the month" if evidence else "no day is above 12"
        raise ImportRefused(
            f"{example!r} can be read in two ways, and the file does not tell which ({why}): "
            "say --date-format day-first or --date-format month-first."
        )
    return DateStyle(day_first=evidence.pop())


def _refuse_bad_pattern(pattern: str) -> None:
    try:
        datetime.strptime("", pattern)  # noqa: DTZ007 - only to learn whether the pattern is one
    except ValueError as error:
        # Python tells apart only in words what does not match from what never could.
        if "%" in pattern and "does not match" in str(error):
            return
    raise ImportRefused(f"--date-format {pattern}: say day-first, month-first or a pattern such as %d.%m.%Y.")


def _date_evidence(shape: CsvShape, columns: Columns) -> tuple[set[bool], str]:
    """What the file's dates tell of their order, and one date that needs to know."""
    positions = [columns.positions[name][0] for name in DATE_FIELDS if name in columns.positions]
    evidence: set[bool] = set()
    example = ""
    for _, cells in rows(shape):
        if isinstance(cells, RowError):
            continue
        for at in positions:
            if (told := day_first_evidence(cells[at])) is not None:
                evidence.add(told)
            elif not example and is_ambiguous(cells[at]):
                example = cells[at]
    return evidence, example


def read_issues(
    shape: CsvShape, columns: Columns, style: DateStyle, *, now: datetime
) -> Iterator[ImportedIssue | RowError]:
    """The issues of a file in its order, and the rows that are none.

    Parameters
    ----------
    now : datetime
        Work resolved or created later than this has not happened yet, so its row is an error.
    """
    seen: dict[str, int] = {}
    reader = RowReader(columns, style, now)
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
