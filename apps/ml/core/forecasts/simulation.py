"""When will work be done, and how much by when: one seeded Monte-Carlo engine behind every forecast.

A run resamples past weeks of the team, recent weeks more often, and multiplies them by a level of its own: textbook
Monte-Carlo takes the past level for the future one, and its 85th percentile held in 72 % of public forecasts. How far a
team's level wanders is learned from its own past misses (`core/forecasts/level.py`). Every question of one forecast
meets the same runs, so that less work never ends later and dropping scope never lowers a probability.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from apps.common.exceptions import NotEnoughData
from apps.ml.core.arrays import Floats, Integers
from apps.ml.core.forecasts.level import LEVEL_DF, MAX_LEVEL_DRAW, Level, learn_level, recency_weights

#: Runs of a forecast: the 95th percentile then stands on 500 of them.
N_RUNS = 10_000
#: The seed of every served forecast; duration, risk, what-if and summary agree because they share it.
SEED = 20_260_302
#: A quarter of a year: with less, neither the level nor its wandering can be told from chance.
MIN_WEEKS = 12
#: Weeks with any output; fewer make a bootstrap of zeros.
MIN_ACTIVE_WEEKS = 5
#: Two years. At the half-life older weeks weigh less than a thousandth.
MAX_HISTORY_WEEKS = 104
#: Ten years. Further out no date means anything, and the calendar ends.
MAX_WEEKS = 520
#: The shares of runs that are shown: an even chance, likely, the usual promise, nearly sure.
PERCENTILES = (50, 70, 85, 95)
#: While work remains nothing is sure: no team's past holds the week in which everything stops.
MAX_PROBABILITY = 0.99
#: Weeks drawn at a time, a chunk; a longer question continues the same stream, so that it never changes a shorter one.
CHUNK_WEEKS = 16
#: Past weeks are drawn from a table of this many slots: a draw is then one small integer.
SLOTS = 4096

#: Once fewer of the runs are still at work, the others are no longer added up: few large issues make long tails.
TAIL_SHARE = 0.1


class WeeklyTotals(Protocol):
    """Something that adds up week by week in each run."""

    def totals(self, number: int) -> NDArray[np.float32]:
        """The sums at the ends of the weeks of one chunk: shape (CHUNK_WEEKS, n_runs)."""


@dataclass(frozen=True, slots=True)
class ForecastHistory:
    """What a forecast was made from."""

    #: 'points', 'hours' or 'issues'.
    unit: str
    weeks: int
    active_weeks: int
    #: Output of a usual week at the present level, for which the last weeks weigh most.
    weekly_mean: float
    #: How far the team's level wanders in four weeks, on the natural-log scale, and the past forecasts behind it.
    level_sigma: float
    past_forecasts: int


class Forecast:
    """All runs of one team's future.

    Parameters
    ----------
    weekly : sequence of float
        Output of each past week, oldest first, weeks without any included.
    unit : str
        What is counted: 'points', 'hours' or 'issues'.
    n_runs : int
        How many futures are drawn.
    seed : int
        The same seed, history and question give the same answer.
    presence : sequence of float
        What part of a full week of the team each past week was; empty for all of it.
    level_draws : ndarray of shape (n_runs,), optional
        Where the level is in each run, in standard deviations, if that was drawn together with other teams'.

    Raises
    ------
    NotEnoughData
        With fewer than `MIN_WEEKS` weeks since the first output, or fewer than `MIN_ACTIVE_WEEKS` with any.

    References
    ----------
    D. S. Vacanti, Actionable Agile Metrics for Predictability (2015), for the resampling of throughput.
    """

    def __init__(
        self,
        weekly: Sequence[float],
        *,
        unit: str = "issues",
        n_runs: int = N_RUNS,
        seed: int = SEED,
        presence: Sequence[float] = (),
        level_draws: NDArray[np.float32] | None = None,
    ):
        past = usable_weeks(weekly)
        self.unit, self.n_runs, self.seed = unit, n_runs, seed
        worked = np.asarray(presence[-len(past) :], dtype=np.float64) if len(presence) else None
        self.level: Level = learn_level(past, worked)
        weights = recency_weights(len(past))
        self.history = ForecastHistory(
            unit=unit,
            weeks=len(past),
            active_weeks=int(np.count_nonzero(past)),
            weekly_mean=self.level.weekly,
            level_sigma=self.level.sigma,
            past_forecasts=self.level.past_forecasts,
        )
        self._given_draws = level_draws
        self._slots = slot_table(past, weights)
        self._slots_drawn: list[NDArray[np.uint16]] = []
        self._chunks: list[NDArray[np.float32]] = []

    def weeks_to_finish(
        self, work: float | Floats, *, pace: float = 1.0, inflow: "WeeklyTotals | None" = None
    ) -> Floats:
        """How many working weeks each run needs for some work.

        Parameters
        ----------
        work : float or ndarray of shape (n_runs,)
            In `unit`; an array where the size itself is uncertain.
        pace : float
            Share of the usual output that the capacity allows, above 0.
        inflow : WeeklyTotals, optional
            What comes in meanwhile, in `unit`: the work ends when all that has come by then is done.

        Returns
        -------
        weeks : ndarray of shape (n_runs,)
            At most `MAX_WEEKS`, which means 'not within ten years'.
        """
        wanted = np.broadcast_to(np.asarray(work, dtype=np.float64) / pace, (self.n_runs,))
        weeks: Floats = np.where(wanted > 0, float(MAX_WEEKS), 0.0)
        waiting = np.flatnonzero(wanted > 0)
        # Output and, of it, what is done of the work, of the waiting runs at the end of the chunk before.
        output = start = np.zeros(len(waiting), dtype=np.float32)
        for number in range(-(-MAX_WEEKS // CHUNK_WEEKS)):
            if not len(waiting):
                break
            totals = self.totals_of(waiting, number, output)
            done = totals if inflow is None else totals - columns_of(waiting, inflow.totals(number))
            has_ended = done.max(axis=0) >= wanted[waiting]
            ended, going = np.flatnonzero(has_ended), np.flatnonzero(~has_ended)
            runs = waiting[ended]
            weeks[runs] = number * CHUNK_WEEKS + crossing(done[:, ended], start[ended], wanted[runs])
            waiting, output, start = waiting[going], totals[-1, going], done[-1, going]
        return weeks.clip(max=float(MAX_WEEKS))

    def amount_within(self, weeks: float) -> Floats:
        """How much each run finishes in so many working weeks: ndarray of shape (n_runs,), in `unit`."""
        weeks = min(max(weeks, 0.0), float(MAX_WEEKS))
        whole = min(int(weeks), MAX_WEEKS - 1)
        before, after = self._total_after(whole), self._total_after(whole + 1)
        return np.asarray(before + (weeks - whole) * (after - before), dtype=np.float64)

    def probability_within(self, work: float | Floats, weeks: float, *, pace: float = 1.0) -> float:
        """Share of runs that finish some work in time; 1 only if there is nothing to do."""
        remaining = np.asarray(work, dtype=np.float64)
        if not np.any(remaining > 0):
            return 1.0
        if weeks <= 0:
            return 0.0
        in_time = float(np.mean(self.amount_within(weeks) * pace >= remaining - 1e-9))
        return min(in_time, MAX_PROBABILITY)

    def _total_after(self, weeks: int) -> Floats:
        if weeks == 0:
            return np.zeros(self.n_runs)
        number, row = divmod(weeks - 1, CHUNK_WEEKS)
        return np.asarray(self.totals(number)[row], dtype=np.float64)

    def totals(self, number: int) -> NDArray[np.float32]:
        """Cumulative output at the ends of the weeks of one chunk: shape (CHUNK_WEEKS, n_runs)."""
        while len(self._chunks) <= number:
            start = self._chunks[-1][-1] if self._chunks else np.zeros(self.n_runs, dtype=np.float32)
            self._chunks.append(self._summed(slice(None), len(self._chunks), start))
        return self._chunks[number]

    def totals_of(self, runs: Integers, number: int, start: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same of some runs alone, which begin the chunk with `start`: shape (CHUNK_WEEKS, len(runs))."""
        if number < len(self._chunks) or len(runs) > TAIL_SHARE * self.n_runs:
            return columns_of(runs, self.totals(number))
        return self._summed(runs, number, start)

    def _summed(self, runs: Integers | slice, number: int, start: NDArray[np.float32]) -> NDArray[np.float32]:
        amounts = np.take(self._slots, self._drawn(number)[:, runs])
        amounts *= self._levels(runs, number)
        amounts[0] += start
        return np.cumsum(amounts, axis=0, out=amounts)

    def _levels(self, runs: Integers | slice, chunk: int) -> NDArray[np.float32]:
        first = chunk * CHUNK_WEEKS + 1
        spread = self.level.spread(np.arange(first, first + CHUNK_WEEKS))
        if spread[0] == spread[-1]:
            spread = spread[:1]
        exponent = np.multiply.outer(spread.astype(np.float32), self._level_draws[runs])
        return np.exp(exponent + np.float32(self.level.offset))

    def _drawn(self, number: int) -> NDArray[np.uint16]:
        """Which of the slots each run draws in the weeks of a chunk: shape (CHUNK_WEEKS, n_runs)."""
        while len(self._slots_drawn) <= number:
            drawn = self._draws.integers(0, SLOTS, size=(CHUNK_WEEKS, self.n_runs), dtype=np.uint16)
            self._slots_drawn.append(drawn)
        return self._slots_drawn[number]

    @cached_property
    def _level_draws(self) -> NDArray[np.float32]:
        if self._given_draws is not None:
            return self._given_draws
        return bounded_draws(np.random.default_rng([self.seed, 1]).standard_t(LEVEL_DF, self.n_runs))

    @cached_property
    def _draws(self) -> "np.random.Generator":
        return np.random.default_rng([self.seed, 0])


def bounded_draws(draws: Floats) -> NDArray[np.float32]:
    """Level draws as the engine takes them."""
    return draws.clip(-MAX_LEVEL_DRAW, MAX_LEVEL_DRAW).astype(np.float32)


def usable_weeks(weekly: Sequence[float]) -> Floats:
    """The weeks that count: from the first output on, at most `MAX_HISTORY_WEEKS`, oldest first.

    Raises
    ------
    NotEnoughData
        If they are too few.
    """
    past = np.trim_zeros(np.asarray(weekly, dtype=np.float64), trim="f")[-MAX_HISTORY_WEEKS:]
    if len(past) < MIN_WEEKS:
        # An old export has plenty of finished work and none of it here: the span says which weeks are meant.
        raise NotEnoughData(
            have=len(past), needed=MIN_WEEKS, what="weeks since the first finished work of the last two years"
        )
    active = int(np.count_nonzero(past))
    if active < MIN_ACTIVE_WEEKS:
        raise NotEnoughData(have=active, needed=MIN_ACTIVE_WEEKS, what="weeks with finished work")
    return past


def quantiles(values: Floats, percentiles: Sequence[int] = PERCENTILES) -> dict[int, float]:
    """Values that so many percent of the runs do not exceed; each is a value that a run had."""
    found = np.quantile(values, np.asarray(percentiles) / 100.0, method="inverted_cdf")
    return dict(zip(percentiles, map(float, found), strict=True))


def slot_table(past: Floats, weights: Floats) -> NDArray[np.float32]:
    """Every past week in as many slots as it weighs."""
    middles = (np.arange(SLOTS) + 0.5) / SLOTS
    chosen = np.minimum(np.searchsorted(np.cumsum(weights), middles), len(past) - 1)
    return past[chosen].astype(np.float32)


def columns_of(runs: Integers, totals: NDArray[np.float32]) -> NDArray[np.float32]:
    """The columns of some runs, or all without a copy."""
    return totals if len(runs) == totals.shape[1] else np.take(totals, runs, axis=1)


def crossing(totals: NDArray[np.float32], start: NDArray[np.float32], wanted: Floats) -> Floats:
    """When each column, which had `start` before its first row, reaches what is wanted; work is even within a week.

    One that does not is told a time past the last row but one.
    """
    has_reached = totals >= wanted
    has_reached[-1] = True
    rows = np.argmax(has_reached, axis=0)
    columns = np.arange(len(wanted))
    after = totals[rows, columns].astype(np.float64)
    before = np.where(rows > 0, totals[np.maximum(rows - 1, 0), columns], start).astype(np.float64)
    return np.asarray(rows + (wanted - before) / np.maximum(after - before, 1e-9), dtype=np.float64)
