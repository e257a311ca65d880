"""Benchmark of suggested people on a file of issues and who did them, through the very code that serves.

    ./run manage benchmark assignment --data tasks.csv --from 2008-01-01 --json assignment.json
    ./run manage benchmark assignment --data later.csv --train tasks.csv --from 2009-03-01
    ./run manage benchmark assignment --data bug_reports.csv

Tasks with dates (A1 to A3): every task is asked about at its date, among the people who were given anything in the 120
days before, of a model refitted at each month's start on what was finished by then. Bug reports without an outcome
(A4, A5): the published random split and a chronological one, among everybody in the training part.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .assignment_data import holds_reports, read_reports
from .assignment_report import acceptance, acceptance_lines, table
from .assignment_reports import score_reports
from .assignment_walk import score_tasks

Write = Callable[[str], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options, for the management command and the module alike."""
    parser.add_argument("--data", type=Path, required=True, help="CSV of issues and who did them")
    parser.add_argument("--train", type=Path, help="another CSV of earlier tasks to learn from")
    parser.add_argument("--from", dest="start", help="first day of the test (default: the last fifth of the file)")
    parser.add_argument("--until", dest="end", help="leave out tasks from this day on")
    parser.add_argument("--json", type=Path, help="write the figures to this file")


def run(options: dict[str, Any], write: Write) -> dict[str, Any]:
    """Run the benchmark.

    Parameters
    ----------
    options : dict
        As `add_arguments` defines them; all but `data` may be missing.
    write : callable
        Told every line of progress and of the tables.

    Returns
    -------
    figures : dict
        What `--json` writes.

    Raises
    ------
    UnreadableTasks
        If the file does not hold what is needed.
    NothingToTest
        If the range holds no task, or there is none before it.
    """
    path = Path(options["data"])
    if holds_reports(path):
        figures = score_reports(read_reports(path), write)
    else:
        figures = score_tasks(path, options.get("train"), options.get("start"), options.get("end"), write)
    figures["acceptance"] = acceptance(figures, withheld=bool(options.get("train")))
    for line in ("", *table(figures), "", *acceptance_lines(figures["acceptance"])):
        write(line)
    if options.get("json"):
        Path(options["json"]).write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return figures
