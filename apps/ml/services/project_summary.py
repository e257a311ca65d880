"""A project in a few numbers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.accounts.models import User
from apps.common.api.answers import Joined
from apps.ml.core.summary import in_words, summarise
from apps.ml.models import PredictionHistory
from apps.ml.serializers.forecasts import SprintOutlookSerializer
from apps.ml.serializers.projects import ProjectSummaryResponse
from apps.ml.services.forecasts.history import TeamHistory
from apps.ml.services.predictions.record import record_prediction
from apps.ml.services.sprints.running import Foreseen, foresee, running_sprints
from apps.projects.models import Project


class ProjectSummaryService:
    """Sums up completion, velocity and risk."""

    def summarise_project(
        self, project_id: UUID | str, *, user: User | None = None, now: datetime | None = None
    ) -> dict[str, Any]:
        """The fields of the API's answer; `Project.DoesNotExist` without a project."""
        now = now or timezone.now()
        project = Project.objects.get(pk=project_id)
        history = TeamHistory(project.pk, now=now)
        summary = summarise(history.counts(), history.records(), now=now)
        running, left_out = running_sprints(project, now=now)
        sprints = [_named(each) for each in foresee(running, now=now, history=history)]
        row = record_prediction(
            kind=PredictionHistory.Kind.SUMMARY,
            method="statistics",
            project_id=project.pk,
            user=user,
            input={},
            predicted_value=summary.risk_score,
            details={
                "completion": summary.completion,
                "velocity": summary.velocity,
                "risk_parts": summary.risk_parts,
                "sprint_forecasts": [SprintOutlookSerializer.of(sprint) for sprint in sprints],
            },
        )
        chances = [sprint.probability_in_time for sprint in sprints if sprint.probability_in_time is not None]
        return ProjectSummaryResponse.of(
            summary,
            prediction_id=row.pk,
            project_id=project.pk,
            sprint_forecasts=sprints,
            sprint_forecasts_left_out=left_out,
            in_words=in_words(summary, chances),
        )


def _named(foreseen: Foreseen) -> Joined:
    """Its chance to be in time and its dates, the same that duration, risk and what-if show."""
    future, forecast = foreseen.future, foreseen.future.forecast()
    return Joined(
        sprint_id=foreseen.sprint.pk,
        probability_in_time=future.probability_in_time,
        finish_date=forecast.typical.day if forecast else None,
        promised_date=forecast.promised.day if forecast else None,
        no_forecast_because=future.no_forecast_because,
    )
