"""Reading files of dated issues as weekly series."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np

from apps.ml.benchmarks.runs import LARGEST_FIELD, UnreadableData
from apps.ml.core.arrays import Integers

_COLUMNS = ("created", "resolved")


@dataclass(frozen=True, slots=True)
class WeeklyProject:
    """Issues of one project by week, Monday to Sunday; the unfinished last week is left out."""

    name: str
    resolved: Integers
    created: Integers


def read_projects(directory: Path) -> list[WeeklyProject]:
    """One project a file, in the order of their names.

    Raises
    ------
    UnreadableData
        If the directory or a file in it cannot be read, with the file, the row and what would be right.
    """
    csv.field_size_limit(LARGEST_FIELD)
    with _readable(directory):
        files = sorted(path for path in directory.iterdir() if path.suffix == ".csv")
    if not files:
        raise UnreadableData(f"There is no CSV file in {directory}.")
    return [_read(path) for path in files]


def _read(path: Path) -> WeeklyProject:
    with _readable(path), path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        _check_columns(path, rows.fieldnames or ())
        days = _days(path, rows)
    if not days["resolved"]:
        raise UnreadableData(f"{path.name} holds no issue with a date in resolved.")
    return WeeklyProject(name=path.stem, resolved=_by_week(days["resolved"]), created=_by_week(days["created"]))


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnreadableData(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UnreadableData(f"{path.name} is not text in UTF-8.") from error
    except csv.Error as error:
        raise UnreadableData(f"{path.name} cannot be read as CSV: {error}.") from error


def _check_columns(path: Path, columns: Iterable[str]) -> None:
    found = list(columns)
    if not found:
        raise UnreadableData(f"{path.name} is empty; the columns {' and '.join(_COLUMNS)} are needed.")
    missing = [column for column in _COLUMNS if column not in found]
    if missing:
        raise UnreadableData(f"{path.name} has no column {' and no column '.join(missing)}.")


def _days(path: Path, rows: Iterable[Mapping[str, str | None]]) -> dict[str, list[date]]:
    days: dict[str, list[date]] = {column: [] for column in _COLUMNS}
    # As a spreadsheet counts them: the names of the columns are the first row.
    for number, row in enumerate(rows, start=2):
        for column in _COLUMNS:
            if moment := row[column]:
                days[column].append(_day(moment, f"{path.name}, row {number}, column {column}"))
    return days


def _day(moment: str, place: str) -> date:
    try:
        return datetime.fromisoformat(moment).date()
    except ValueError as error:
        raise UnreadableData(f"{place}: {moment!r} is not a moment such as '2024-03-01 17:30:00'.") from error


def _by_week(days: list[date]) -> Integers:
    if not days:
        return np.zeros(0, dtype=np.int64)
    monday = min(days) - timedelta(days=min(days).weekday())
    weeks = np.bincount([(day - monday).days // 7 for day in days])
    return weeks[:-1].astype(np.int64)
