"""Benchmark of suggested people on a file of issues and who did them, through the very code that serves.

    ./run manage benchmark assignment --data tasks.csv --from 2008-01-01 --json assignment.json
    ./run manage benchmark assignment --data later.csv --train tasks.csv --from 2009-03-01
    ./run manage benchmark assignment --data bug_reports.csv

Tasks with dates: every task is asked about at its date, among the people who were given anything in the 120
days before, of a model refitted at each month's start on what was finished by then. Bug reports without an outcome:
the published random split and a chronological one, among everybody in the training part.
"""

import argparse
from pathlib import Path
from typing import Any

from apps.ml.benchmarks.acceptance import acceptance_table, judged
from apps.ml.benchmarks.assignment.bug_reports import score_reports
from apps.ml.benchmarks.assignment.data import holds_reports, read_reports
from apps.ml.benchmarks.assignment.report import REPORTS, TASKS, methods
from apps.ml.benchmarks.assignment.tasks import score_tasks
from apps.ml.benchmarks.runs import Write, add_dated_arguments, write_figures


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options, for the management command and the module alike."""
    add_dated_arguments(parser, data="CSV of issues and who did them")


def run(options: dict[str, Any], write: Write) -> dict[str, Any]:
    """Run the benchmark.

    Raises
    ------
    UnreadableData
        If the file does not hold what is needed.
    NothingToTest
        If the range holds no task, or there is none before it.
    """
    path = Path(options["data"])
    if holds_reports(path):
        figures = score_reports(read_reports(path), write)
    else:
        figures = score_tasks(path, options.get("train"), options.get("start"), options.get("end"), write)
    criteria = TASKS if "methods" in figures else REPORTS
    figures["acceptance"] = judged(criteria, figures, withheld=bool(options.get("train")))
    for line in ("", *methods(figures), "", *acceptance_table(figures["acceptance"])):
        write(line)
    write_figures(options, figures)
    return figures
