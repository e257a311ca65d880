"""How long planned work takes: the work divided by the team's own output a working day, never more than it can do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from apps.common.exceptions import NotEnoughData
from apps.ml.core.forecasts.calendar import MAX_DAYS, WorkingCalendar
from apps.ml.core.forecasts.units import WorkItem
from apps.ml.core.past.velocity import (
    SprintRecord,
    average_velocity,
    counts_in_points,
    daily_velocity,
    recent,
    working_days_between,
)
from apps.ml.core.results import Interval

#: Two sprints could be luck twice; three show at least whether they agree.
MIN_COMPLETED_SPRINTS = 3
#: An estimate within a fifth of the truth is one a two-week plan survives: two working days of ten.
TOLERANCE = 0.2
#: What a team starts from before its own sprints speak: on 588 sprints of the three public projects of the TSE 2017
#: data (issues and points by sprint) the arithmetic was within `TOLERANCE` for 16 %, one of six.
PRIOR_HITS, PRIOR_SPRINTS = 1, 6
#: The replay looks at the latest sprints only, so that confidence follows the team it is about.
MAX_REPLAYS = 20
#: Hours a person works in a day where none were recorded: the convention of the seed, said whenever it is used.
HOURS_PER_PERSON_DAY = 8.0
#: Ten years. Further out no date means anything, and the calendar ends.
MAX_WORKING_DAYS = 2600.0
#: A velocity that varies by more than this share of its mean makes the estimate a rough one.
UNSTEADY_RATIO = 0.35


@dataclass(frozen=True, slots=True)
class SprintPlan:
    """What is asked: this work, from this day, with this capacity."""

    items: tuple[WorkItem, ...]
    #: The sprint's first day; the work that is left begins on `resumes_on`, which is later once the sprint runs.
    first_day: date
    resumes_on: date
    last_day: date | None = None
    #: Hours the whole team has for the sprint if nobody is away; None if nobody said.
    team_capacity_hours: float | None = None
    calendar: WorkingCalendar = field(default_factory=WorkingCalendar)
    #: Share of the planned days before the work resumes, in [0, 1]; None without a last day.
    elapsed_ratio: float | None = None

    def day_when(self, working_days: float) -> date:
        """The day on which so much work, begun when the plan resumes, is done; the horizon where that is beyond."""
        return self.calendar.day_when(self.resumes_on, working_days) or self.horizon

    @property
    def horizon(self) -> date:
        """Ten years on; further out no date means anything."""
        return self.resumes_on + min(timedelta(days=MAX_DAYS), date.max - self.resumes_on)

    def is_beyond_horizon(self, working_days: float) -> bool:
        """Whether so much work does not end within ten years: it is too much, or the team's calendar is too empty."""
        return working_days >= MAX_WORKING_DAYS or self.calendar.day_when(self.resumes_on, working_days) is None


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the hours of the team allow."""

    #: Working days that the work needs at the capacity given; 0 where capacity could not be used.
    working_days: float
    #: 'recorded_hours', 'estimated_hours', 'team_size', 'not_given' or 'not_used'.
    basis: str
    needed_hours: float | None = None


@dataclass(frozen=True, slots=True)
class SprintDurationEstimate:
    """How long the planned work takes, with the team's own past as the witness."""

    #: Calendar days from the sprint's first day to the day the work is done, both counted.
    estimated_days: int
    planned_days: int | None
    #: Share of the team's own past sprints in which the same arithmetic, with what was known at their start, would
    #: have been within 20 % of the working days that their delivered work took, shrunk to one of six, the public rate.
    confidence: float
    #: Mean output of the recent completed sprints, in `unit`.
    average_velocity: float
    total_story_points: float
    risk_factors: tuple[str, ...]
    #: 'velocity_based' (points) or 'throughput_based' (issues).
    method: str
    #: 'points' or 'issues'.
    unit: str
    working_days: float
    finish_date: date
    #: Calendar days at the best and the worst daily output of the recent sprints, with the level that this promises.
    days_range: Interval
    capacity: Capacity
    sprints_used: int
    replayed_sprints: int
    replays_within_tolerance: int


@dataclass(frozen=True, slots=True)
class _Arithmetic:
    """The intermediate numbers that the risk sentences quote."""

    plan: SprintPlan
    unit: str
    work: float
    assumed_points: float
    velocity_days: float
    capacity: Capacity
    working_days: float
    planned_working_days: int | None
    outputs: tuple[float, ...]


def estimate_sprint_duration(plan: SprintPlan, history: Sequence[SprintRecord]) -> SprintDurationEstimate:
    """Estimate when planned work is done.

    Parameters
    ----------
    plan : SprintPlan
        The work, the days and the capacity in hours.
    history : sequence of SprintRecord
        The team's completed sprints, oldest first.

    Returns
    -------
    SprintDurationEstimate
        The longer of what velocity and capacity say, so less capacity never shortens it.

    Raises
    ------
    NotEnoughData
        If fewer than `MIN_COMPLETED_SPRINTS` of the recent sprints delivered anything.
    """
    usable = [record for record in history if record.working_days]
    unit = _unit(plan.items, usable)
    numbers = _arithmetic(plan, usable, unit)
    hits, replays = replay(usable, unit)
    return SprintDurationEstimate(
        estimated_days=_calendar_days(plan, numbers.working_days),
        planned_days=(plan.last_day - plan.first_day).days + 1 if plan.last_day else None,
        # Shrunk: one hit of one is no certainty.
        confidence=round((hits + PRIOR_HITS) / (replays + PRIOR_SPRINTS), 3),
        average_velocity=round(average_velocity(history, unit) or 0.0, 2),
        total_story_points=sum(item.story_points or 0.0 for item in plan.items),
        risk_factors=tuple(sentence for factor in RISK_FACTORS if (sentence := factor(numbers))),
        method="velocity_based" if unit == "points" else "throughput_based",
        unit=unit,
        working_days=round(numbers.working_days, 1),
        finish_date=plan.day_when(numbers.working_days),
        days_range=_range(numbers, usable),
        capacity=numbers.capacity,
        sprints_used=len(recent(usable)),
        replayed_sprints=replays,
        replays_within_tolerance=hits,
    )


def replay(history: Sequence[SprintRecord], unit: str) -> tuple[int, int]:
    """How often the arithmetic would have been right: (hits, sprints replayed).

    Each of the latest `MAX_REPLAYS` sprints is asked, with only the sprints before it: how many working days does
    what this sprint delivered take? A hit is an answer within `TOLERANCE` of the working days it took. A sprint that
    delivered nothing is a miss: it took its days all the same.
    """
    first = max(1, len(history) - MAX_REPLAYS)
    moments = range(first, len(history))
    return sum(_is_hit(history[:moment], history[moment], unit) for moment in moments), len(moments)


def capacity_pace(plan: SprintPlan, history: Sequence[SprintRecord]) -> float:
    """Share of the usual pace that the capacity given allows, at most 1; 1 where it could not be compared."""
    usable = [record for record in history if record.working_days]
    try:
        numbers = _arithmetic(plan, usable, _unit(plan.items, usable))
    except NotEnoughData:
        return 1.0
    needed = numbers.capacity.working_days
    return min(1.0, numbers.velocity_days / needed) if needed > 0 and numbers.velocity_days > 0 else 1.0


def _is_hit(known: Sequence[SprintRecord], sprint: SprintRecord, unit: str) -> bool:
    rate, took = daily_velocity(known, unit), sprint.working_days or 0
    if rate == 0 or took == 0:
        return False
    return abs(sprint.output(unit) / rate - took) <= TOLERANCE * took


def _unit(items: Sequence[WorkItem], history: Sequence[SprintRecord]) -> str:
    """Points if most of the plan carries points and enough sprints delivered points, else issues."""
    pointed = sum(item.story_points is not None for item in items)
    points_known = _with_output(history, "points") >= MIN_COMPLETED_SPRINTS
    if points_known and (not items or counts_in_points(pointed, len(items))):
        return "points"
    if _with_output(history, "issues") >= MIN_COMPLETED_SPRINTS:
        return "issues"
    raise NotEnoughData(
        have=_with_output(history, "issues"),
        needed=MIN_COMPLETED_SPRINTS,
        what="completed sprints with dates and finished issues",
    )


def _with_output(history: Sequence[SprintRecord], unit: str) -> int:
    return sum(record.output(unit) > 0 for record in recent(history))


def _arithmetic(plan: SprintPlan, history: Sequence[SprintRecord], unit: str) -> _Arithmetic:
    assumed = _mean_issue_points(history) if unit == "points" else 0.0
    work = _work(plan.items, unit, assumed)
    velocity_days = work / daily_velocity(history, unit)
    planned = working_days_between(plan.first_day, plan.last_day) if plan.last_day else None
    capacity = _capacity(plan, history, unit=unit, work=work, velocity_days=velocity_days, planned_working_days=planned)
    return _Arithmetic(
        plan=plan,
        unit=unit,
        work=work,
        assumed_points=assumed,
        velocity_days=velocity_days,
        capacity=capacity,
        working_days=min(max(velocity_days, capacity.working_days), MAX_WORKING_DAYS),
        planned_working_days=planned,
        outputs=tuple(record.output(unit) for record in recent(history)),
    )


def _mean_issue_points(history: Sequence[SprintRecord]) -> float:
    window = recent(history)
    return sum(record.delivered_points for record in window) / sum(record.pointed_issues for record in window)


def _work(items: Sequence[WorkItem], unit: str, assumed_points: float) -> float:
    if unit == "issues":
        return float(len(items))
    return sum(assumed_points if item.story_points is None else item.story_points for item in items)


def _capacity(
    plan: SprintPlan,
    history: Sequence[SprintRecord],
    *,
    unit: str,
    work: float,
    velocity_days: float,
    planned_working_days: int | None,
) -> Capacity:
    """Working days at the capacity given, from the best evidence of what the work takes in hours."""
    if plan.team_capacity_hours is None:
        return Capacity(working_days=0.0, basis="not_given")
    if planned_working_days is None:
        return Capacity(working_days=0.0, basis="not_used")
    needed_hours, basis = _needed_hours(plan, history, unit=unit, work=work, velocity_days=velocity_days)
    if needed_hours is None:
        return Capacity(working_days=0.0, basis="not_used")
    hours_per_day = plan.team_capacity_hours / planned_working_days
    return Capacity(working_days=needed_hours / hours_per_day, basis=basis, needed_hours=needed_hours)


def _needed_hours(
    plan: SprintPlan, history: Sequence[SprintRecord], *, unit: str, work: float, velocity_days: float
) -> tuple[float | None, str]:
    window = recent(history)
    hours = sum(record.recorded_hours for record in window)
    worth = sum(record.hours_points if unit == "points" else record.hours_issues for record in window)
    if hours > 0 and worth > 0:
        return work * hours / worth, "recorded_hours"
    estimates = [item.estimated_hours for item in plan.items if item.estimated_hours is not None]
    if estimates and len(estimates) == len(plan.items):
        return sum(estimates), "estimated_hours"
    people = float(np.median([record.people for record in window]))
    return (velocity_days * people * HOURS_PER_PERSON_DAY, "team_size") if people else (None, "not_used")


def _calendar_days(plan: SprintPlan, working_days: float) -> int:
    if working_days <= 0:
        # Nothing is left: what has passed of a running sprint, or no days at all.
        return max((plan.resumes_on - plan.first_day).days, 0)
    return (plan.day_when(working_days) - plan.first_day).days + 1


def _range(numbers: _Arithmetic, history: Sequence[SprintRecord]) -> Interval:
    """Days at the best and the worst daily output of the recent sprints that had any.

    The next of n + 1 exchangeable sprints lies between the extremes of the n before with probability (n - 1) / (n + 1):
    promised 71 %, held 72 % on 471 public sprints, where the 10 % and 90 % quantiles of so few held 58 %.
    """
    rates = [record.output(numbers.unit) / (record.working_days or 1) for record in recent(history)]
    rates = [rate for rate in rates if rate > 0]
    # Relative to the estimate, so that an estimate that capacity decides is as uncertain as the work behind it.
    usual = daily_velocity(history, numbers.unit)
    low, high = (numbers.working_days * usual / rate for rate in (max(rates), min(rates)))
    # The estimate averages in sprints that delivered nothing, so it may lie beyond the slow end.
    high = min(max(high, numbers.working_days), MAX_WORKING_DAYS)
    return Interval(
        low=_calendar_days(numbers.plan, low),
        high=_calendar_days(numbers.plan, high),
        level=(len(rates) - 1) / (len(rates) + 1),
    )


def _nothing_planned(numbers: _Arithmetic) -> str | None:
    return None if numbers.plan.items else "No unfinished issue is planned, so there is nothing to estimate."


def _longer_than_planned(numbers: _Arithmetic) -> str | None:
    if numbers.plan.last_day is None:
        return "The sprint has no end date, so the estimate cannot be compared with a plan."
    if numbers.working_days <= 0:
        return None
    return late_in_words(numbers.plan.last_day, numbers.plan.day_when(numbers.working_days))


def late_in_words(last_day: date, finish_date: date) -> str | None:
    """By how much a finish date misses the sprint's last day; None where it does not."""
    late = (finish_date - last_day).days
    if late <= 0:
        return None
    return f"The work ends about {late} calendar day{'s' * (late != 1)} after the sprint's last day."


def _capacity_binds(numbers: _Arithmetic) -> str | None:
    capacity, given = numbers.capacity, numbers.plan.team_capacity_hours
    if given is None or capacity.needed_hours is None or capacity.needed_hours <= given:
        return None
    return f"The work needs about {capacity.needed_hours:.0f} h, {given:.0f} h of capacity are given."


def _capacity_assumed(numbers: _Arithmetic) -> str | None:
    if numbers.capacity.basis == "team_size":
        return f"No hours are recorded: usual capacity was taken as {HOURS_PER_PERSON_DAY:.0f} h a person a day."
    if numbers.capacity.basis == "not_used":
        return "The capacity could not be used: neither hours, nor people, nor an end date are recorded for it."
    return None


def _without_points(numbers: _Arithmetic) -> str | None:
    missing = sum(item.story_points is None for item in numbers.plan.items)
    if not missing or numbers.unit != "points":
        return None
    total = len(numbers.plan.items)
    assumed = f"each counted as {numbers.assumed_points:.1f}, the mean of delivered ones"
    return f"Without story points: {missing} of {total} planned issues, {assumed}."


def _unassigned(numbers: _Arithmetic) -> str | None:
    unassigned = sum(not item.is_assigned for item in numbers.plan.items)
    return f"Without an assignee: {unassigned} of {len(numbers.plan.items)} planned issues." if unassigned else None


def _unsteady(numbers: _Arithmetic) -> str | None:
    mean = float(np.mean(numbers.outputs))
    ratio = float(np.std(numbers.outputs, ddof=1)) / mean
    if ratio <= UNSTEADY_RATIO:
        return None
    low, high = min(numbers.outputs), max(numbers.outputs)
    return f"Velocity varies by {ratio:.0%} around its mean: {low:g} to {high:g} {numbers.unit} a sprint."


def _beyond_horizon(numbers: _Arithmetic) -> str | None:
    if not numbers.plan.is_beyond_horizon(numbers.working_days):
        return None
    return "The work does not end within ten years by the team's calendar; that horizon is shown instead."


#: Each looks at the numbers and returns one sentence, or None.
RISK_FACTORS: tuple[Callable[[_Arithmetic], str | None], ...] = (
    _nothing_planned,
    _beyond_horizon,
    _longer_than_planned,
    _capacity_binds,
    _capacity_assumed,
    _without_points,
    _unassigned,
    _unsteady,
)
