"""How an uploaded file is understood, before anything is imported."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path

from apps.importers.models import ImportRun
from apps.importers.records import ImportedIssue, ImportRefused
from apps.importers.sources.csv.columns import recognised
from apps.importers.sources.csv.file import CsvShape, inspect_file, read_issues
from apps.importers.sources.csv.reading import Reading
from apps.importers.sources.csv.survey import reading_of
from apps.importers.sources.kept import KeptFile
from apps.importers.writing.workflow import category_of

#: Larger files are read by the worker only: finding out what they hold takes longer than a page may.
MOST_PREVIEWED_BYTES = 5 * 2**20
PREVIEWED_ISSUES = 3
#: What decides whether figures can be told; the other fields are recognised without being asked about.
ASKED_FIELDS = (
    "external_id", "title", "issue_type", "status", "created_at", "started_at", "resolved_at", "story_points",
    "actual_hours", "estimated_hours", "assignee", "sprint", "component", "labels", "parent",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MappedField:
    """A field of issues and the column that it is read from; empty for none."""

    name: str
    column: str


@dataclass(frozen=True, slots=True)
class FilePreview:
    """A file as it is understood."""

    columns: tuple[str, ...]
    fields: tuple[MappedField, ...]
    #: Columns of which nothing is read.
    unread: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    issues: tuple[ImportedIssue, ...] = ()


def preview_of(run: ImportRun, *, now: datetime) -> FilePreview | None:
    """How the file of a run is understood; None where it is gone, too large, or no table.

    Raises
    ------
    ImportRefused
        If the file is no table, or not in its encoding; the message says what would be right.
    """
    content = bytes(run.upload or b"")
    if not content or len(content) > MOST_PREVIEWED_BYTES or _is_lines(run.upload_name):
        return None
    shape = inspect_file(KeptFile(run.upload_name or "upload.csv", content), encoding="")
    try:
        reading = reading_of(shape, run.mapping, now=now, meaning=category_of)
    except ImportRefused:
        # The run itself tells why; the columns are shown, so that others can be chosen.
        return _previewed(shape, recognised(shape.header))
    return _preview(shape, reading, tuple(_first_issues(shape, reading, now)))


def _preview(shape: CsvShape, reading: Reading, issues: tuple[ImportedIssue, ...]) -> FilePreview:
    columns = reading.columns
    notes = (*shape.notes, *columns.notes)
    return replace(_previewed(shape, columns.names()), unread=columns.unread, notes=notes, issues=issues)


def _previewed(shape: CsvShape, read: Mapping[str, str]) -> FilePreview:
    return FilePreview(
        columns=tuple(dict.fromkeys(name for name in shape.header if name.strip())),
        fields=tuple(MappedField(name, read.get(name, "")) for name in ASKED_FIELDS),
    )


def _first_issues(shape: CsvShape, reading: Reading, now: datetime) -> Iterator[ImportedIssue]:
    rows = read_issues(shape, reading, now=now)
    return islice((row for row in rows if isinstance(row, ImportedIssue)), PREVIEWED_ISSUES)


def _is_lines(name: str) -> bool:
    return Path(name).suffix.casefold() in {".jsonl", ".ndjson"}
