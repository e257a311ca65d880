"""What a planned or running sprint will deliver of what it committed to."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.accounts.models import User
from apps.common.exceptions import NotEnoughData
from apps.ml.core.past.sprints import SprintTimeline
from apps.ml.core.sprints.outcome import Outlook, load_prior, own_record, sprint_outcome
from apps.ml.core.sprints.outcome.explain import explained
from apps.ml.core.sprints.outcome.moment import DELIVERED_SHARE, replayed
from apps.ml.core.sprints.outcome.serving import RANGE_LEVEL
from apps.ml.core.sprints.outcome.standing import elapsed_ratio_at, moment_at, past_sprints, unit_at
from apps.ml.models import PredictionHistory
from apps.ml.selectors.sprints import sprint_past, sprint_pasts
from apps.ml.services.forecasts.sprint import SprintIsOver
from apps.ml.services.predictions.record import record_prediction
from apps.projects.models import Sprint


def sprint_outlook(
    sprint: Sprint,
    *,
    now: datetime,
    state: SprintTimeline | None = None,
    sprints: Sequence[SprintTimeline] | None = None,
) -> Outlook:
    """The outcome of a sprint, the same wherever it is shown; `state` and past `sprints` may have been read already.

    Raises `SprintIsOver`, and `NotEnoughData` for a running sprint without a last day and where nothing is committed.
    """
    if sprint.status == Sprint.Status.COMPLETED:
        raise SprintIsOver
    state = state or sprint_past(sprint, now=now)
    sprints = sprint_pasts(sprint.project_id, now=now) if sprints is None else sprints
    elapsed_ratio = elapsed_ratio_at(state, now) if sprint.status == Sprint.Status.ACTIVE else 0.0
    if elapsed_ratio is None:
        raise NotEnoughData(have=0, needed=1, what="last days of the sprint")
    unit = unit_at(state, now)
    past = past_sprints(sprints, elapsed_ratio=elapsed_ratio, unit=unit)
    moment = moment_at(state, now, elapsed_ratio=elapsed_ratio, unit=unit, past=past)
    prior = load_prior()
    record = own_record(prior, replayed(past), level=RANGE_LEVEL)
    return Outlook(sprint_outcome(prior, moment, record), moment, unit)


def sprint_outlook_or_none(
    sprint: Sprint,
    *,
    now: datetime,
    state: SprintTimeline | None = None,
    sprints: Sequence[SprintTimeline] | None = None,
) -> Outlook | None:
    """The same, or nothing where there is nothing to tell it from."""
    try:
        return sprint_outlook(sprint, now=now, state=state, sprints=sprints)
    except (SprintIsOver, NotEnoughData):
        return None


class SprintOutcomeService:
    """Answers what a sprint will deliver; every answer leaves a row."""

    def predict(
        self, sprint_id: UUID | str, *, user: User | None = None, now: datetime | None = None
    ) -> dict[str, Any]:
        """The fields of the API's answer; raises `NotEnoughData` and, without a sprint, `Sprint.DoesNotExist`."""
        now = now or timezone.now()
        sprint = Sprint.objects.select_related("snapshot").get(pk=sprint_id)
        outlook = sprint_outlook(sprint, now=now)
        row = _record(sprint, outlook, user)
        return {"prediction_id": str(row.pk), **_answer(outlook)}


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
            "committed": outcome.committed_points,
            "elapsed_ratio": outlook.moment.elapsed_ratio,
            "baseline_points": outcome.committed_ratio_points,
        },
    )


def _answer(outlook: Outlook) -> dict[str, Any]:
    outcome, interval = outlook.outcome, outlook.outcome.interval
    return {
        "unit": outlook.unit,
        "committed": outcome.committed_points,
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
        "baselines": {
            "committed_met": outcome.committed_met_points,
            "average_velocity": _rounded(outcome.average_velocity_points, 2),
            "committed_x_ratio": round(outcome.committed_ratio_points, 2),
            "usual_ratio": round(outcome.usual_ratio, 4),
        },
        "history": {"past_sprints": outcome.past_sprints, "replayed_sprints": outcome.replayed_sprints},
        "method": outcome.method,
        "model_version": outcome.prior_version,
        "reasoning": explained(outcome, outlook.moment, unit=outlook.unit),
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
