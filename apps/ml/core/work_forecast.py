"""When some issues will be done: their size against the team's weeks, as days, dates and the chance to be in time."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from apps.ml.core.calendar import WORKING_DAYS_PER_WEEK, WorkingCalendar
from apps.ml.core.forecasting import MAX_WEEKS, PERCENTILES, SEED, Floats, Forecast, History
from apps.ml.core.forecasting import quantiles as quantiles_of
from apps.ml.core.work_sizes import Spread
from apps.ml.core.work_units import Throughput, Unit, WorkItem

#: Where the size of an issue comes from.
SIZE_SOURCES = ("points", "model", "history")
#: What is smaller was left behind by a subtraction.
_NO_WORK = 1e-6


@dataclass(frozen=True, slots=True)
class Finish:
    """By when the work is done in so many percent of the runs; None for the day means not within ten years."""

    percent: int
    #: Days of the whole team, from the first day of the work on.
    working_days: int | None
    day: date | None


@dataclass(frozen=True, slots=True)
class WorkForecast:
    """When some work is done."""

    finishes: tuple[Finish, ...]
    #: Chance to be done by `last_day`; None without such a day. Below 1 while work remains.
    probability_in_time: float | None
    last_day: date | None
    #: Days of the whole team until `last_day`.
    working_days_left: float | None
    issues: int
    #: The mean where sizes are uncertain, in the history's unit.
    work: float
    #: Share of the usual output that the capacity allows, at most 1.
    pace: float
    history: History
    seed: int
    #: How many of the issues have their size from each of `SIZE_SOURCES`; none where issues are counted.
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class WorkForecaster:
    """One team's future, to be asked many questions that share its runs.

    Parameters
    ----------
    throughput : Throughput
        The team's past weeks.
    unit : str
        In what work is counted, see `unit_for`.
    starts_on : date
        The first day of the work.
    last_day : date or None
        By when it should be done.
    calendar : WorkingCalendar
        Who works when.
    spreads : mapping of str to Spread
        What a model says of the size of issues, by id and in `unit`.
    """

    throughput: Throughput
    unit: Unit
    starts_on: date
    last_day: date | None = None
    calendar: WorkingCalendar = field(default_factory=WorkingCalendar)
    spreads: Mapping[str, Spread] = field(default_factory=dict)
    seed: int = SEED
    runs: Forecast = field(init=False)
    usual_days_per_week: float = field(init=False)
    _finished: Spread = field(init=False)

    def __post_init__(self) -> None:
        self.runs = Forecast(self.throughput.weekly(self.unit), unit=self.unit, seed=self.seed)
        self.usual_days_per_week = WORKING_DAYS_PER_WEEK * self.throughput.usual_presence(self.runs.history.weeks)
        self._finished = Spread.of(self.throughput.sizes_in(self.unit))

    def ask(self, items: Sequence[WorkItem], *, pace: float = 1.0) -> WorkForecast:
        """When these issues are done."""
        work = self.work_of(items)
        weeks = quantiles_of(self.runs.weeks_to_finish(work, pace=pace))
        return WorkForecast(
            finishes=tuple(self._finish(percent, weeks[percent]) for percent in PERCENTILES),
            probability_in_time=self.probability(work, pace=pace),
            last_day=self.last_day,
            working_days_left=self.working_days_left,
            issues=len(items),
            work=round(float(np.mean(work)), 1),
            sizes=self.sources_of(items),
            pace=round(pace, 3),
            history=self.runs.history,
            seed=self.seed,
        )

    def work_of(self, items: Sequence[WorkItem]) -> Floats:
        """Size of the work in each run, in the forecast's unit: shape (n_runs,)."""
        total = np.zeros(self.runs.n_runs)
        for item in items:
            total += self.size_of(item)
        return total

    def size_of(self, item: WorkItem) -> float | Floats:
        """What is left of one issue; where that is uncertain, drawn anew in each run: shape (n_runs,)."""
        if self.unit == "issues":
            return 1.0
        if self.unit == "points" and item.story_points is not None:
            return item.story_points
        spread = self.spreads.get(item.issue_id, self._finished)
        done = item.logged_hours if self.unit == "hours" else 0.0
        return np.asarray(spread.drawn(item.issue_id, self.runs.n_runs, seed=self.seed, done=done))

    def sources_of(self, items: Sequence[WorkItem]) -> dict[str, int]:
        """How many sizes are points, a model's or those of finished issues."""
        sources = [self._source_of(item) for item in items] if self.unit != "issues" else []
        return {source: sources.count(source) for source in SIZE_SOURCES}

    def probability(self, work: Floats, *, pace: float = 1.0) -> float | None:
        """Chance that work of this size is done by the last day."""
        if self.last_day is None:
            return None
        work = np.where(work > _NO_WORK, work, 0.0)
        return self.runs.probability_within(work, self.weeks_until(self.last_day), pace=pace)

    def weeks_until(self, last_day: date) -> float:
        """Usual weeks of the team from the first day of the work to another day, both counted."""
        return self.calendar.working_days(self.starts_on, last_day) / self.usual_days_per_week

    @property
    def working_days_left(self) -> float | None:
        """Until the last day, both ends counted."""
        return None if self.last_day is None else round(self.calendar.working_days(self.starts_on, self.last_day), 2)

    def _source_of(self, item: WorkItem) -> str:
        if self.unit == "points" and item.story_points is not None:
            return "points"
        return "model" if item.issue_id in self.spreads else "history"

    def _finish(self, percent: int, weeks: float) -> Finish:
        working_days = weeks * self.usual_days_per_week
        day = self.calendar.day_when(self.starts_on, working_days) if weeks < MAX_WEEKS else None
        if day is None:
            return Finish(percent=percent, working_days=None, day=None)
        return Finish(percent=percent, working_days=math.ceil(working_days - 1e-9), day=day)
