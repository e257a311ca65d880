"""`benchmark sprints`: what sprints deliver, on public sprints, beside naive forecasts.

    ./run manage benchmark sprints --data DIR                       learn the first 70 % of each project, ask the rest
    ./run manage benchmark sprints --data DIR --protocol unseen     ask each project a prior of the others
    ./run manage benchmark sprints --data DIR --protocol unseen --own    and what own sprints add to it
    ./run manage benchmark sprints --data DIR --train OTHER         ask all of DIR a prior of all of OTHER
    ./run manage benchmark sprints --data DIR --shipped             ask all of DIR the prior that ships

DIR holds files <project>_iteration_<percent>.csv, with one row a board and sprint.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from apps.ml.benchmarks.acceptance import acceptance_table, judged
from apps.ml.benchmarks.runs import Write, add_json_argument, write_figures
from apps.ml.benchmarks.sprints.data import SprintProject, read_projects
from apps.ml.benchmarks.sprints.own import cuts, cuts_table
from apps.ml.benchmarks.sprints.replay import milliseconds, replay, scores
from apps.ml.benchmarks.sprints.report import CRITERIA, methods
from apps.ml.core.sprints.outcome import SprintPrior, load_prior
from apps.ml.core.sprints.outcome.training import train_prior

#: Part of each project that the open protocol learns from, as the reference defines it.
LEARNED_SHARE = 0.7


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options, for the management command and the module alike."""
    parser.add_argument("--data", type=Path, required=True, help="directory with <project>_iteration_<percent>.csv")
    parser.add_argument("--train", type=Path, help="directory of other projects to learn from; all of --data is asked")
    parser.add_argument("--shipped", action="store_true", help="ask the prior that ships; all of --data is asked")
    parser.add_argument("--protocol", choices=("open", "unseen"), default="open")
    parser.add_argument("--own", action="store_true", help="train on each project's own sprints beside the prior")
    parser.add_argument("--first", type=float, default=1.0, help="use only this first share of each project")
    add_json_argument(parser)


def run(options: dict[str, Any], write: Write) -> dict[str, Any]:
    """Train, ask, write the tables and return the figures."""
    projects = [project.first(options.get("first") or 1.0) for project in read_projects(Path(options["data"]))]
    protocol, asked = _protocol(options, projects, write)
    found: dict[str, Any] = {"protocol": protocol, "projects": []}
    for prior, project in asked:
        write(f"{project.name}: asking {len(project.sprints)} moments of sprints")
        figures = _figures(prior, project)
        found["projects"].append(figures)
        for line in methods(figures):
            write(line)
        if options.get("own"):
            figures["own"] = cuts(prior, project)
            for line in cuts_table(project.name, figures["own"]):
                write(line)
    found["acceptance"] = judged(CRITERIA, found, withheld=protocol != "open")
    for line in ("", *acceptance_table(found["acceptance"])):
        write(line)
    write_figures(options, found)
    return found


def _figures(prior: SprintPrior, project: SprintProject) -> dict[str, Any]:
    moments = {str(percent): scores(answers) for percent, answers in replay(prior, project).items()}
    return {
        "project": project.name,
        "n": len(next(iter(project.moments.values()))),
        "prior": prior.version,
        "served": {percent: found["served"] for percent, found in moments.items()},
        "baselines": {percent: found["baselines"] for percent, found in moments.items()},
        "sprints": {
            percent: {key: found[key] for key in ("n", "n_committed", "delivered_share")}
            for percent, found in moments.items()
        },
        "milliseconds": milliseconds(prior, project.sprints),
    }


def _protocol(
    options: Mapping[str, Any], projects: Sequence[SprintProject], write: Write
) -> tuple[str, Iterator[tuple[SprintPrior, SprintProject]]]:
    if options.get("shipped"):
        return "shipped", _shipped(projects, write)
    if options.get("train"):
        write("learning from all of --train")
        prior = trained(read_projects(Path(options["train"])), version="benchmark")
        return "train", ((prior, project) for project in projects)
    if options.get("protocol") == "unseen":
        return "unseen", _unseen(projects, write)
    write(f"learning from the first {LEARNED_SHARE:.0%} of each project")
    prior = trained([project.first(LEARNED_SHARE) for project in projects], version="benchmark")
    return "open", ((prior, project.after(LEARNED_SHARE)) for project in projects)


def _shipped(projects: Sequence[SprintProject], write: Write) -> Iterator[tuple[SprintPrior, SprintProject]]:
    prior = load_prior()
    known = [project.name for project in projects if project.name in prior.learned_from]
    if known:
        write(f"!! The prior that ships was trained on {', '.join(known)}: these figures flatter it.")
    return ((prior, project) for project in projects)


def _unseen(projects: Sequence[SprintProject], write: Write) -> Iterator[tuple[SprintPrior, SprintProject]]:
    for project in projects:
        others = [other for other in projects if other is not project]
        write(f"learning from {', '.join(other.name for other in others)}")
        yield trained(others, version="benchmark"), project


def trained(projects: Sequence[SprintProject], *, version: str) -> SprintPrior:
    """The prior of these projects at all their moments."""
    return train_prior({project.name: project.sprints for project in projects}, version=version)
