"""Read public story-point data: one CSV a project, oldest issue first, split into train, val and test.

Files of dated issues (`created` and no `split`) are put in order and split alike: 60, 20 and 20 % of the issues that
have a text and points.
"""

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from apps.ml.benchmarks.runs import LARGEST_FIELD, UnreadableData
from apps.ml.core.records import CompletedIssue, IssueFacts

COLUMNS = frozenset({"issue_key", "title", "description", "story_points", "split"})
#: A dated project with fewer usable issues is passed over: its test part would be a handful.
MIN_DATED_ISSUES = 100
#: Where train and validation rows of a dated file end.
_TRAIN_SHARE, _KNOWN_SHARE = 0.6, 0.8
#: The source has an order but no dates: each issue is given one hour, known when created.
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
_SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class PointsProject:
    """One project: what may be learned from, and what is predicted."""

    name: str
    #: Train and validation rows, oldest first.
    known: tuple[CompletedIssue, ...]
    #: Test rows, oldest first.
    test: tuple[CompletedIssue, ...]
    #: The first so many of `known` are the train rows.
    n_train: int


def read_projects(directory: Path) -> list[PointsProject]:
    """Every project of a directory, by name.

    Raises
    ------
    UnreadableData
        If there is no CSV file, or one lacks a column, or a row has no number of points or no split that we know.
    """
    paths = sorted(directory.glob("*.csv"))
    projects = [project for path in paths if (project := read_project(path)) is not None]
    if not projects:
        raise UnreadableData(f"No CSV file in {directory} has issues with texts and points.")
    return projects


def read_project(path: Path) -> PointsProject | None:
    """One project from its file; None where a file of dated issues holds too few with a text and points."""
    csv.field_size_limit(LARGEST_FIELD)
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        names = set(reader.fieldnames or ())
        dated = "created" in names and "split" not in names
        missing = COLUMNS - names - ({"split"} if dated else set())
        if missing:
            raise UnreadableData(f"{path.name} lacks the columns {', '.join(sorted(missing))}.")
        found = _dated(reader) if dated else list(reader)
    if not found:
        return None
    rows = [(_split(row, index, path.name), _issue(row, index, path.name)) for index, row in enumerate(found)]
    return PointsProject(
        name=path.stem,
        known=tuple(issue for split, issue in rows if split != "test"),
        test=tuple(issue for split, issue in rows if split == "test"),
        n_train=sum(split == "train" for split, _ in rows),
    )


def _dated(rows: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """Dated issues with a text and points, oldest first, each with its split; none if there are too few."""
    usable = [row for row in rows if row["title"] and _number(row["story_points"]) > 0]
    if len(usable) < MIN_DATED_ISSUES:
        return []
    ends = ((_TRAIN_SHARE * len(usable), "train"), (_KNOWN_SHARE * len(usable), "val"), (len(usable), "test"))
    ordered = sorted(usable, key=lambda row: row["created"])
    return [row | {"split": next(split for end, split in ends if index < end)} for index, row in enumerate(ordered)]


def _issue(row: dict[str, str], index: int, name: str) -> CompletedIssue:
    points = _number(row["story_points"])
    if not math.isfinite(points):
        raise UnreadableData(f"{name}, row {index + 2}: story_points is no number.")
    moment = _FIRST + timedelta(hours=index)
    return CompletedIssue(
        issue_id=row["issue_key"],
        facts=IssueFacts(title=row["title"] or "", description=row["description"] or ""),
        known_at=moment,
        completed_at=moment,
        story_points=points,
    )


def _split(row: dict[str, str], index: int, name: str) -> str:
    split = (row["split"] or "").strip().lower()
    if split not in _SPLITS:
        raise UnreadableData(f"{name}, row {index + 2}: split is none of {', '.join(_SPLITS)}.")
    return split


def _number(value: str | None) -> float:
    """NaN where it is none: a short row has no value at all."""
    try:
        return float(value or "nan")
    except ValueError:
        return math.nan
