"""What a planned or running sprint will deliver of its scope."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.accounts.models import User
from apps.common.api.answers import Joined
from apps.ml.core.past.velocity import average_velocity
from apps.ml.core.sprints.outcome import Outlook
from apps.ml.core.sprints.outcome.explain import explained
from apps.ml.core.sprints.outcome.moment import DELIVERED_SHARE
from apps.ml.models import PredictionHistory
from apps.ml.selectors.sprints import completed_sprints
from apps.ml.serializers.sprints import SprintOutcomeResponse
from apps.ml.services.predictions.record import record_prediction
from apps.ml.services.predictions.whose_record import sprint_to_score
from apps.ml.services.sprints.future import SprintFuture, sprint_future
from apps.projects.history.sprint_books import COMMITMENT_UNKNOWN
from apps.projects.models import Sprint
from apps.projects.unknown_past import unknown_to


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
        row, forecast = _record(sprint, future, outlook, user), future.forecast()
        return SprintOutcomeResponse.of(
            outlook,
            prediction_id=row.pk,
            delivered_share=DELIVERED_SHARE,
            commitment_unknown_because=COMMITMENT_UNKNOWN if outlook.moment.committed_points is None else None,
            baselines=Joined(outlook.outcome, average_velocity=velocity),
            history=Joined(outlook.outcome, unrecorded_sprints=outlook.unrecorded_sprints),
            reasoning=_reasoning(future, outlook),
            finish_date=forecast.typical.day if forecast else None,
            promised_date=forecast.promised.day if forecast else None,
            no_forecast_because=future.no_forecast_because,
            unknown_past=unknown_to(sprint.project, "sprint"),
        )


def _reasoning(future: SprintFuture, outlook: Outlook) -> str:
    told = explained(outlook.outcome, outlook.moment, unit=outlook.unit, unrecorded_sprints=outlook.unrecorded_sprints)
    return f"{future.note} {told}".strip()


def _record(sprint: Sprint, future: SprintFuture, outlook: Outlook, user: User | None) -> PredictionHistory:
    outcome = outlook.outcome
    return record_prediction(
        kind=PredictionHistory.Kind.SPRINT_OUTCOME,
        method=outcome.method,
        model_id=future.taught_by.id if future.taught_by else None,
        model_version=outcome.prior_version,
        project_id=sprint.project_id,
        user=user,
        sprint_id=sprint_to_score(sprint.pk, sprint.project_id, user),
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
