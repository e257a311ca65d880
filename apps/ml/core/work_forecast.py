"""When some issues will be done: their size against the team's weeks, as days, dates and the chance to be in time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from zlib import crc32

import numpy as np

from apps.common.exceptions import NotEnoughData
from apps.ml.core.calendar import finish_day, working_days_left
from apps.ml.core.forecasting import MAX_WEEKS, PERCENTILES, SEED, WORKING_DAYS_PER_WEEK, Floats, Forecast, History
from apps.ml.core.forecasting import quantiles as quantiles_of
from apps.ml.core.sprint_duration import WorkItem
from apps.ml.core.velocity import counts_in_points


@dataclass(frozen=True, slots=True)
class Throughput:
    """What a team finished in each past week of seven days, oldest first, in both units."""

    issues: tuple[float, ...] = ()
    points: tuple[float, ...] = ()
    #: Points of the finished issues that had some: what an issue without points may turn out to be.
    sizes: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Finish:
    """By when the work is done in so many percent of the runs; None for the day means not within ten years."""

    percent: int
    working_days: int | None
    day: date | None


@dataclass(frozen=True, slots=True)
class WorkForecast:
    """When some work is done."""

    finishes: tuple[Finish, ...]
    #: Chance to be done by `last_day`; None without such a day. Below 1 while work remains.
    probability_in_time: float | None
    last_day: date | None
    working_days_left: int | None
    issues: int
    #: The mean where sizes are uncertain, in the history's unit.
    work: float
    #: Share of the usual output that the capacity allows, at most 1.
    pace: float
    history: History
    seed: int


@dataclass(slots=True)
class WorkForecaster:
    """One team's future, to be asked many questions that share its runs.

    Parameters
    ----------
    throughput : Throughput
        The team's past weeks.
    starts_on : date
        The first day of the work.
    last_day : date or None
        By when it should be done.
    days_off : sequence of date
        Days on which nobody works.
    in_points : bool or None
        The unit; None for points where most of the finished issues carry some.
    """

    throughput: Throughput
    starts_on: date
    last_day: date | None = None
    days_off: tuple[date, ...] = ()
    in_points: bool | None = None
    seed: int = SEED
    runs: Forecast = field(init=False)

    def __post_init__(self) -> None:
        if self.in_points is None:
            self.in_points = self.knows_points(self.throughput)
        weekly = self.throughput.points if self.in_points else self.throughput.issues
        self.runs = Forecast(weekly, unit="points" if self.in_points else "issues", seed=self.seed)

    @staticmethod
    def knows_points(throughput: Throughput) -> bool:
        """Whether most of the finished issues carry points."""
        return counts_in_points(len(throughput.sizes), int(sum(throughput.issues)))

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
        """One issue's size; where it has no points, one that a finished issue had, drawn anew in each run."""
        if not self.in_points:
            return 1.0
        if item.story_points is not None:
            return item.story_points
        # A stream of its own for each issue: dropping one changes no other's size.
        rng = np.random.default_rng([self.seed, 2, crc32(item.issue_id.encode())])
        return np.take(np.asarray(self.throughput.sizes), rng.integers(0, len(self.throughput.sizes), self.runs.n_runs))

    def probability(self, work: Floats, *, pace: float = 1.0) -> float | None:
        """Chance that work of this size is done by the last day."""
        if self.working_days_left is None:
            return None
        return self.runs.probability_within(work, self.working_days_left / WORKING_DAYS_PER_WEEK, pace=pace)

    @property
    def working_days_left(self) -> int | None:
        """Until the last day, both ends counted."""
        if self.last_day is None:
            return None
        return working_days_left(self.starts_on, self.last_day, self.days_off)

    def _finish(self, percent: int, weeks: float) -> Finish:
        if weeks >= MAX_WEEKS:
            return Finish(percent=percent, working_days=None, day=None)
        days = math.ceil(weeks * WORKING_DAYS_PER_WEEK - 1e-9)
        return Finish(percent=percent, working_days=days, day=finish_day(self.starts_on, days, self.days_off))


def forecaster_for(
    items: Sequence[WorkItem],
    throughput: Throughput,
    *,
    starts_on: date,
    last_day: date | None = None,
    days_off: Sequence[date] = (),
) -> WorkForecaster:
    """A forecaster in points where most of the work and of the finished issues carry some, else in issues.

    Raises
    ------
    NotEnoughData
        If the past weeks are too few in both units.
    """
    pointed = sum(item.story_points is not None for item in items)
    in_points = WorkForecaster.knows_points(throughput) and (not items or counts_in_points(pointed, len(items)))
    ask = partial(WorkForecaster, throughput, starts_on, last_day, tuple(days_off))
    try:
        return ask(in_points=in_points)
    except NotEnoughData:
        if not in_points:
            raise
        # Issues may have been counted for longer than they carry points.
        return ask(in_points=False)


@dataclass(frozen=True, slots=True)
class Drop:
    """An issue that could be taken out, and what that would change."""

    issue_id: str
    probability_after: float


def single_drops(forecaster: WorkForecaster, items: Sequence[WorkItem], *, pace: float = 1.0) -> list[Drop]:
    """What taking out each issue alone would change, the most helpful first; ties keep the order given.

    Empty where no day is to be reached.
    """
    work = forecaster.work_of(items)
    alone = [(item, forecaster.probability(work - forecaster.size_of(item), pace=pace)) for item in items]
    drops = [Drop(item.issue_id, probability) for item, probability in alone if probability is not None]
    return sorted(drops, key=lambda drop: -drop.probability_after)


def path_to(
    target: float, forecaster: WorkForecaster, items: Sequence[WorkItem], *, pace: float = 1.0
) -> tuple[Drop, ...]:
    """Which issues to take out, one after another, until the chance reaches a target.

    `items` come in the order in which they may go. Empty where the target is reached already, or where no day is to be
    reached; all issues where only an empty plan reaches it.
    """
    path: list[Drop] = []
    work = forecaster.work_of(items)
    probability = forecaster.probability(work, pace=pace)
    for position, item in enumerate(items):
        if probability is None or probability >= target:
            break
        # Nothing is left after the last: what subtraction leaves behind must not look like work.
        work = work - forecaster.size_of(item) if position < len(items) - 1 else np.zeros_like(work)
        probability = forecaster.probability(work, pace=pace)
        path.append(Drop(item.issue_id, 1.0 if probability is None else probability))
    return tuple(path)
