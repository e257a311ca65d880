"""`./run manage backtest --project KEY [--type effort|points]` and `backtest forecasts [--data DIR | --project KEY]`.

Both take `--json FILE` (`-`: print it and nothing else) and `--html FILE`. What a whole replay of a project showed is
kept for its page of trust.
"""

from argparse import ArgumentTypeError
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.common.console import as_json, only_warnings, step_display, table
from apps.common.exceptions import ApplicationError, NotEnoughData
from apps.common.operations.named_files import require_writable, writing
from apps.ml.benchmarks.forecasts.files import plan_of_files
from apps.ml.benchmarks.runs import data_folder
from apps.ml.management.scope import project_by_key
from apps.ml.models import Replay
from apps.ml.reports.forecast_replay_page import explanation, promise_rows, range_rows, score_rows
from apps.ml.reports.forecast_replay_page import page as forecast_page
from apps.ml.reports.issue_replay_page import page, table_rows
from apps.ml.services.evaluation.forecast_replay import ForecastBacktest, ForecastReplayPlan, plan_of_team
from apps.ml.services.evaluation.forecast_replay import figures as forecast_figures
from apps.ml.services.evaluation.forecast_replay import replay as replay_forecasts
from apps.ml.services.evaluation.issue_replay import MOST_REPLAYED, plan_replay, replay
from apps.ml.services.evaluation.issue_replay_figures import Backtest, backtest_of, figures
from apps.ml.services.evaluation.kept_replays import keep_replay
from apps.ml.services.models.kinds import KINDS

#: Short, and as the other commands and the API name them.
_REPLAYED = {kind.name: str(model_type) for model_type, kind in KINDS.items() if kind.truth}
_KINDS = _REPLAYED | {model_type: model_type for model_type in _REPLAYED.values()}


#: The folder of SCRUM_ML_DATA with dated issues, one CSV file a project.
_PUBLIC_ISSUES = "jira_issues"


_STANDARD_OUTPUT = Path("-")


class Command(BaseCommand):
    """Replay a team's own past through the code that serves, and tell how good the answers were."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "what", nargs="?", choices=["forecasts"], help="when work is done, as of each week; without it, each issue"
        )
        parser.add_argument("--project", metavar="KEY")
        parser.add_argument(
            "--data",
            type=Path,
            metavar="DIR",
            help="with forecasts: a CSV file a project, with the columns created and resolved "
            f"(without --project: {_PUBLIC_ISSUES} in SCRUM_ML_DATA)",
        )
        parser.add_argument("--type", choices=_KINDS, help="of issues: hours (the default) or story points")
        parser.add_argument(
            "--newest",
            type=_count,
            metavar="N",
            help=f"of issues: ask about the newest N ({MOST_REPLAYED:,}); the older ones are learned from",
        )
        parser.add_argument(
            "--json", type=Path, metavar="FILE", help="write the figures there, too; -: print them and nothing else"
        )
        parser.add_argument("--html", type=Path, metavar="FILE", help="also write a page with charts there")

    def handle(self, *args: Any, **options: Any) -> None:
        _check_options(options)
        try:
            # A replay takes minutes: that its result cannot be kept is told before it.
            require_writable(options["html"], None if options["json"] == _STANDARD_OUTPUT else options["json"])
            (self._forecasts if options["what"] else self._issues)(options)
        except ApplicationError as error:
            raise CommandError(error.message) from error

    def _issues(self, options: dict[str, Any]) -> None:
        project = project_by_key(options["project"])
        kind, newest = _KINDS[options["type"] or "effort"], options["newest"] or MOST_REPLAYED
        with _named_reason(f"project {project.key}"):
            plan = plan_replay(project.id, kind, newest=newest)
        with only_warnings(options["verbosity"]), step_display(len(plan.months)) as progress:
            found = backtest_of(replay(plan, progress=progress), project=project.key)
        if not options["newest"]:
            keep_replay(project.id, kind, figures(found)["projects"][0], now=timezone.now())
        self._write(options["html"], page(found, made_at=timezone.now()))
        self._tell(options["json"], figures(found), _text(found))

    def _forecasts(self, options: dict[str, Any]) -> None:
        plan = _forecast_plan(options)
        with _named_reason(plan.name), step_display(len(plan.weekly)) as progress:
            found = replay_forecasts(plan, progress=progress)
        if options["project"]:
            project_id = project_by_key(options["project"]).id
            keep_replay(project_id, Replay.Kind.FORECASTS, forecast_figures(found), now=timezone.now())
        self._write(options["html"], forecast_page(found, made_at=timezone.now()))
        self._tell(options["json"], forecast_figures(found), _forecast_text(found))

    def _tell(self, path: Path | None, shown: Any, text: Iterable[str]) -> None:
        if path == _STANDARD_OUTPUT:
            self.stdout.write(as_json(shown))
            return
        self._write(path, f"{as_json(shown)}\n")
        self.stdout.write("\n".join(text))

    def _write(self, path: Path | None, text: str) -> None:
        if path is None:
            return
        with writing(path):
            path.write_text(text, encoding="utf-8")


@contextmanager
def _named_reason(name: str) -> Iterator[None]:
    """Why there is nothing to replay, of whom."""
    try:
        yield
    except NotEnoughData as error:
        raise CommandError(
            f"{error.needed} {error.what} are needed before there is anything to replay; {name} has {error.have}."
        ) from error


def _check_options(options: dict[str, Any]) -> None:
    """Which of the options belong together."""
    if options["what"] is None:
        if options["data"]:
            raise CommandError("--data belongs to 'backtest forecasts'; issues are replayed of a --project.")
        if not options["project"]:
            raise CommandError("Name the team with --project KEY.")
    elif options["type"] or options["newest"]:
        raise CommandError("--type and --newest choose issues; 'backtest forecasts' takes every past week.")
    elif options["project"] and options["data"]:
        raise CommandError("Either --project or --data: a team's own weeks, or those of files.")


def _forecast_plan(options: dict[str, Any]) -> ForecastReplayPlan:
    if options["project"]:
        project = project_by_key(options["project"])
        with _named_reason(f"project {project.key}"):
            return plan_of_team(project, now=timezone.now())
    directory = options["data"] or _public_issues()
    with _named_reason(str(directory)):
        return plan_of_files(directory)


def _public_issues() -> Path:
    folder = data_folder()
    if folder is None:
        raise CommandError(
            "Name a team with --project KEY or a directory of CSV files with --data DIR, or set SCRUM_ML_DATA."
        )
    return folder / _PUBLIC_ISSUES


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:10]) > 0):
        raise ArgumentTypeError(f"a number of issues from 1 is needed, not {text!r}")
    return int(text)


def _text(found: Backtest) -> list[str]:
    replayed = found.replay
    head, *rows = table_rows(found)
    return [
        f"Project {found.project}: {found.score.n:,} issues from {replayed.asked_at[0]:%Y-%m-%d} to "
        f"{replayed.asked_at[-1]:%Y-%m-%d}, each asked about as of the day its work began,",
        f"by {replayed.n_models:,} models, one a month; the first knew {replayed.n_known:,} finished issues.",
        "",
        *table(head, rows),
        "",
        *(_range_lines(found)),
        found.verdict,
        *replayed.notes,
    ]


def _range_lines(found: Backtest) -> list[str]:
    told = ", ".join(f"{100 * share.observed:.0f} % at {100 * share.promised:.0f} %" for share in found.ranges)
    confidence = found.score.confidence
    lines = [f"Outcomes inside the ranges, at the promised level: {told}."]
    if confidence is not None:
        lines.append(
            f"Confidence promised {100 * confidence.promised:.0f} % on average and {100 * confidence.came_true:.0f} % "
            f"came true (calibration error {confidence.ece:.3f}, Brier score {confidence.brier:.3f})."
        )
    return lines


def _forecast_text(found: ForecastBacktest) -> list[str]:
    sections = [promise_rows(found.overall), range_rows(found.overall), score_rows("served", found.conditions)]
    if len(found.teams) > 1:
        sections.append(score_rows("project", found.teams))
    lines = list(explanation(found))
    for head, *rows in sections:
        lines += ["", *table(head, rows)]
    return [*lines, "", found.verdict]
