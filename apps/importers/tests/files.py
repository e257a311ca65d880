"""Small files, and how a test reads them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from apps.importers.records import ImportedIssue, RowError
from apps.importers.sources.csv.file import inspect_file, read_issues
from apps.importers.sources.csv.reading import Reading
from apps.importers.sources.csv.survey import reading_of
from apps.importers.writing.workflow import category_of

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def reading(path: Path, *, dates: str = "", decimal: str = "", encoding: str = "", **overrides: str) -> Reading:
    """How a file is to be read."""
    return reading_of(
        inspect_file(path, encoding=encoding),
        overrides,
        date_format=dates,
        decimal=decimal,
        now=NOW,
        meaning=category_of,
    )


def read(path: Path, *, encoding: str = "", **options: str) -> list[ImportedIssue | RowError]:
    """All rows of a file."""
    found = reading(path, encoding=encoding, **options)
    return list(read_issues(inspect_file(path, encoding=encoding), found, now=NOW))


def issues(path: Path, **options: str) -> Sequence[ImportedIssue]:
    """The rows of a file, none of which is bad."""
    rows = read(path, **options)
    assert not [row for row in rows if isinstance(row, RowError)], rows
    return [row for row in rows if isinstance(row, ImportedIssue)]


def only(path: Path, **options: str) -> ImportedIssue:
    """The one row of a file."""
    (row,) = issues(path, **options)
    return row


def reasons(path: Path) -> dict[int, str]:
    """Line → why it is no issue."""
    return {row.line: row.reason for row in read(path) if isinstance(row, RowError)}
