"""How long a sprint's work takes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.accounts.models import User
from apps.ml.core.forecasts.forecaster import WorkForecast
from apps.ml.core.sprints.duration import SprintDurationEstimate, SprintPlan, estimate_sprint_duration
from apps.ml.core.sprints.duration_by_forecast import read_from_forecast
from apps.ml.models import ModelType, PredictionHistory
from apps.ml.selectors.sprints import HISTORY_SPRINTS, open_work_of, sprint_plan
from apps.ml.serializers.sprints import SprintDurationResponse
from apps.ml.services.forecasts.details import forecast_details, to_be_held_against
from apps.ml.services.forecasts.history import TeamHistory
from apps.ml.services.forecasts.sprint import SprintIsOver, team_past
from apps.ml.services.predictions.record import record_prediction
from apps.ml.services.sprints.future import sprint_future
from apps.projects.models import Sprint


class SprintDurationService:
    """Estimates the duration of planned work from the team's own completed sprints."""

    def estimate_sprint_duration(
        self,
        sprint_id: UUID | str,
        planned_issues: Sequence[UUID] = (),
        team_capacity_hours: float | None = None,
        *,
        user: User | None = None,
        now: datetime | None = None,
    ) -> dict[str, Any]:
        """The fields of the API's answer; without planned issues the sprint's own unfinished ones are the plan.

        Raises `NotEnoughData` with too few completed sprints and `Sprint.DoesNotExist` without a sprint.
        """
        now = now or timezone.now()
        sprint = Sprint.objects.select_related("snapshot", "project").get(pk=sprint_id)
        plan = sprint_plan(sprint, issue_ids=planned_issues, team_capacity_hours=team_capacity_hours, now=now)
        history = TeamHistory(sprint.project_id, now=now)
        estimate = estimate_sprint_duration(plan, history.records())
        forecast, reason = _forecast_or_reason(sprint, plan, history, now=now)
        if forecast is not None:
            estimate = read_from_forecast(estimate, plan, forecast)
        asked = {
            "planned_issues": [str(issue_id) for issue_id in planned_issues],
            "team_capacity_hours": team_capacity_hours,
        }
        # What is supposed, another capacity or other work than the sprint holds, nobody will see.
        is_supposed = team_capacity_hours is not None or not _is_its_work(sprint, planned_issues, plan, now=now)
        details = _details(plan, estimate, forecast, None if is_supposed else forecast)
        row = _record(sprint, asked, estimate, details, user)
        return SprintDurationResponse.of(
            estimate,
            prediction_id=row.pk,
            planned_issue_count=len(plan.items),
            forecast=forecast,
            no_forecast_because=reason,
        )


def _record(
    sprint: Sprint,
    asked: dict[str, Any],
    estimate: SprintDurationEstimate,
    details: dict[str, Any],
    user: User | None,
) -> PredictionHistory:
    return record_prediction(
        kind=ModelType.SPRINT_DURATION,
        method=estimate.method,
        project_id=sprint.project_id,
        user=user,
        sprint_id=sprint.pk,
        input=asked,
        predicted_value=float(estimate.estimated_days),
        interval=estimate.days_range,
        confidence=estimate.confidence,
        details=details,
    )


def _is_its_work(sprint: Sprint, named: Sequence[UUID], plan: SprintPlan, *, now: datetime) -> bool:
    """Whether the plan is the sprint's unfinished work: it is where none is named, and may be where some is."""
    if not named:
        return True
    own = open_work_of([sprint], now=now).get(sprint.pk, ())
    return {item.issue_id for item in plan.items} == {item.issue_id for item in own}


def _details(
    plan: SprintPlan, estimate: SprintDurationEstimate, forecast: WorkForecast | None, as_it_is: WorkForecast | None
) -> dict[str, Any]:
    """What it was told from, and what its outcome will be held against: the forecast of the sprint as it is."""
    return {
        "working_days": estimate.working_days,
        "unit": estimate.unit,
        "capacity_basis": estimate.capacity.basis,
        "sprints_used": estimate.sprints_used,
        "forecast": forecast_details(forecast) if forecast else None,
        "probability_in_time": forecast.probability_in_time if forecast else None,
        **(to_be_held_against(as_it_is, plan.items, first_day=plan.first_day) if as_it_is else {}),
    }


def _forecast_or_reason(
    sprint: Sprint, plan: SprintPlan, history: TeamHistory, *, now: datetime
) -> tuple[WorkForecast | None, str | None]:
    """When the plan is done, or the sentence that says why nobody can tell."""
    with_capacity = plan.team_capacity_hours is not None
    try:
        team = team_past(sprint.project_id, now=now, newest=HISTORY_SPRINTS, history=history)
        future = sprint_future(sprint, now=now, team=team, also=plan.items, with_capacity=with_capacity)
    except SprintIsOver as error:
        return None, error.message
    return future.forecast(plan), future.no_forecast_because
