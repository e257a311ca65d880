"""What the runs of benchmarks share: their options, whom they tell, and the file of figures.

`run(options, write)` of a benchmark takes the options that its `add_arguments` declares, all but `data` of which may be
missing, tells `write` every line of progress and of the tables, and returns the figures that `--json` writes.
"""

import argparse
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from apps.common.exceptions import ApplicationError

Write = Callable[[str], None]


class NothingToTest(ApplicationError):
    """No task of the file lies in the test range, or none was finished before it."""

    code = "nothing_to_test"


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
        Path(options["json"]).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
