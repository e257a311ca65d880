"""When a sprint's open issues are done: read once, forecast the same wherever it is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from apps.common.exceptions import Conflict, NotEnoughData
from apps.ml.core.arrays import Floats
from apps.ml.core.forecasts.calendar import WorkingCalendar
from apps.ml.core.forecasts.forecaster import WorkForecast, WorkForecaster, team_runs
from apps.ml.core.forecasts.simulation import Forecast
from apps.ml.core.forecasts.sizes import Spread
from apps.ml.core.forecasts.units import Throughput, Unit, WorkItem
from apps.ml.core.past.sprints import SprintPast
from apps.ml.core.past.velocity import VELOCITY_SPRINTS, SprintRecord
from apps.ml.core.sprints.duration import SprintPlan, capacity_pace
from apps.ml.core.sprints.growth import later_growth
from apps.ml.selectors import forecasts
from apps.ml.selectors.calendars import working_calendar
from apps.ml.selectors.sprints import completed_sprints, sprint_pasts, sprint_plan
from apps.ml.services.forecasts.sizes import model_sizes, unit_of
from apps.projects.models import Sprint


class SprintIsOver(Conflict):
    """This sprint is completed: of what is past there is no forecast."""

    code = "sprint_is_over"


@dataclass(frozen=True, slots=True)
class TeamPast:
    """What forecasts of all sprints of a project rest on, read once for them."""

    calendar: WorkingCalendar
    throughput: Throughput
    sprints: tuple[SprintPast, ...]


def team_past(
    project_id: UUID | str, *, now: datetime, calendar: WorkingCalendar | None = None, newest: int = VELOCITY_SPRINTS
) -> TeamPast:
    """Read a team's past, `newest` sprints of it; its calendar, too, where that is not known yet."""
    calendar = calendar or working_calendar(project_id, today=now.date())
    return TeamPast(
        calendar=calendar,
        throughput=forecasts.throughput(project_id, now=now, calendar=calendar),
        sprints=sprint_pasts(project_id, now=now, newest=newest),
    )


@dataclass(frozen=True, slots=True)
class SprintQuestion:
    """A sprint's plan and what decides when it is done."""

    plan: SprintPlan
    today: date
    past: Throughput
    unit: Unit
    #: The team's futures, drawn once for all plans that are compared.
    runs: Forecast
    #: What a model says of the size of issues, by id.
    spreads: Mapping[str, Spread]
    #: Issues in progress outside the plan, of a sprint that runs.
    ahead: tuple[WorkItem, ...]
    #: Shares by which past sprints grew after the same part of their time.
    growth: tuple[float, ...]
    #: The open work of sprints that run and end before this one begins; None without any.
    running: SprintPlan | None
    #: Completed sprints, for the capacity; empty where no plan gives one.
    sprints: tuple[SprintRecord, ...] = ()

    def forecaster(self, plan: SprintPlan, *, growth: bool = True) -> WorkForecaster:
        """A forecaster of a plan for this sprint; all in one unit, or a comparison would compare nothing."""
        return WorkForecaster(
            self.past,
            self.unit,
            plan.resumes_on,
            plan.last_day,
            plan.calendar,
            self.spreads,
            ahead=_outside(plan, self.ahead),
            growth=self.growth if growth else (),
            carried=self._carried_into(plan),
            asked_on=self.today,
            drawn=self.runs,
        )

    def pace(self, plan: SprintPlan) -> float:
        """Share of the usual output that the capacity of a plan allows."""
        return 1.0 if plan.team_capacity_hours is None else capacity_pace(plan, self.sprints)

    def forecast(self) -> WorkForecast:
        """When the plan is done."""
        return self.forecaster(self.plan).ask(self.plan.items, pace=self.pace(self.plan))

    def _carried_into(self, plan: SprintPlan) -> Floats | None:
        """What the running sprints leave undone, in the runs that the plan meets."""
        if self.running is None:
            return None
        until_then = WorkForecaster(
            self.past, self.unit, self.today, self.running.last_day, plan.calendar, self.spreads, drawn=self.runs
        )
        return until_then.left_undone(_outside(plan, self.running.items))


def sprint_question(
    sprint: Sprint,
    *,
    now: datetime,
    plan: SprintPlan | None = None,
    team: TeamPast | None = None,
    also: Sequence[WorkItem] = (),
    with_capacity: bool = False,
) -> SprintQuestion:
    """Read what the forecast of a sprint needs, with `also` more issues; raises `NotEnoughData` or `SprintIsOver`."""
    if sprint.status == Sprint.Status.COMPLETED:
        raise SprintIsOver
    today, project_id = now.date(), sprint.project_id
    team = team or team_past(project_id, now=now, calendar=plan.calendar if plan else None)
    plan = plan or sprint_plan(sprint, issue_ids=(), team_capacity_hours=None, today=today, calendar=team.calendar)
    unit = unit_of(project_id, plan.items, team.throughput)
    ahead, running = _what_comes_first(sprint, plan, now=now)
    with_capacity = with_capacity or plan.team_capacity_hours is not None
    return SprintQuestion(
        plan=plan,
        today=today,
        past=team.throughput,
        unit=unit,
        runs=team_runs(team.throughput, unit),
        spreads=model_sizes(project_id, (*plan.items, *also, *ahead, *(running.items if running else ())), unit),
        ahead=ahead,
        growth=_growth(plan, team, unit),
        running=running,
        sprints=completed_sprints(project_id, now=now) if with_capacity else (),
    )


def _outside(plan: SprintPlan, items: Sequence[WorkItem]) -> list[WorkItem]:
    planned = {item.issue_id for item in plan.items}
    return [item for item in items if item.issue_id not in planned]


def _what_comes_first(
    sprint: Sprint, plan: SprintPlan, *, now: datetime
) -> tuple[tuple[WorkItem, ...], SprintPlan | None]:
    """Issues in progress where the work begins at once; where it begins later, what runs until then."""
    if plan.resumes_on <= now.date():
        return forecasts.in_progress(sprint.project_id, now=now, outside=sprint), None
    items, last_day = forecasts.running_before(sprint.project_id, plan.resumes_on)
    return (), replace(plan, items=items, last_day=last_day) if last_day else None


def _growth(plan: SprintPlan, team: TeamPast, unit: Unit) -> tuple[float, ...]:
    elapsed = plan.elapsed_ratio
    if elapsed is None or elapsed >= 1:
        return ()
    return later_growth(team.sprints[-VELOCITY_SPRINTS:], elapsed_ratio=elapsed, unit=unit)


def sprint_forecast(
    sprint: Sprint, *, now: datetime, plan: SprintPlan | None = None, team: TeamPast | None = None
) -> WorkForecast:
    """When a sprint's open issues are done, the same wherever it is shown; raises as `sprint_question` does."""
    return sprint_question(sprint, now=now, plan=plan, team=team).forecast()


def sprint_forecast_or_reason(
    sprint: Sprint, *, now: datetime, plan: SprintPlan | None = None, team: TeamPast | None = None
) -> tuple[WorkForecast | None, str | None]:
    """The forecast, or the sentence that says why there is none."""
    try:
        return sprint_forecast(sprint, now=now, plan=plan, team=team), None
    except (NotEnoughData, SprintIsOver) as error:
        return None, error.message
