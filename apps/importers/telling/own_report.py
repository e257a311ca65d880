"""What a file of a team's own issues tells: its estimates, ranges, forecast and what is unusual, in one go.

The file is imported, asked about by the code that serves, and everything that was written is undone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from io import StringIO
from typing import Any, TypeVar

import numpy as np
from django.core.management import call_command
from django.db import transaction
from django.db.models import Max

from apps.common.exceptions import ApplicationError
from apps.importers.naming import name_alone
from apps.importers.report import ImportReport
from apps.importers.telling.understanding import features_of
from apps.ml.core.evaluation.own_estimates import OwnEstimates, own_estimates
from apps.ml.models import ModelType
from apps.ml.selectors.forecasts import unfinished
from apps.ml.selectors.issues import completed_with_hours
from apps.ml.services import AnomalyDetectionService
from apps.ml.services.evaluation.forecast_replay import ForecastBacktest, plan_of_team
from apps.ml.services.evaluation.forecast_replay import replay as replay_forecasts
from apps.ml.services.evaluation.issue_replay import IssueReplayPlan, plan_replay
from apps.ml.services.evaluation.issue_replay import replay as replay_issues
from apps.ml.services.evaluation.issue_replay_figures import Backtest, backtest_of
from apps.ml.services.evaluation.scorecard import SEED
from apps.ml.services.forecasts.service import ForecastService
from apps.ml.services.models.kinds import kind_of
from apps.projects.models import Issue, IssueChange, Project

#: Issues asked about and models made at most: a model of ten thousand issues takes some two seconds, and all of it is
#: to be over in a minute.
MOST_ASKED, MOST_MODELS = 300, 8
#: An export that is older is read as of its last entry: as of today its team would have stopped working.
STALE_AFTER = timedelta(days=14)
AHEAD = timedelta(weeks=4)
#: Answers of one kind, or why there is none.
Found = TypeVar("Found")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Absent:
    """Why something cannot be told."""

    reason: str


@dataclass(frozen=True, slots=True)
class OwnReport:
    """All that is told of a file."""

    #: The key that its issues bear.
    name: str
    read: ImportReport
    #: As of when it is told.
    as_of: datetime
    is_stale: bool
    estimates: OwnEstimates | Absent
    #: Hours and story points, each replayed.
    replays: Sequence[Backtest]
    no_replay: Sequence[str]
    forecast: dict[str, Any] | Absent
    #: How many issues within `AHEAD`.
    soon: dict[str, Any] | Absent
    promises: ForecastBacktest | Absent
    anomalies: Sequence[str]


def report_on(source: str, *, now: datetime, say: Say, **options: Any) -> OwnReport:
    """Import a file as `import_issues` does, tell everything, and undo it.

    Raises
    ------
    ApplicationError, CommandError
        If the file cannot be imported.
    """
    with transaction.atomic():
        found = _told(source, now, say, options)
        transaction.set_rollback(True)
    return found


def _told(source: str, now: datetime, say: Say, options: dict[str, Any]) -> OwnReport:
    # Progress bars and tables, which only this needs.
    from apps.importers.management.commands.import_issues import Command  # noqa: PLC0415

    say(f"reading {source}")
    command, said = Command(), StringIO()
    # A key that no project bears: nothing of what is there already is mixed in.
    call_command(command, source, create_project="", alone=True, stdout=said, **options)
    project = Project.objects.get(key=command.report.project)
    as_of = _as_of(project, now)
    say("judging the team's own estimates")
    estimates = own_estimates(completed_with_hours(project.pk), rng=np.random.default_rng(SEED))
    replays, no_replay = _replays(project, say)
    say("forecasting")
    command.report.features = features_of(project, as_of)
    service, open_work = ForecastService(), unfinished(project.pk)
    return OwnReport(
        name=name_alone(project.key),
        read=command.report,
        as_of=as_of,
        is_stale=as_of < now,
        estimates=estimates or Absent("Too few finished issues have both an estimate and hours."),
        replays=replays,
        no_replay=no_replay,
        forecast=_or_why(lambda: service.forecast_work(project.pk, open_work, now=as_of))
        if open_work
        else Absent("Nothing is open."),
        soon=_or_why(lambda: service.how_many(project.pk, by=(as_of + AHEAD).date(), now=as_of)),
        promises=_or_why(lambda: replay_forecasts(plan_of_team(project, now=as_of), progress=lambda done, text: None)),
        anomalies=_anomalies(project, as_of),
    )


def _as_of(project: Project, now: datetime) -> datetime:
    """Now, or the file's last entry where that is long past."""
    issues = Issue.objects.filter(project=project).order_by()
    times = issues.aggregate(*(Max(name) for name in ("created_at", "started_at", "resolved_at", "dropped_at")))
    changed = IssueChange.objects.filter(issue__project=project, changed_at__lt=now).order_by()
    last = max((time for time in times.values() if time), default=now)
    told = changed.exclude(changed_at__gte=now - STALE_AFTER).aggregate(last=Max("changed_at"))["last"]
    last = max(last, told) if told else last
    return now if now - last < STALE_AFTER else last + timedelta(minutes=1)


def _replays(project: Project, say: Say) -> tuple[list[Backtest], list[str]]:
    found, why_not = [], []
    for model_type in (ModelType.EFFORT_PREDICTION, ModelType.STORY_POINTS):
        kind = kind_of(model_type)
        say(f"replaying {kind.subject}")
        replayed = _or_why(partial(_replayed, project, model_type))
        if isinstance(replayed, Absent):
            why_not.append(f"{kind.title}: {replayed.reason}")
        else:
            found.append(replayed)
    return found, why_not


def _replayed(project: Project, kind: str) -> Backtest:
    replay = replay_issues(_bounded(project, kind), progress=lambda done, text: None)
    return backtest_of(replay, project=name_alone(project.key))


def _bounded(project: Project, kind: str) -> IssueReplayPlan:
    """The newest issues, as many as a few models can answer."""
    newest = MOST_ASKED
    plan = plan_replay(project.pk, kind, newest=newest)
    while len(plan.months) > MOST_MODELS and newest > 1:
        newest = newest * 2 // 3
        plan = plan_replay(project.pk, kind, newest=newest)
    return plan


def _anomalies(project: Project, as_of: datetime) -> list[str]:
    rows = AnomalyDetectionService().detect_project_anomalies(project.pk, now=as_of)
    return [f"{row.get_severity_display().lower()}: {row.description}" for row in rows]


def _or_why(ask: Callable[[], Found]) -> Found | Absent:
    try:
        return ask()
    except ApplicationError as error:
        return Absent(error.message)
