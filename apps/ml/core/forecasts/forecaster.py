"""When some issues will be done: their size against the team's weeks, as days, dates and the chance to be in time."""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import date, timedelta
from functools import partial

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.forecasts.calendar import WORKING_DAYS_PER_WEEK, WorkingCalendar, weeks_between
from apps.ml.core.forecasts.change import LastingChange, lasting_change
from apps.ml.core.forecasts.inflow import Inflow, drawn_growth
from apps.ml.core.forecasts.links import LinkedTrial, LinkedWork, Waiting, linked_trial
from apps.ml.core.forecasts.odds import log_odds, moved_odds
from apps.ml.core.forecasts.played.crossings import Crossings
from apps.ml.core.forecasts.played.plays import Plays
from apps.ml.core.forecasts.simulation import MAX_PROBABILITY, MAX_WEEKS, PERCENTILES, SEED, Forecast, ForecastHistory
from apps.ml.core.forecasts.simulation import quantiles as quantiles_of
from apps.ml.core.forecasts.sizes import Spread
from apps.ml.core.forecasts.units import Throughput, Unit, WorkItem

#: The usual promise, and its counterpart: between them lie 70 of 100 runs.
PROMISED_PERCENT, EARLY_PERCENT = 85, 15
#: Where the size of an issue comes from.
SIZE_SOURCES = ("points", "model", "history")
#: A plan survives a work that takes a fifth more or less: two working days of ten.
NEAR_SHARE = 0.2
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
class SpeedChange:
    """The team has become slower or faster for good, and what that does to the dates."""

    #: The first day of the changed weeks.
    since: date
    weeks: int
    #: Issues finished in a week, before and since.
    before: float
    after: float
    #: When the work would be done at the speed before: an even chance and the usual promise.
    at_former_speed: tuple[Finish, ...]


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
    history: ForecastHistory
    seed: int
    #: As often earlier as `PROMISED_PERCENT` is later: the other end of what to expect.
    early: Finish | None = None
    #: Chance that the work takes within `NEAR_SHARE` of its typical working days.
    near_typical: float = 1.0
    #: How many of the issues have their size from each of `SIZE_SOURCES`; none where issues are counted.
    sizes: Mapping[str, int] = field(default_factory=dict)
    #: Issues in progress that come first, and their mean size.
    ahead_issues: int = 0
    ahead_work: float = 0.0
    #: Mean share by which the work is expected to grow (negative: to shrink) before it is done; None if nobody can say.
    expected_growth: float | None = None
    #: Mean work that an earlier sprint leaves undone; None where none runs.
    carried_over: float | None = None
    #: Mean work that comes in each week; None where nothing is expected to.
    weekly_inflow: float | None = None
    #: None where the team is as fast as ever.
    change: SpeedChange | None = None
    #: None where no issue waits for another.
    waiting: Waiting | None = None

    @property
    def typical(self) -> Finish:
        """The finish date: when the work is done in half of the runs."""
        return self.finishes[0]

    @property
    def promised(self) -> Finish:
        """The promised date: when the work is done in `PROMISED_PERCENT` of 100 runs."""
        return next(finish for finish in self.finishes if finish.percent == PROMISED_PERCENT)


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
    ahead : sequence of WorkItem
        Issues in progress that are not asked about: what is begun is finished first.
    growth : sequence of float
        Shares by which what was left of past sprints grew until their ends; each run has one of them.
    carried : ndarray of shape (n_runs,) or None
        What an earlier sprint leaves undone in each run; it comes first, too.
    created : sequence of float
        Issues created in each past week, oldest first: as many come in while the work is done.
    asked_on : date or None
        Today, where the work begins later: its weeks follow those until then.
    odds_shift : float
        What is added to the log odds of every chance to be done by a day, where more is known than the runs tell; the
        same for all questions, so that less work still never ends later.
    drawn : Forecast or None
        The team's runs, where they were drawn already: of the same throughput, unit and seed.
    linked : LinkedWork
        Which issues wait for which: in no run is one done before what blocks it.
    plays : Plays
        Those of other plans for the same throughput, runs, spreads and links.
    """

    throughput: Throughput
    unit: Unit
    starts_on: date
    last_day: date | None = None
    calendar: WorkingCalendar = field(default_factory=WorkingCalendar)
    spreads: Mapping[str, Spread] = field(default_factory=dict)
    ahead: Sequence[WorkItem] = ()
    growth: Sequence[float] = ()
    carried: Floats | None = None
    created: Sequence[float] = ()
    asked_on: date | None = None
    seed: int = SEED
    odds_shift: float = 0.0
    drawn: InitVar[Forecast | None] = None
    linked: LinkedWork = field(default_factory=LinkedWork)
    plays: Plays = field(default_factory=Plays)
    runs: Forecast = field(init=False)
    usual_days_per_week: float = field(init=False)
    _finished: Spread = field(init=False)
    inflow: Inflow | None = field(init=False, default=None)
    #: What comes first, by how much all grows, the weeks until the work begins and what is done in these: in each run.
    _ahead_work: Floats = field(init=False)
    _first: float | Floats = field(init=False)
    _factor: float | Floats = field(init=False)
    _lead_weeks: float = field(init=False)
    _done_before: float | Floats = field(init=False)

    def __post_init__(self, drawn: Forecast | None) -> None:
        self.runs = drawn or team_runs(self.throughput, self.unit, seed=self.seed)
        self.usual_days_per_week = WORKING_DAYS_PER_WEEK * self.throughput.usual_presence(self.runs.history.weeks)
        self._finished = Spread.of(self.throughput.sizes_in(self.unit))
        if any(self.created):
            size = float(np.mean(self.throughput.sizes_in(self.unit)))
            self.inflow = Inflow(self.created, issue_size=size, n_runs=self.runs.n_runs, seed=self.seed)
        self._factor = 1.0 + drawn_growth(self.growth, self.runs.n_runs, seed=self.seed)
        self._ahead_work = self.work_of(self.ahead)
        self._first = self._ahead_work + (0.0 if self.carried is None else self.carried)
        self._lead_weeks = weeks_between(self.asked_on or self.starts_on, self.starts_on)
        self._done_before = self.runs.amount_within(self._lead_weeks)

    def ask(self, items: Sequence[WorkItem], *, pace: float = 1.0) -> WorkForecast:
        """When these issues are done."""
        work = self.work_of(items)
        trial, free = self.trial(items, pace=pace), self.weeks_to_finish(work, pace=pace)
        in_runs = trial.all_done if trial else free
        in_time = self.probability(work, n_issues=len(items), pace=pace, ends=in_runs if trial else None)
        weeks = self._weeks_at((EARLY_PERCENT, *PERCENTILES), in_runs, in_time)
        change = lasting_change(self.throughput.issues)
        return WorkForecast(
            finishes=tuple(self._finish(percent, weeks[percent]) for percent in PERCENTILES),
            probability_in_time=in_time,
            last_day=self.last_day,
            working_days_left=self.working_days_left,
            issues=len(items),
            work=_mean(work),
            pace=round(pace, 3),
            history=self.runs.history,
            seed=self.seed,
            early=self._finish(EARLY_PERCENT, weeks[EARLY_PERCENT]),
            near_typical=self._share_near(weeks[PERCENTILES[0]], in_runs),
            sizes=self.sources_of(items),
            ahead_issues=len(self.ahead),
            ahead_work=_mean(self._ahead_work),
            expected_growth=round(float(np.mean(self._factor)) - 1.0, 3) if self.growth else None,
            carried_over=None if self.carried is None else _mean(self.carried),
            weekly_inflow=None if self.inflow is None else round(self.inflow.weekly_mean, 2),
            change=self._speed_change(change, items, pace) if change and items else None,
            waiting=trial.told(free, days_per_week=self.usual_days_per_week) if trial else None,
        )

    def trial(self, items: Sequence[WorkItem], *, pace: float = 1.0) -> LinkedTrial | None:
        """When linked issues are done in each run, and all of the work; None where none of it waits for another."""
        ahead = {item.issue_id for item in self.ahead}
        return linked_trial(self, items, self.linked, ahead=ahead, pace=pace, plays=self.plays)

    def ends(self, items: Sequence[WorkItem], *, pace: float = 1.0) -> Floats | None:
        """Weeks after which these issues are done in each run, where some of them wait for others; else None."""
        return trial.all_done if (trial := self.trial(items, pace=pace)) else None

    def alike(self, pace: float) -> Hashable:
        """See `Futures`: all that `weeks_with` depends on beside throughput and runs."""
        return pace, self._lead_weeks, tuple(self.growth), tuple(self.created), np.asarray(self._first).tobytes()

    def weeks_to_finish(self, work: Floats, *, pace: float = 1.0) -> Floats:
        """Usual weeks from the first day of the work until it is done, in each run: shape (n_runs,)."""
        return self._weeks_until(self.total_of(work), pace, partial(self.runs.weeks_to_finish, inflow=self.inflow))

    def weeks_with(self, *, pace: float = 1.0) -> Callable[[Floats], Floats]:
        """The same of parts of some work, each with those before: what comes first is waited for even without any."""
        crossings = Crossings(self.runs, self.inflow)
        return lambda work: self._weeks_until(work * self._factor + self._first, pace, crossings.weeks)

    def _weeks_until(self, total: Floats, pace: float, weeks_of: Callable[[Floats], Floats]) -> Floats:
        weeks = weeks_of(total / pace + self._done_before)
        return np.where(weeks < MAX_WEEKS, np.maximum(weeks - self._lead_weeks, 0.0), float(MAX_WEEKS))

    def total_of(self, work: Floats) -> Floats:
        """All that is done by the time these issues are: with what they grow by and what comes first, in each run."""
        return np.where(work > _NO_WORK, work * self._factor + self._first, 0.0)

    def shares_done(self, items: Sequence[WorkItem]) -> Floats | None:
        """Of some issues, the share that is done by the last day in each run: shape (n_runs,); None without one.

        Above 1 where the work grows and the growth is done, too.
        """
        if self.last_day is None:
            return None
        work = self.work_of(items)
        shares = np.where(work > _NO_WORK, self.done_until(self.last_day, work) / np.maximum(work, _NO_WORK), 1.0)
        if (trial := self.trial(items)) is None:
            return shares
        undone = trial.undone(items, self.size_of)(self.weeks_until(self.last_day))
        # Where nothing is held up all may be done, with what the work grew by.
        return np.where(undone > 0, np.minimum(shares, 1.0 - undone / np.maximum(work, _NO_WORK)), shares)

    def done_until(self, day: date, work: Floats, *, pace: float = 1.0) -> Floats:
        """Of this work and its growth, what is done at the end of a day in each run, after what comes first."""
        output = self.runs.amount_within(self._lead_weeks + self.weeks_until(day)) - self._done_before
        return np.clip(output * pace - self._first, 0.0, self.grown(work))

    def grown(self, work: Floats) -> Floats:
        """Some work with what it grows by until it is done, in each run: shape (n_runs,)."""
        return work * self._factor

    def odds_shift_to(self, chance: float, items: Sequence[WorkItem]) -> float:
        """The shift with which these issues are done by the last day with another chance than the runs tell."""
        if self.last_day is None or not items or self.weeks_until(self.last_day) <= 0:
            return 0.0
        share = self._share_in_time(self.work_of(items), self.last_day, 1.0, self.ends(items))
        return log_odds(min(chance, MAX_PROBABILITY)) - log_odds(share)

    def left_undone(self, items: Sequence[WorkItem]) -> Floats:
        """What the last day finds undone of some issues, in each run: shape (n_runs,)."""
        if self.last_day is None:
            return np.zeros(self.runs.n_runs)
        done = self.runs.amount_within(self.weeks_until(self.last_day))
        return np.maximum(self.total_of(self.work_of(items)) - done, 0.0)

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

    def probability(
        self, work: Floats, *, n_issues: int, pace: float = 1.0, ends: Floats | None = None
    ) -> float | None:
        """Chance that so many issues, together of this size, are done by the last day; 1 only if there are none.

        `ends` are the weeks after which they are done in each run, where more than their size decides that.
        """
        if self.last_day is None:
            return None
        if not n_issues:
            return 1.0
        if self.weeks_until(self.last_day) <= 0:
            return 0.0
        # Issues of no points are open issues all the same.
        share = moved_odds(self._share_in_time(work, self.last_day, pace, ends), self.odds_shift)
        return round(min(share, MAX_PROBABILITY), 6)

    def _share_in_time(self, work: Floats, last_day: date, pace: float, ends: Floats | None = None) -> float:
        total, weeks = self.total_of(work), self.weeks_until(last_day)
        if weeks <= 0 or (ends is None and not np.any(total > 0)):
            return self.runs.probability_within(total, weeks)
        if self.inflow is not None or ends is not None:
            found = self.weeks_to_finish(work, pace=pace) if ends is None else ends
            # `MAX_WEEKS` means never, however late the last day.
            return float(np.mean((found <= weeks + _NO_WORK) & (found < MAX_WEEKS)))
        return self.runs.probability_within(total / pace + self._done_before, self._lead_weeks + weeks)

    def weeks_until(self, last_day: date) -> float:
        """Usual weeks of the team from the first day of the work to another day, both counted."""
        return self.calendar.working_days(self.starts_on, last_day) / self.usual_days_per_week

    @property
    def working_days_left(self) -> float | None:
        """Until the last day, both ends counted."""
        return None if self.last_day is None else round(self.calendar.working_days(self.starts_on, self.last_day), 2)

    def _speed_change(self, change: LastingChange, items: Sequence[WorkItem], pace: float) -> SpeedChange | None:
        """The futures again, each as much faster or slower as the team was before the change.

        None where the work is counted in what was not recorded then.
        """
        until = len(self.throughput.issues) - change.weeks
        former = float(np.mean(self.throughput.weekly(self.unit)[until - change.weeks_before : until]))
        if not former:
            return None
        then = pace * former / self.runs.history.weekly_mean
        work, ends = self.work_of(items), self.ends(items, pace=then)
        in_time = self.probability(work, n_issues=len(items), pace=then, ends=ends)
        in_runs = self.weeks_to_finish(work, pace=then) if ends is None else ends
        weeks = self._weeks_at((PERCENTILES[0], PROMISED_PERCENT), in_runs, in_time)
        return SpeedChange(
            since=(self.asked_on or self.starts_on) - timedelta(weeks=change.weeks),
            weeks=change.weeks,
            before=round(change.before, 1),
            after=round(change.after, 1),
            at_former_speed=tuple(self._finish(percent, value) for percent, value in weeks.items()),
        )

    def _source_of(self, item: WorkItem) -> str:
        if self.unit == "points" and item.story_points is not None:
            return "points"
        return "model" if item.issue_id in self.spreads else "history"

    def _weeks_at(self, percents: Sequence[int], in_runs: Floats, in_time: float | None) -> dict[int, float]:
        """By when the work is done with so many percent, on the same side of the last day as its chance says."""
        if not self.odds_shift or in_time is None or self.last_day is None:
            return quantiles_of(in_runs, percents)
        limit, one_day = self.weeks_until(self.last_day), 1.0 / self.usual_days_per_week
        found = {}
        for percent in percents:
            level = moved_odds(percent / 100.0, -self.odds_shift, bounded=False)
            weeks = float(np.quantile(in_runs, level, method="inverted_cdf"))
            found[percent] = min(weeks, limit) if percent / 100.0 <= in_time else max(weeks, limit + one_day)
        return found

    def _share_near(self, weeks: float, in_runs: Floats) -> float:
        """Chance to take within `NEAR_SHARE` of so many weeks."""
        within = [float(np.mean(in_runs <= weeks * part)) for part in (1.0 + NEAR_SHARE, 1.0 - NEAR_SHARE)]
        most, least = (moved_odds(share, self.odds_shift, bounded=False) for share in within)
        return round(most - least, 3)

    def _finish(self, percent: int, weeks: float) -> Finish:
        working_days = weeks * self.usual_days_per_week
        day = self.calendar.day_when(self.starts_on, working_days) if weeks < MAX_WEEKS else None
        if day is None:
            return Finish(percent=percent, working_days=None, day=None)
        return Finish(percent=percent, working_days=math.ceil(working_days - 1e-9), day=day)


def team_runs(throughput: Throughput, unit: Unit, *, seed: int = SEED) -> Forecast:
    """The futures of a team, in a unit; raises `NotEnoughData`."""
    return Forecast(throughput.weekly(unit), unit=unit, seed=seed, presence=throughput.presence)


def _mean(amounts: Floats) -> float:
    return round(float(np.mean(amounts)), 1)
