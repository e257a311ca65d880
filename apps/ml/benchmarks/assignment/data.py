"""Read bug reports and who they were given to as core records."""

import csv
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from apps.ml.benchmarks.runs import UnreadableData
from apps.ml.core.records import CompletedIssue, IssueFacts

#: American, as the public file has it.
_CREATED = "%m/%d/%Y %H:%M"
#: Where dates are missing only the order is known: a report a day from here on.
_FIRST_DAY = datetime(2000, 1, 1, tzinfo=UTC)


def holds_reports(path: Path) -> bool:
    """Whether the file holds reports without an outcome rather than finished tasks."""
    with path.open(newline="", encoding="utf-8") as lines:
        names = csv.DictReader(lines).fieldnames or ()
    return "assignee" in names and "position" in names


def read_reports(path: Path) -> list[CompletedIssue]:
    """Reports in the order of `position`; a report counts as finished when it was made, since nothing else is known.

    Raises
    ------
    UnreadableData
        If a value cannot be read; names the line.
    """
    with path.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        reports = [_report(row, reader.line_num) for row in reader]
    return sorted(reports, key=lambda report: (report.known_at, report.issue_id))


def _report(row: Mapping[str, str], line: int) -> CompletedIssue:
    try:
        position = int(row["position"])
        made = _moment(row.get("created") or "", position)
    except ValueError as error:
        raise UnreadableData(f"Line {line} cannot be read: {error}.") from error
    facts = IssueFacts(title=row.get("title") or "", description=row.get("description") or "", assignee=row["assignee"])
    return CompletedIssue(f"{position:07d}", facts, known_at=made, completed_at=made)


def _moment(created: str, position: int) -> datetime:
    if not created:
        return _FIRST_DAY + timedelta(days=position)
    return datetime.strptime(created, _CREATED).replace(tzinfo=UTC)
