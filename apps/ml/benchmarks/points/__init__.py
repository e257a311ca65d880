"""`benchmark story_points`: the served recommendations against naive answers, on chronological public data.

'frozen' fits once on train and validation rows and predicts every test row; 'rolling' refits before each 20 test rows
on everything older. `--known N` imitates a young team that knows its last N issues only.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apps.ml.benchmarks.points.data import PointsProject, read_projects
from apps.ml.benchmarks.points.protocols import baseline_record, batches, served_record
from apps.ml.benchmarks.points.report import report
from apps.ml.benchmarks.runs import Write, add_json_argument, write_figures
from apps.ml.core.points import PointsPrior, load_prior
from apps.ml.core.points.baselines import BASELINES
from apps.ml.core.points.features import extract
from apps.ml.core.points.history import points_of
from apps.ml.core.points.prior_training import ProjectHistory, train_prior


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the benchmark."""
    parser.add_argument("--data", type=Path, required=True, help="directory with one CSV file a project")
    parser.add_argument("--protocol", choices=("frozen", "rolling"), default="frozen")
    parser.add_argument("--known", type=int, metavar="N", help="only the last N issues are known; blocks of 50")
    add_json_argument(parser)


def run(options: dict[str, Any], write: Write) -> dict[str, Any]:
    """Run the benchmark, write a line a project and the report, and return the figures."""
    projects = read_projects(Path(options["data"]))
    protocol, n_known = options.get("protocol") or "frozen", options.get("known")
    results = []
    for project in projects:
        results.append(_score(project, projects, protocol=protocol, n_known=n_known))
        write(_line(results[-1]))
    found = {"protocol": protocol, "known": n_known, "projects": results}
    found["summary"] = report(results, protocol=protocol, n_known=n_known, write=write)
    write_figures(options, found)
    return found


def _score(
    project: PointsProject, projects: Sequence[PointsProject], *, protocol: str, n_known: int | None
) -> dict[str, Any]:
    prior, seen = honest_prior(project, projects)
    todo = list(batches(project, protocol=protocol, n_known=n_known))
    served = served_record(todo, prior=prior, progress=lambda done: None)
    return {
        "project": project.name,
        "n": len(project.test),
        "prior": "none" if prior is None else "without this project" if seen else "shipped",
        "served": served.figures(project),
        "baselines": {name: baseline_record(each, todo).figures(project) for name, each in BASELINES.items()},
    }


def honest_prior(project: PointsProject, projects: Sequence[PointsProject]) -> tuple[PointsPrior | None, bool]:
    """A prior that has not seen the project, and whether the shipped one has.

    A project of the shipped prior's training data is recognised by its issue keys; for it the prior is trained anew on
    the known rows of the other such projects in the directory, none if there are fewer than two.
    """
    shipped = load_prior()
    if not _known(project, shipped):
        return shipped, False
    others = {each.name: history(each) for each in projects if each is not project and _known(each, shipped)}
    return (train_prior(others, version=f"without {project.name}") if len(others) > 1 else None), True


def _known(project: PointsProject, prior: PointsPrior) -> bool:
    return prior.knows(issue.issue_id for issue in project.known)


def history(project: PointsProject) -> ProjectHistory:
    return ProjectHistory(
        issue_keys=[issue.issue_id for issue in project.known],
        raw=[extract(issue.facts) for issue in project.known],
        points=points_of(project.known),
    )


def _line(result: dict[str, Any]) -> str:
    served, naive = result["served"], result["baselines"]["median"]
    return (
        f"{result['project']:<22} n {result['n']:>4}  MAE {served['mae']:6.3f} (median {naive['mae']:6.3f})  "
        f"rMAE {served['rmae']:.3f}  log-loss {served['log_loss']:.3f}  RPS {served['rps']:.3f}  "
        f"80 % range holds {served['coverage']:.2f} at width {served['width']:.1f}  fit {served['fit_seconds']:.1f} s, "
        f"refit {served['refit_seconds']:.2f} s, one prediction p95 {served['predict_ms_p95']:.2f} ms"
    )
