"""When a sprint's open issues are done: read once, forecast the same wherever it is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from apps.common.exceptions import Conflict
from apps.ml.core.arrays import Floats
from apps.ml.core.forecasts.calendar import WorkingCalendar
from apps.ml.core.forecasts.forecaster import WorkForecast, WorkForecaster, team_runs
from apps.ml.core.forecasts.links import LinkedWork
from apps.ml.core.forecasts.played.plays import Plays
from apps.ml.core.forecasts.simulation import Forecast
from apps.ml.core.forecasts.sizes import Spread
from apps.ml.core.forecasts.units import Throughput, Unit, WorkItem
from apps.ml.core.past.sprints import SprintTimeline
from apps.ml.core.past.velocity import VELOCITY_SPRINTS, SprintRecord
from apps.ml.core.sprints.duration import SprintPlan, capacity_pace
from apps.ml.core.sprints.growth import later_growth
from apps.ml.selectors import forecasts
from apps.ml.services.forecasts.history import TeamHistory
from apps.ml.services.forecasts.sizes import unit_and_sizes
from apps.ml.services.heavy import links_in_turn
from apps.projects.models import Sprint


class SprintIsOver(Conflict):
    """This sprint is completed: of what is past there is no forecast."""

    code = "sprint_is_over"


@dataclass(frozen=True, slots=True)
class TeamPast:
    """What forecasts of all sprints of a project rest on, read once for them."""

    calendar: WorkingCalendar
    throughput: Throughput
    sprints: tuple[SprintTimeline, ...]
    #: What open issues wait for.
    linked: LinkedWork
    #: What is in progress, by sprint, where several are asked about; else each reads it.
    begun: Mapping[UUID | None, Sequence[WorkItem]] | None = None

    def in_progress_outside(self, sprint: Sprint, *, now: datetime) -> tuple[WorkItem, ...]:
        """Issues that are being worked on and are not of a sprint, by id."""
        begun = forecasts.in_progress_by_sprint(sprint.project_id, now=now) if self.begun is None else self.begun
        others = (item for sprint_id, items in begun.items() if sprint_id != sprint.pk for item in items)
        return tuple(sorted(others, key=lambda item: item.issue_id))


def team_past(
    project_id: UUID | str, *, now: datetime, newest: int = VELOCITY_SPRINTS, history: TeamHistory | None = None
) -> TeamPast:
    """A team's past, `newest` sprints of it; by its history, where that is at hand."""
    history = history or TeamHistory(project_id, now=now)
    return TeamPast(
        calendar=history.calendar(),
        throughput=history.throughput(),
        sprints=history.sprints(newest),
        # Not of the history: links are made and taken away without an issue being touched.
        linked=links_in_turn(project_id, now=now),
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
    #: What open issues wait for.
    linked: LinkedWork
    #: Completed sprints, for the capacity; empty where no plan gives one.
    sprints: tuple[SprintRecord, ...] = ()
    #: By how many log odds the chances of all plans differ from what the runs alone tell.
    odds_shift: float = 0.0
    #: What was played for one plan is not played again for another.
    plays: Plays = field(default_factory=Plays)

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
            odds_shift=self.odds_shift,
            drawn=self.runs,
            linked=self.linked,
            plays=self.plays,
        )

    def pace(self, plan: SprintPlan) -> float:
        """Share of the usual output that the capacity of a plan allows."""
        return 1.0 if plan.team_capacity_hours is None else capacity_pace(plan, self.sprints)

    def forecast(self, plan: SprintPlan | None = None) -> WorkForecast:
        """When a plan, or else the sprint's own, is done."""
        plan = plan or self.plan
        return self.forecaster(plan).ask(plan.items, pace=self.pace(plan))

    def shares_done(self) -> Floats | None:
        """Of what is left of the sprint, the share that each run does by the last day; None without one."""
        return self.forecaster(self.plan).shares_done(self.plan.items)

    def agreeing_with(self, chance: float) -> "SprintQuestion":
        """The same question, answered so that the sprint's own plan is done in time with this chance."""
        shift = self.forecaster(self.plan).odds_shift_to(chance, self.plan.items)
        return replace(self, odds_shift=shift)

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
    plan: SprintPlan,
    team: TeamPast,
    also: Sequence[WorkItem] = (),
    with_capacity: bool = False,
) -> SprintQuestion:
    """Read what the forecast of a sprint's own plan needs, with `also` more issues; raises `NotEnoughData`."""
    today, project_id = team.calendar.day_of(now), sprint.project_id
    ahead, running = _what_comes_first(sprint, plan, team, today, now=now)
    others = (*(also if plan.items else ()), *ahead, *(running.items if running else ()))
    unit, spreads = unit_and_sizes(project_id, plan.items or also, others, team.throughput)
    return SprintQuestion(
        plan=plan,
        today=today,
        past=team.throughput,
        unit=unit,
        runs=team_runs(team.throughput, unit),
        spreads=spreads,
        ahead=ahead,
        growth=_growth(plan, team, unit),
        running=running,
        linked=team.linked,
        sprints=TeamHistory(project_id, now=now).records() if with_capacity else (),
    )


def _outside(plan: SprintPlan, items: Sequence[WorkItem]) -> list[WorkItem]:
    planned = {item.issue_id for item in plan.items}
    return [item for item in items if item.issue_id not in planned]


def _what_comes_first(
    sprint: Sprint, plan: SprintPlan, team: TeamPast, today: date, *, now: datetime
) -> tuple[tuple[WorkItem, ...], SprintPlan | None]:
    """Issues in progress where the work begins at once; where it begins later, what runs until then."""
    if plan.resumes_on <= today:
        return team.in_progress_outside(sprint, now=now), None
    items, last_day = forecasts.running_before(sprint.project_id, plan.resumes_on)
    return (), replace(plan, items=items, last_day=last_day) if last_day else None


def _growth(plan: SprintPlan, team: TeamPast, unit: Unit) -> tuple[float, ...]:
    elapsed = plan.elapsed_ratio
    if elapsed is None or elapsed >= 1:
        return ()
    return later_growth(team.sprints[-VELOCITY_SPRINTS:], elapsed_ratio=elapsed, unit=unit)
