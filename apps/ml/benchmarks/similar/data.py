"""Read dated issues with texts, and which of them speak of which."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from apps.ml.benchmarks.runs import LARGEST_FIELD, UnreadableData

COLUMNS = frozenset({"issue_key", "created", "title", "description"})
#: A project of fewer texts says little about finding one among many.
MIN_ISSUES = 100
_KEY = re.compile(r"\b[A-Z][A-Z0-9]+-\d+\b")
_ADDRESS = re.compile(r"https?://\S+")


@dataclass(frozen=True, slots=True)
class TextProject:
    """One project's issues in the order of their creation, keys and addresses removed from their texts."""

    name: str
    titles: Sequence[str]
    descriptions: Sequence[str]
    #: Row of an issue to the rows of the earlier issues that it names, or that name it.
    referred: Mapping[int, frozenset[int]]


def read_projects(directory: Path) -> list[TextProject]:
    """Every project of a directory that has enough texts, by name.

    Raises
    ------
    UnreadableData
        If there is no CSV file, or one lacks a column, or none has enough texts.
    """
    projects = [_project(path.stem, _rows(path)) for path in sorted(directory.glob("*.csv"))]
    found = [project for project in projects if len(project.titles) >= MIN_ISSUES]
    if not found:
        raise UnreadableData(f"No CSV file in {directory} has {MIN_ISSUES} issues with a title.")
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    csv.field_size_limit(LARGEST_FIELD)
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = COLUMNS.difference(reader.fieldnames or ())
        if missing:
            raise UnreadableData(f"{path.name} lacks the columns {', '.join(sorted(missing))}.")
        return sorted((row for row in reader if row["title"]), key=lambda row: row["created"])


def _project(name: str, rows: Sequence[Mapping[str, str]]) -> TextProject:
    row_of = {row["issue_key"]: number for number, row in enumerate(rows)}
    referred: dict[int, set[int]] = {}
    for number, row in enumerate(rows):
        named = {row_of[key] for key in _KEY.findall(f"{row['title']} {row['description']}") if key in row_of}
        for other in named - {number}:
            # Whichever names the other: the later of the two asks, the earlier is to be found.
            referred.setdefault(max(number, other), set()).add(min(number, other))
    return TextProject(
        name=name,
        titles=[_plain(row["title"]) for row in rows],
        descriptions=[_plain(row["description"]) for row in rows],
        referred={number: frozenset(found) for number, found in referred.items()},
    )


def _plain(text: str) -> str:
    return _KEY.sub(" ", _ADDRESS.sub(" ", text))
