"""When work will be done, by one engine: a sprint's plan, what would change it, and any part of a backlog."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import numpy as np
from django.utils import timezone

from apps.accounts.models import User
from apps.common.exceptions import NotEnoughData
from apps.ml.core.calendar import shifted_day, working_days_left
from apps.ml.core.forecasting import PERCENTILES, WORKING_DAYS_PER_WEEK, History, quantiles
from apps.ml.core.sprint_duration import SprintPlan, WorkItem, capacity_pace
from apps.ml.core.track_record import track_record
from apps.ml.core.work_forecast import (
    Drop,
    Throughput,
    WorkForecast,
    WorkForecaster,
    forecaster_for,
    path_to,
    single_drops,
)
from apps.ml.models import PredictionHistory
from apps.ml.selectors import forecasts, insights
from apps.ml.services.history import record_prediction
from apps.projects.models import Project, Sprint

METHOD = "monte_carlo"
#: The chance that counts as a plan one can promise: the usual service level of throughput forecasts.
TARGET_PROBABILITY = 0.85
#: More suggestions than anyone reads.
MAX_SUGGESTIONS = 10


@dataclass(frozen=True, slots=True)
class Scenario:
    """What if: issues taken out or added, another capacity, other days."""

    drop_issues: tuple[UUID, ...] = ()
    add_issues: tuple[UUID, ...] = ()
    team_capacity_hours: float | None = None
    #: Working days more (or fewer) than planned.
    extra_days: int = 0
    days_off: tuple[date, ...] = ()


def sprint_forecast(
    sprint: Sprint, *, now: datetime, plan: SprintPlan | None = None, past: Throughput | None = None
) -> WorkForecast:
    """When a sprint's open issues are done, the same wherever it is shown; raises `NotEnoughData`."""
    plan = plan or insights.sprint_plan(sprint, issue_ids=(), team_capacity_hours=None, today=now.date())
    past = past or forecasts.throughput(sprint.project_id, now=now)
    pace = 1.0
    if plan.team_capacity_hours is not None:
        pace = capacity_pace(plan, insights.completed_sprints(sprint.project_id, now=now))
    return forecaster_for(plan.items, past, starts_on=plan.resumes_on, last_day=plan.last_day).ask(
        plan.items, pace=pace
    )


def sprint_forecast_or_reason(
    sprint: Sprint, *, now: datetime, plan: SprintPlan | None = None
) -> tuple[WorkForecast | None, str | None]:
    """The forecast, or the sentence that says why there is none."""
    try:
        return sprint_forecast(sprint, now=now, plan=plan), None
    except NotEnoughData as error:
        return None, error.message


class ForecastService:
    """Answers about the future of sprints and backlogs; every one leaves a row."""

    def what_if(
        self, sprint_id: UUID | str, scenario: Scenario, *, user: User | None = None, now: datetime | None = None
    ) -> dict[str, Any]:
        """The sprint as planned beside the scenario, with what to take out to reach the target.

        Raises `NotEnoughData` with too little history and `Sprint.DoesNotExist` without a sprint.
        """
        now = now or timezone.now()
        sprint = Sprint.objects.get(pk=sprint_id)
        plan = insights.sprint_plan(sprint, issue_ids=(), team_capacity_hours=None, today=now.date())
        past = forecasts.throughput(sprint.project_id, now=now)
        before = sprint_forecast(sprint, now=now, plan=plan, past=past)
        changed = _changed(plan, scenario, project_id=sprint.project_id)
        forecaster = _forecaster(changed, scenario, past, unit=before.history.unit)
        pace = _pace(changed, scenario, sprint, now=now)
        after = forecaster.ask(changed.items, pace=pace)
        row = _record(PredictionHistory.Kind.WHAT_IF, sprint.project_id, after, user, sprint, input=_as_json(scenario))
        return {
            "prediction_id": str(row.pk),
            "as_planned": forecast_answer(before),
            "scenario": forecast_answer(after),
            "probability_change": _difference(before.probability_in_time, after.probability_in_time),
            "target_probability": TARGET_PROBABILITY,
            **_suggestions(forecaster, changed.items, forecasts.expendable_first(sprint), pace=pace),
        }

    def forecast_work(
        self,
        project_id: UUID | str,
        items: Sequence[WorkItem],
        *,
        by: date | None = None,
        days_off: Sequence[date] = (),
        user: User | None = None,
        now: datetime | None = None,
    ) -> dict[str, Any]:
        """When some work of a project is done, begun today and with the whole team; raises `NotEnoughData`."""
        now = now or timezone.now()
        project = Project.objects.get(pk=project_id)
        past = forecasts.throughput(project.pk, now=now)
        found = forecaster_for(items, past, starts_on=now.date(), last_day=by, days_off=days_off).ask(items)
        asked = {"issues": len(items), "by": by.isoformat() if by else None}
        row = _record(PredictionHistory.Kind.FORECAST, project.pk, found, user, input=asked)
        return {
            "prediction_id": str(row.pk),
            "question": "when",
            "when": forecast_answer(found),
            "how_many": None,
            "track_record": _record_answer(past.points if found.history.unit == "points" else past.issues),
        }

    def how_many(
        self,
        project_id: UUID | str,
        *,
        by: date,
        days_off: Sequence[date] = (),
        user: User | None = None,
        now: datetime | None = None,
    ) -> dict[str, Any]:
        """How many issues the team finishes from today to a day, both counted; raises `NotEnoughData`."""
        now = now or timezone.now()
        project = Project.objects.get(pk=project_id)
        past = forecasts.throughput(project.pk, now=now)
        runs = WorkForecaster(past, starts_on=now.date(), in_points=False).runs
        days = working_days_left(now.date(), by, tuple(days_off))
        # At least so many in 85 % of the runs is the 15th percentile.
        at_least = quantiles(runs.amount_within(days / WORKING_DAYS_PER_WEEK), [100 - p for p in PERCENTILES])
        counts = {percent: int(np.floor(at_least[100 - percent])) for percent in PERCENTILES}
        row = record_prediction(
            kind=PredictionHistory.Kind.FORECAST,
            method=METHOD,
            project_id=project.pk,
            user=user,
            input={"by": by.isoformat()},
            predicted_value=float(counts[50]),
            details={"at_least": {str(percent): count for percent, count in counts.items()}},
        )
        return {
            "prediction_id": str(row.pk),
            "question": "how_many",
            "when": None,
            "how_many": {
                "by": by.isoformat(),
                "working_days": days,
                "at_least": [{"percent": percent, "issues": count} for percent, count in counts.items()],
                "history": _history_answer(runs.history),
                "seed": runs.seed,
            },
            "track_record": _record_answer(past.issues),
        }


def forecast_answer(found: WorkForecast) -> dict[str, Any]:
    """A forecast as the API shows it."""
    return {
        "percentiles": [
            {
                "percent": finish.percent,
                "working_days": finish.working_days,
                "date": finish.day.isoformat() if finish.day else None,
            }
            for finish in found.finishes
        ],
        "probability_in_time": found.probability_in_time,
        "last_day": found.last_day.isoformat() if found.last_day else None,
        "working_days_left": found.working_days_left,
        "issues": found.issues,
        "work": found.work,
        "pace": found.pace,
        "history": _history_answer(found.history),
        "seed": found.seed,
    }


def forecast_details(found: WorkForecast) -> dict[str, Any]:
    """What the prediction history keeps of a forecast."""
    return {
        "working_days": {str(finish.percent): finish.working_days for finish in found.finishes},
        "probability_in_time": found.probability_in_time,
        "unit": found.history.unit,
        "seed": found.seed,
    }


def _record(
    kind: str,
    project_id: UUID,
    found: WorkForecast,
    user: User | None,
    sprint: Sprint | None = None,
    *,
    input: dict[str, Any],
) -> PredictionHistory:
    median = found.finishes[0].working_days
    return record_prediction(
        kind=kind,
        method=METHOD,
        project_id=project_id,
        user=user,
        sprint_id=sprint.pk if sprint else None,
        input=input,
        predicted_value=None if median is None else float(median),
        details=forecast_details(found),
    )


def _history_answer(history: History) -> dict[str, Any]:
    return {
        "unit": history.unit,
        "weeks": history.weeks,
        "active_weeks": history.active_weeks,
        "weekly_mean": round(history.weekly_mean, 2),
        "level_sigma": round(history.level_sigma, 3),
        "past_forecasts": history.past_forecasts,
    }


def _record_answer(weekly: Sequence[float]) -> list[dict[str, Any]]:
    return [asdict(kept) for kept in track_record(weekly)]


def _changed(plan: SprintPlan, scenario: Scenario, *, project_id: UUID) -> SprintPlan:
    dropped = {str(issue_id) for issue_id in scenario.drop_issues}
    present = {item.issue_id for item in plan.items}
    added = forecasts.unfinished(project_id, issue_ids=scenario.add_issues) if scenario.add_issues else ()
    kept = [item for item in plan.items if item.issue_id not in dropped]
    return replace(
        plan,
        items=(*kept, *(item for item in added if item.issue_id not in present)),
        team_capacity_hours=scenario.team_capacity_hours,
    )


def _forecaster(plan: SprintPlan, scenario: Scenario, past: Throughput, *, unit: str) -> WorkForecaster:
    """In the unit of the plan as it is: a scenario compared in another unit would compare nothing."""
    return WorkForecaster(
        past,
        starts_on=plan.resumes_on,
        last_day=plan.last_day and shifted_day(plan.last_day, scenario.extra_days, scenario.days_off),
        days_off=scenario.days_off,
        in_points=unit == "points",
    )


def _pace(plan: SprintPlan, scenario: Scenario, sprint: Sprint, *, now: datetime) -> float:
    if scenario.team_capacity_hours is None:
        return 1.0
    return capacity_pace(plan, insights.completed_sprints(sprint.project_id, now=now))


def _suggestions(
    forecaster: WorkForecaster, items: Sequence[WorkItem], order: Sequence[str], *, pace: float
) -> dict[str, Any]:
    """What helps most alone, and what to take out in turn until the target is reached."""
    by_id = {item.issue_id: item for item in items}
    # What was added comes first to mind, and goes first.
    ordered = [item for item in items if item.issue_id not in order] + [by_id[id_] for id_ in order if id_ in by_id]
    alone = single_drops(forecaster, items, pace=pace)[:MAX_SUGGESTIONS]
    path = path_to(TARGET_PROBABILITY, forecaster, ordered, pace=pace)
    return {
        "most_helpful_drops": [_drop_answer(drop) for drop in alone],
        "drops_to_target": [_drop_answer(drop) for drop in path],
    }


def _drop_answer(drop: Drop) -> dict[str, Any]:
    return {"issue_id": drop.issue_id, "probability_after": drop.probability_after}


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else round(after - before, 6)


def _as_json(scenario: Scenario) -> dict[str, Any]:
    return {
        "drop_issues": [str(issue_id) for issue_id in scenario.drop_issues],
        "add_issues": [str(issue_id) for issue_id in scenario.add_issues],
        "team_capacity_hours": scenario.team_capacity_hours,
        "extra_days": scenario.extra_days,
        "days_off": [day.isoformat() for day in scenario.days_off],
    }
