"""How a sprint ends: read once, told the same wherever it is shown.

The simulation of the team's weeks and what sprints of other teams and its own teach are pooled into one distribution of
what is delivered. Chances, range, dates, risks and scenarios are read from it: the simulated dates are moved by as many
log odds as the pooled chance of all differs from the simulated one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.common.exceptions import NotEnoughData
from apps.ml.core.arrays import Floats
from apps.ml.core.forecasts.calendar import WorkingCalendar
from apps.ml.core.forecasts.forecaster import WorkForecast
from apps.ml.core.forecasts.units import WorkItem
from apps.ml.core.past.sprints import SprintTimeline
from apps.ml.core.sprints.duration import SprintPlan
from apps.ml.core.sprints.learned.serving import SprintModel
from apps.ml.core.sprints.outcome import Outlook, load_prior, own_record, sprint_outcome
from apps.ml.core.sprints.outcome.moment import replayed
from apps.ml.core.sprints.outcome.prior import SprintTeacher
from apps.ml.core.sprints.outcome.serving import RANGE_LEVEL
from apps.ml.core.sprints.outcome.standing import moment_at, past_sprints, unit_at
from apps.ml.core.sprints.untold import NoDates
from apps.ml.models import ModelType
from apps.ml.selectors.sprints import HISTORY_SPRINTS, sprint_past, sprint_plan
from apps.ml.services.forecasts.sprint import SprintIsOver, SprintQuestion, TeamPast, sprint_question, team_past
from apps.ml.services.models.cache import LoadedModel
from apps.ml.services.predictions.given import serving_model
from apps.projects.models import Sprint


@dataclass(frozen=True, slots=True)
class SprintFuture:
    """What a planned or running sprint will deliver, and when what is left of it is done."""

    #: The sprint's own unfinished work.
    plan: SprintPlan
    team: TeamPast
    #: None where the team's past is too short to simulate it; `no_forecast` says so then.
    question: SprintQuestion | None
    no_forecast: NotEnoughData | None
    #: None for a running sprint without a last day and where nothing is in scope.
    outlook: Outlook | None
    no_outlook: NotEnoughData | None
    #: What was trained on the installation's own sprints; None where only the prior that ships speaks.
    taught_by: LoadedModel | None
    #: What to say where a model should speak and cannot; empty else.
    note: str

    def forecast(self, plan: SprintPlan | None = None) -> WorkForecast | None:
        """When this plan, or else the sprint's own, is done."""
        return self.question.forecast(plan) if self.question else None

    def outlook_or_raise(self) -> Outlook:
        """What will be delivered; raises `NotEnoughData` where nothing can be told."""
        if self.outlook is None:
            raise self.no_outlook or NotEnoughData(have=0, needed=1, what="issues in the sprint")
        return self.outlook

    def question_or_raise(self) -> SprintQuestion:
        """What the sprint's forecasts are asked of; raises `NotEnoughData` where the past is too short."""
        if self.question is None:
            raise self.no_forecast or NotEnoughData(have=0, needed=1, what="weeks with finished work")
        return self.question

    @property
    def no_forecast_because(self) -> str | None:
        """The sentence that says why there are no dates."""
        return self.no_forecast.message if self.no_forecast else None

    @property
    def probability_in_time(self) -> float | None:
        """The chance that all is done by the last day."""
        if self.outlook is not None and self.plan.last_day is not None:
            return round(self.outlook.outcome.probability_all, 6)
        forecast = self.forecast()
        return forecast.probability_in_time if forecast else None


def sprint_future(
    sprint: Sprint,
    *,
    now: datetime,
    team: TeamPast | None = None,
    state: SprintTimeline | None = None,
    items: Sequence[WorkItem] | None = None,
    also: tuple[WorkItem, ...] = (),
    with_capacity: bool = False,
) -> SprintFuture:
    """Read and foresee a sprint; `also` are issues of other plans.

    `team`, `state` and its open `items` may have been read already.

    Raises `SprintIsOver`.
    """
    if sprint.status == Sprint.Status.COMPLETED:
        raise SprintIsOver
    team = team or team_past(sprint.project_id, now=now, newest=HISTORY_SPRINTS)
    state = state or sprint_past(sprint, now=now)
    plan = sprint_plan(sprint, issue_ids=(), team_capacity_hours=None, now=now, calendar=team.calendar, items=items)
    question, no_forecast = _question(sprint, plan, team, now=now, also=also, with_capacity=with_capacity)
    simulated = question.shares_done() if question else None
    taught_by, note = serving_model(ModelType.SPRINT_DURATION, sprint.project_id)
    teacher = _teacher(taught_by)
    outlook, no_outlook = _outlook(sprint, state, plan, team, teacher, now=now, simulated=simulated)
    if question and outlook:
        question = question.agreeing_with(outlook.outcome.probability_all)
    return SprintFuture(plan, team, question, no_forecast, outlook, no_outlook, taught_by, note)


def _teacher(model: LoadedModel | None) -> SprintTeacher:
    """The model's own sprints beside the prior or, without one, the prior that ships."""
    return model.predictor if model is not None and isinstance(model.predictor, SprintModel) else load_prior()


def _question(
    sprint: Sprint,
    plan: SprintPlan,
    team: TeamPast,
    *,
    now: datetime,
    also: tuple[WorkItem, ...],
    with_capacity: bool,
) -> tuple[SprintQuestion | None, NotEnoughData | None]:
    try:
        return sprint_question(sprint, now=now, plan=plan, team=team, also=also, with_capacity=with_capacity), None
    except NotEnoughData as error:
        return None, error


def _outlook(
    sprint: Sprint,
    state: SprintTimeline,
    plan: SprintPlan,
    team: TeamPast,
    teacher: SprintTeacher,
    *,
    now: datetime,
    simulated: Floats | None,
) -> tuple[Outlook | None, NotEnoughData | None]:
    elapsed_ratio = state.elapsed_ratio_at(now) if _may_have_begun(sprint) else 0.0
    if elapsed_ratio is None:
        return None, NoDates()
    unit = unit_at(state, now)
    past = past_sprints(team.sprints, elapsed_ratio=elapsed_ratio, unit=unit)
    is_over = _is_over(plan, team.calendar)
    moment = moment_at(state, now, elapsed_ratio=elapsed_ratio, unit=unit, past=past, is_over=is_over)
    record = own_record(teacher, replayed(past), level=RANGE_LEVEL)
    try:
        outcome = sprint_outcome(teacher, moment, record, simulated=simulated)
        unrecorded = sum(not sprint.scope_is_recorded for sprint in team.sprints)
        return Outlook(outcome, moment, unit, unrecorded), None
    except NotEnoughData as error:
        return None, error


def _may_have_begun(sprint: Sprint) -> bool:
    """It runs or, of another tool's sprint without any date, nobody knows that it does not."""
    is_undated = sprint.start_date is None and sprint.end_date is None and sprint.started_at is None
    return sprint.status == Sprint.Status.ACTIVE or (bool(sprint.source) and is_undated)


def _is_over(plan: SprintPlan, calendar: WorkingCalendar) -> bool:
    """No working day is left for what is open: by the calendar, as the forecast counts."""
    return plan.last_day is not None and calendar.working_days(plan.resumes_on, plan.last_day) <= 0
