"""`benchmark similar`: which earlier issue is this about, by exact Jaccard, by words, by meaning, and as served.

    ./run manage benchmark similar --data jira_issues

Three questions are asked of the code that serves. References: an issue that names the key of an earlier one of its
project shall find it among all earlier issues, keys and addresses removed from every text. Paraphrases: a title in
other words shall find the one it was made from among the titles of two projects.
"""

import argparse
from pathlib import Path
from typing import Any

from apps.ml.benchmarks.acceptance import judged
from apps.ml.benchmarks.runs import Write, add_json_argument, write_figures
from apps.ml.benchmarks.similar.data import read_projects
from apps.ml.benchmarks.similar.paraphrases import score_paraphrases
from apps.ml.benchmarks.similar.references import Half, score_references
from apps.ml.benchmarks.similar.report import CRITERIA, lines
from apps.ml.benchmarks.similar.strangers import score_strangers
from apps.ml.core.meaning import load_meaning


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the benchmark."""
    parser.add_argument(
        "--data", type=Path, required=True, help="directory with one CSV file of dated issues a project"
    )
    parser.add_argument(
        "--half",
        choices=[half.value for half in Half],
        default=Half.LATER.value,
        help="of each project's references: weights and limits were chosen on the earlier",
    )
    add_json_argument(parser)


def run(options: dict[str, Any], write: Write) -> dict[str, Any]:
    """Run the benchmark, write its tables, and return the figures.

    Raises
    ------
    UnreadableData
        If the directory holds no file with the columns that are needed.
    """
    table, half = load_meaning(), Half(options.get("half") or Half.LATER)
    projects = read_projects(Path(options["data"]))
    figures: dict[str, Any] = {
        "half": half.value,
        "references": score_references(projects, table, half),
        "paraphrases": score_paraphrases(projects, table),
        "strangers": score_strangers(projects, table),
    }
    figures["acceptance"] = judged(CRITERIA, figures)
    for line in lines(figures):
        write(line)
    write_figures(options, figures)
    return figures
