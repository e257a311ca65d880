"""Reading files of dated issues as weekly series."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.common.exceptions import ApplicationError

Counts = NDArray[np.int64]
#: Descriptions are long; a field of a CSV file may be.
_MAX_FIELD = 10**9


class UnreadableData(ApplicationError):
    """The directory holds no CSV file with the columns created and resolved."""

    code = "unreadable_data"


@dataclass(frozen=True, slots=True)
class WeeklyProject:
    """Issues of one project by week, Monday to Sunday; the unfinished last week is left out."""

    name: str
    resolved: Counts
    created: Counts


def read_projects(directory: Path) -> list[WeeklyProject]:
    """One project a file, in the order of their names."""
    csv.field_size_limit(_MAX_FIELD)
    projects = [_read(path) for path in sorted(directory.glob("*.csv"))]
    if not projects:
        raise UnreadableData(f"There is no CSV file in {directory}.")
    return projects


def _read(path: Path) -> WeeklyProject:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if not {"created", "resolved"} <= set(rows.fieldnames or ()):
            raise UnreadableData(f"{path.name} has no columns created and resolved.")
        moments = [(row["created"], row["resolved"]) for row in rows]
    return WeeklyProject(
        name=path.stem,
        resolved=_by_week([resolved for _, resolved in moments if resolved]),
        created=_by_week([created for created, _ in moments if created]),
    )


def _by_week(moments: Sequence[str]) -> Counts:
    days = [datetime.fromisoformat(moment).date() for moment in moments]
    if not days:
        return np.zeros(0, dtype=np.int64)
    monday = min(days) - timedelta(days=min(days).weekday())
    weeks = np.bincount([(day - monday).days // 7 for day in days])
    return weeks[:-1].astype(np.int64)
