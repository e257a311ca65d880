"""What a planned or running sprint will deliver of its scope."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.accounts.models import User
from apps.ml.core.past.velocity import average_velocity
from apps.ml.core.sprints.outcome import Outlook
from apps.ml.core.sprints.outcome.explain import explained
from apps.ml.core.sprints.outcome.moment import DELIVERED_SHARE
from apps.ml.models import PredictionHistory
from apps.ml.selectors.sprints import completed_sprints
from apps.ml.services.forecasts.answers import iso_day
from apps.ml.services.predictions.record import record_prediction
from apps.ml.services.sprints.future import SprintFuture, sprint_future
from apps.projects.models import Sprint


class SprintOutcomeService:
    """Answers what a sprint will deliver; every answer leaves a row."""

    def predict(
        self, sprint_id: UUID | str, *, user: User | None = None, now: datetime | None = None
    ) -> dict[str, Any]:
        """The fields of the API's answer; raises `NotEnoughData` and, without a sprint, `Sprint.DoesNotExist`."""
        now = now or timezone.now()
        sprint = Sprint.objects.select_related("snapshot", "project").get(pk=sprint_id)
        future = sprint_future(sprint, now=now)
        outlook = future.outlook_or_raise()
        velocity = average_velocity(completed_sprints(sprint.project_id, now=now), outlook.unit)
        row = _record(sprint, outlook, user)
        return {"prediction_id": str(row.pk), **_answer(outlook, velocity), **_finish(future)}


def _record(sprint: Sprint, outlook: Outlook, user: User | None) -> PredictionHistory:
    outcome = outlook.outcome
    return record_prediction(
        kind=PredictionHistory.Kind.SPRINT_OUTCOME,
        method=outcome.method,
        model_version=outcome.prior_version,
        project_id=sprint.project_id,
        user=user,
        sprint_id=sprint.pk,
        input={"sprint_status": sprint.status, "unit": outlook.unit},
        predicted_value=outcome.typical_points,
        expected_value=outcome.expected_points,
        interval=outcome.interval,
        confidence=outcome.probability,
        details={
            "unit": outlook.unit,
            "committed": outlook.moment.committed_points,
            "scope": outcome.scope_points,
            "probability_all": outcome.probability_all,
            "elapsed_ratio": outlook.moment.elapsed_ratio,
            "baseline_points": outcome.scope_ratio_points,
        },
    )


def _finish(future: SprintFuture) -> dict[str, Any]:
    """The dates of what is left, by the same distribution."""
    forecast = future.forecast()
    return {
        "finish_date": iso_day(forecast.typical.day) if forecast else None,
        "promised_date": iso_day(forecast.promised.day) if forecast else None,
        "no_forecast_because": future.no_forecast_because,
    }


def _answer(outlook: Outlook, velocity: float | None) -> dict[str, Any]:
    outcome, interval = outlook.outcome, outlook.outcome.interval
    return {
        "unit": outlook.unit,
        "committed": outlook.moment.committed_points,
        "scope": outcome.scope_points,
        "done": outlook.moment.done.points,
        "elapsed_ratio": round(outlook.moment.elapsed_ratio, 4),
        "typical_delivered": round(outcome.typical_points, 2),
        "expected_delivered": round(outcome.expected_points, 2),
        "delivered_range": {"min": round(interval.low, 2), "max": round(interval.high, 2)},
        "range_level": interval.level,
        "range_measured_coverage": _rounded(interval.measured_coverage, 4),
        "range_outcomes": interval.n_outcomes,
        "probability_delivered": round(outcome.probability, 4),
        "delivered_share": DELIVERED_SHARE,
        "probability_all": round(outcome.probability_all, 4),
        "baselines": {
            "scope_met": outcome.scope_met_points,
            "average_velocity": _rounded(velocity, 2),
            "scope_x_ratio": round(outcome.scope_ratio_points, 2),
            "usual_ratio": round(outcome.usual_ratio, 4),
        },
        "history": {"past_sprints": outcome.past_sprints, "replayed_sprints": outcome.replayed_sprints},
        "method": outcome.method,
        "model_version": outcome.prior_version,
        "reasoning": explained(outcome, outlook.moment, unit=outlook.unit),
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
