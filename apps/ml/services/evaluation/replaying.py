"""Replays that workers make of a project's past; they train, and so no web process imports this."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.common.exceptions import ApplicationError, NotEnoughData
from apps.ml.models import Replay
from apps.ml.services.evaluation import forecast_replay
from apps.ml.services.evaluation.issue_replay import plan_replay, replay
from apps.ml.services.evaluation.issue_replay_figures import backtest_of, figures
from apps.ml.services.evaluation.kept_replays import keep_replay
from apps.projects.models import Project

#: Told the share of the work that is done.
Tell = Callable[[float], None]
_TOO_LITTLE = "{error.needed} {error.what} are needed before there is anything to replay; there are {error.have}."
_INTERNAL = "Internal error ({}); the log has the details."


def make_replays(project_id: UUID, *, now: Callable[[], datetime]) -> None:
    """Make each kind and keep it; why one could not be made is kept too."""
    project = Project.objects.get(pk=project_id)
    for kind in Replay.Kind:
        begun = {"begun_at": now()}
        row, _ = Replay.objects.update_or_create(
            project=project, kind=kind, defaults=begun, create_defaults=begun | {"asked_at": now()}
        )
        _make(project, kind, Replay.objects.filter(pk=row.pk), now)


def _make(project: Project, kind: str, mine: QuerySet[Replay], now: Callable[[], datetime]) -> None:
    def tell(share: float) -> None:
        mine.update(progress_percent=round(100 * share))

    try:
        found = _MADE[kind](project, tell, now())
    except NotEnoughData as error:
        mine.update(failure_reason=_TOO_LITTLE.format(error=error))
    except ApplicationError as error:
        mine.update(failure_reason=error.message)
    except Exception as error:
        mine.update(failure_reason=_INTERNAL.format(type(error).__name__))
        raise
    else:
        keep_replay(project.pk, kind, found, now=now())


def _issues(kind: str) -> Callable[[Project, Tell, datetime], Mapping[str, Any]]:
    def made(project: Project, tell: Tell, _now: datetime) -> Mapping[str, Any]:
        plan = plan_replay(project.id, kind)
        steps = max(len(plan.months), 1)
        found = backtest_of(replay(plan, progress=lambda step, _: tell(step / steps)), project=project.key)
        [only] = figures(found)["projects"]
        return dict(only)

    return made


def _forecasts(project: Project, tell: Tell, now: datetime) -> Mapping[str, Any]:
    plan = forecast_replay.plan_of_team(project, now=now)
    return forecast_replay.figures(forecast_replay.replay(plan, progress=lambda step, _: tell(min(step, 1.0))))


_MADE: Mapping[str, Callable[[Project, Tell, datetime], Mapping[str, Any]]] = {
    Replay.Kind.EFFORT: _issues(Replay.Kind.EFFORT),
    Replay.Kind.POINTS: _issues(Replay.Kind.POINTS),
    Replay.Kind.FORECASTS: _forecasts,
}
