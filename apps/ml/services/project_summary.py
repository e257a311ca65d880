"""A project in a few numbers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.accounts.models import User
from apps.ml.core.summary import ProjectSummary, in_words, summarise
from apps.ml.models import PredictionHistory
from apps.ml.selectors.projects import project_counts
from apps.ml.selectors.sprints import HISTORY_SPRINTS, completed_sprints, pasts_by_sprint
from apps.ml.services.forecasts.answers import iso_day
from apps.ml.services.forecasts.sprint import team_past
from apps.ml.services.predictions.record import record_prediction
from apps.ml.services.sprints.future import SprintFuture, sprint_future
from apps.projects.models import Project, Sprint


class ProjectSummaryService:
    """Sums up completion, velocity and risk."""

    def summarise_project(
        self, project_id: UUID | str, *, user: User | None = None, now: datetime | None = None
    ) -> dict[str, Any]:
        """The fields of the API's answer; `Project.DoesNotExist` without a project."""
        now = now or timezone.now()
        project = Project.objects.get(pk=project_id)
        counts = project_counts(project.pk, now=now)
        summary = summarise(counts, completed_sprints(project.pk, now=now), now=now)
        sprints = _running_sprints(project, now=now)
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
                "sprint_forecasts": sprints,
            },
        )
        return {
            "prediction_id": str(row.pk),
            "project_id": str(project.pk),
            **_answer(summary),
            "sprint_forecasts": sprints,
            "in_words": in_words(summary, _chances(sprints)),
        }


def _running_sprints(project: Project, *, now: datetime) -> list[dict[str, Any]]:
    """Each running sprint's chance to be in time and its dates, the same that duration, risk and what-if show."""
    sprints = Sprint.objects.filter(project=project, status=Sprint.Status.ACTIVE).select_related("snapshot", "project")
    running = list(sprints.order_by("start_date", "id"))
    team = team_past(project.pk, now=now, newest=HISTORY_SPRINTS) if running else None
    states = pasts_by_sprint(running, now=now) if running else {}
    return [
        _sprint_answer(sprint, sprint_future(sprint, now=now, team=team, state=states[sprint.pk])) for sprint in running
    ]


def _chances(sprints: Sequence[Mapping[str, Any]]) -> list[float]:
    chances = (sprint["probability_in_time"] for sprint in sprints)
    return [chance for chance in chances if chance is not None]


def _sprint_answer(sprint: Sprint, future: SprintFuture) -> dict[str, Any]:
    forecast = future.forecast()
    return {
        "sprint_id": str(sprint.pk),
        "probability_in_time": future.probability_in_time,
        "finish_date": iso_day(forecast.typical.day) if forecast else None,
        "promised_date": iso_day(forecast.promised.day) if forecast else None,
        "no_forecast_because": future.no_forecast_because,
    }


def _answer(summary: ProjectSummary) -> dict[str, Any]:
    return {
        "completion": summary.completion,
        "velocity": summary.velocity,
        "risk_score": summary.risk_score,
        "risk_parts": summary.risk_parts,
        "generated_at": summary.generated_at.isoformat().replace("+00:00", "Z"),
        "metrics_breakdown": {
            "total_issues": summary.counts.total,
            "completed_issues": summary.counts.completed,
            "sprints_analyzed": summary.sprints_analyzed,
            "unassigned_issues": summary.counts.unassigned,
            "overdue_issues": summary.counts.overdue,
            "stale_issues": summary.counts.stale,
        },
    }
