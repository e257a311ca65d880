"""What the runs of benchmarks share: options, faults of their data, whom they tell, and the file of figures.

`run(options, write)` of a benchmark takes the options that its `add_arguments` declares, all but `data` of which may be
missing, tells `write` every line of progress and of the tables, and returns the figures that `--json` writes.
"""

import argparse
import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from apps.common.exceptions import ApplicationError
from apps.common.operations.named_files import writing
from apps.ml.core.evaluation.metrics import chronological_split
from apps.ml.core.records import CompletedIssue

Write = Callable[[str], None]
#: Of CSV files: descriptions hold whole logs, and the csv module stops at 128 KiB unless told.
LARGEST_FIELD = 1 << 27


class UnreadableData(ApplicationError):
    """The data cannot be read."""

    code = "unreadable_data"


class NothingToTest(ApplicationError):
    """No task of the file was asked about in the test range, or none was finished before it."""

    code = "nothing_to_test"


def tested_range(
    tasks: Sequence[CompletedIssue], start: str | None, end: str | None
) -> tuple[datetime, list[CompletedIssue]]:
    """The first moment of the test, and the tasks asked about from then on, earliest first; without a start a fifth.

    Raises
    ------
    NothingToTest
        If there are fewer than two tasks before the end.
    """
    ordered = sorted(tasks, key=lambda task: (task.known_at, task.issue_id))
    ordered = [task for task in ordered if end is None or task.known_at < moment(end)]
    if len(ordered) < 2:
        raise NothingToTest
    first = moment(start) if start else chronological_split(ordered)[1][0].known_at
    return first, [task for task in ordered if task.known_at >= first]


def moment(text: str) -> datetime:
    """A date or time of day; without a zone it is taken as UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def data_folder() -> Path | None:
    """Where the public data of docs/reference/data.md lie; None where `SCRUM_ML_DATA` does not say."""
    named = os.environ.get("SCRUM_ML_DATA")
    return Path(named) if named else None


def add_dated_arguments(parser: argparse.ArgumentParser, *, data: str) -> None:
    """The options of a benchmark that asks about the later part of a file of dated tasks; `data` says which file."""
    parser.add_argument("--data", type=Path, required=True, help=data)
    parser.add_argument("--train", type=Path, help="another CSV of earlier tasks to learn from")
    parser.add_argument("--from", dest="start", help="first day of the test (default: the last fifth of the file)")
    parser.add_argument("--until", dest="end", help="leave out tasks asked about from this day on")
    add_json_argument(parser)


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE")


def write_figures(options: Mapping[str, Any], figures: Mapping[str, Any]) -> None:
    """To the file that `--json` names, if it does."""
    if options.get("json"):
        path = Path(options["json"])
        with writing(path):
            path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
