"""Read public sprints: `<project>_iteration_<k>.csv` tells how each stood after k percent of its planned days."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.ml.benchmarks.runs import UnreadableData
from apps.ml.core.sprints.outcome import PastSprint, SprintMoment
from apps.projects.history.sprint_books import Amount

_FILE = re.compile(r"(?P<project>.+)_iteration_(?P<percent>\d+)\.csv")
_AMOUNTS = {
    "at_start": ("no_issue_starttime", "vel_starttime"),
    "added": ("no_issue_added", "vel_added"),
    "removed": ("no_issue_removed", "vel_removed"),
    "to_do": ("no_issuetodo", "vel_todo"),
    "in_progress": ("no_issueinprogress", "vel_inprogress"),
    "done": ("no_issuedone", "vel_done"),
}
_COLUMNS = {"boardid", "sprintid", "vel_diff", "no_teammember"}.union(*_AMOUNTS.values())


@dataclass(frozen=True, slots=True)
class SprintProject:
    """One project's sprints, oldest first, at each moment; a sprint's past is its own board's."""

    name: str
    #: By percent of the planned days that have passed.
    moments: Mapping[int, tuple[PastSprint, ...]]

    def first(self, share: float) -> "SprintProject":
        """The project as it was when this share of its sprints was over."""
        return SprintProject(self.name, {k: rows[: int(share * len(rows))] for k, rows in self.moments.items()})

    def after(self, share: float) -> "SprintProject":
        """What comes after `first`; the sprints keep their past."""
        return SprintProject(self.name, {k: rows[int(share * len(rows)) :] for k, rows in self.moments.items()})

    @property
    def sprints(self) -> list[PastSprint]:
        """At all moments."""
        return [sprint for rows in self.moments.values() for sprint in rows]


def read_projects(directory: Path) -> list[SprintProject]:
    """Every project of a directory, by name.

    Raises
    ------
    UnreadableData
        If there is no such file, or one lacks a column.
    """
    files: dict[str, dict[int, Path]] = {}
    for path in sorted(directory.glob("*_iteration_*.csv")):
        if found := _FILE.fullmatch(path.name):
            files.setdefault(found["project"], {})[int(found["percent"])] = path
    if not files:
        raise UnreadableData(f"There is no file <project>_iteration_<percent>.csv in {directory}.")
    return [
        SprintProject(name, {percent: _read(path, percent) for percent, path in sorted(paths.items())})
        for name, paths in sorted(files.items())
    ]


def _read(path: Path, percent: int) -> tuple[PastSprint, ...]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        missing = _COLUMNS.difference(rows.fieldnames or ())
        if missing:
            raise UnreadableData(f"{path.name} lacks the columns {', '.join(sorted(missing))}.")
        sprints = _one_row_a_sprint([{name: float(row[name]) for name in _COLUMNS} for row in rows])
    past: dict[float, tuple[PastSprint, ...]] = {}
    read = []
    for row in sprints:
        before = past.get(row["boardid"], ())
        past[row["boardid"]] = (*before, _sprint(row, percent, ()))
        read.append(_sprint(row, percent, before))
    return tuple(read)


def _one_row_a_sprint(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    """A sprint is listed once for every board that shows it: keep the row with most issues at its start.

    There are no dates; inside one project the number of a sprint grows with time.
    """
    kept: dict[float, dict[str, float]] = {}
    for row in rows:
        known = kept.get(row["sprintid"])
        if known is None or row["no_issue_starttime"] > known["no_issue_starttime"]:
            kept[row["sprintid"]] = row
    return [kept[number] for number in sorted(kept)]


def _sprint(row: Mapping[str, float], percent: int, past: tuple[PastSprint, ...]) -> PastSprint:
    amounts: dict[str, Any] = {
        name: Amount(int(row[issues]), row[points]) for name, (issues, points) in _AMOUNTS.items()
    }
    moment = SprintMoment(
        elapsed_ratio=percent / 100,
        team_size=row["no_teammember"],
        past=past,
        **amounts,
    )
    return PastSprint(moment, delivered_points=moment.scope_points + row["vel_diff"])
