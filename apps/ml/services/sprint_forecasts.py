"""When a sprint's open issues are done: read once, forecast the same wherever it is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.common.exceptions import NotEnoughData
from apps.ml.core.sprint_duration import SprintPlan, capacity_pace
from apps.ml.core.velocity import SprintRecord
from apps.ml.core.work_forecast import WorkForecast, WorkForecaster
from apps.ml.core.work_sizes import Spread
from apps.ml.core.work_units import Throughput, Unit, WorkItem
from apps.ml.selectors import forecasts, insights
from apps.ml.services.issue_sizes import model_sizes, unit_of
from apps.projects.models import Sprint


@dataclass(frozen=True, slots=True)
class SprintQuestion:
    """A sprint's plan and what decides when it is done."""

    plan: SprintPlan
    past: Throughput
    unit: Unit
    #: What a model says of the size of issues, by id.
    spreads: Mapping[str, Spread]
    #: Completed sprints, for the capacity; empty where no plan gives one.
    sprints: tuple[SprintRecord, ...] = ()

    def forecaster(self, plan: SprintPlan) -> WorkForecaster:
        """A forecaster of a plan for this sprint; all in one unit, or a comparison would compare nothing."""
        return WorkForecaster(self.past, self.unit, plan.resumes_on, plan.last_day, plan.calendar, self.spreads)

    def pace(self, plan: SprintPlan) -> float:
        """Share of the usual output that the capacity of a plan allows."""
        return 1.0 if plan.team_capacity_hours is None else capacity_pace(plan, self.sprints)

    def forecast(self) -> WorkForecast:
        """When the plan is done."""
        return self.forecaster(self.plan).ask(self.plan.items, pace=self.pace(self.plan))


def sprint_question(
    sprint: Sprint,
    *,
    now: datetime,
    plan: SprintPlan | None = None,
    also: Sequence[WorkItem] = (),
    with_capacity: bool = False,
) -> SprintQuestion:
    """Read what the forecast of a sprint needs, with `also` more issues; raises `NotEnoughData`."""
    plan = plan or insights.sprint_plan(sprint, issue_ids=(), team_capacity_hours=None, today=now.date())
    past = forecasts.throughput(sprint.project_id, now=now, calendar=plan.calendar)
    unit = unit_of(sprint.project_id, plan.items, past)
    with_capacity = with_capacity or plan.team_capacity_hours is not None
    return SprintQuestion(
        plan=plan,
        past=past,
        unit=unit,
        spreads=model_sizes(sprint.project_id, (*plan.items, *also), unit),
        sprints=insights.completed_sprints(sprint.project_id, now=now) if with_capacity else (),
    )


def sprint_forecast(sprint: Sprint, *, now: datetime, plan: SprintPlan | None = None) -> WorkForecast:
    """When a sprint's open issues are done, the same wherever it is shown; raises `NotEnoughData`."""
    return sprint_question(sprint, now=now, plan=plan).forecast()


def sprint_forecast_or_reason(
    sprint: Sprint, *, now: datetime, plan: SprintPlan | None = None
) -> tuple[WorkForecast | None, str | None]:
    """The forecast, or the sentence that says why there is none."""
    try:
        return sprint_forecast(sprint, now=now, plan=plan), None
    except NotEnoughData as error:
        return None, error.message
