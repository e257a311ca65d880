"""`./run manage backtest --project KEY [--type effort|points] [--json FILE] [--html FILE]`."""

import json
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.common.console import only_warnings, step_display
from apps.common.exceptions import ApplicationError, NotEnoughData
from apps.ml.management.scope import project_by_key
from apps.ml.models import ModelType
from apps.ml.reports import table
from apps.ml.services.backtest import MOST_REPLAYED, Plan, plan_replay, replay
from apps.ml.services.backtest_figures import Backtest, backtest_of, figures
from apps.ml.services.backtest_page import page, table_rows
from apps.projects.models import Project

#: Short, and as the other commands and the API name them.
_KINDS = {
    "effort": ModelType.EFFORT_PREDICTION,
    "points": ModelType.STORY_POINTS,
    "effort_prediction": ModelType.EFFORT_PREDICTION,
    "story_points": ModelType.STORY_POINTS,
}


class Command(BaseCommand):
    """Replay a team's own finished issues through the code that serves, and tell how good the answers were."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", metavar="KEY", required=True)
        parser.add_argument("--type", choices=_KINDS, default="effort", help="hours (the default) or story points")
        parser.add_argument(
            "--newest",
            type=_count,
            default=MOST_REPLAYED,
            metavar="N",
            help=f"ask about the newest N issues ({MOST_REPLAYED:,}); the older ones are learned from",
        )
        parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
        parser.add_argument("--html", type=Path, metavar="FILE", help="also write a page with charts there")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_by_key(options["project"])
        _check_writable(options["json"], options["html"])
        plan = _planned(project, _KINDS[options["type"]], newest=options["newest"])
        with only_warnings(options["verbosity"]), step_display(len(plan.months)) as progress:
            found = backtest_of(replay(plan, progress=progress), project=project.key)
        self._write(options["json"], f"{json.dumps(figures(found), indent=2)}\n")
        self._write(options["html"], page(found, made_at=timezone.now()))
        self.stdout.write("\n".join(_text(found)))

    def _write(self, path: Path | None, text: str) -> None:
        if path is None:
            return
        with _refused(path):
            path.write_text(text, encoding="utf-8")


def _check_writable(*paths: Path | None) -> None:
    """A replay takes minutes: that its result cannot be kept is told before it."""
    for path in paths:
        if path is not None:
            with _refused(path):
                is_new = not path.exists()
                path.open("a").close()
                if is_new:
                    path.unlink()


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error


def _planned(project: Project, kind: str, *, newest: int) -> Plan:
    try:
        return plan_replay(project.id, kind, newest=newest)
    except NotEnoughData as error:
        raise CommandError(
            f"{error.needed} {error.what} are needed before there is anything to replay; "
            f"project {project.key} has {error.have}."
        ) from error
    except ApplicationError as error:
        raise CommandError(error.message) from error


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
