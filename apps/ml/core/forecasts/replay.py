"""The forecasting engine asked again in past weeks, beside naive forecasts: the one protocol of every replay.

A team is asked when four weeks of work will be done, at the pace of its last twelve, and how much it finishes in two,
four and eight weeks, with only the weeks before. The public benchmark, a team's backtest and its track record share the
question, the methods and the scoring.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from apps.common.exceptions import NotEnoughData
from apps.ml.core.arrays import Booleans, Floats
from apps.ml.core.forecasts.simulation import MIN_WEEKS, PERCENTILES, SEED, Forecast, quantiles, usable_weeks

#: Four weeks of work at the pace of the last twelve, which are also the weeks that the textbook resamples.
WORK_WEEKS, PACE_WEEKS = 4, 12
#: A year is the horizon. Longer answers count as a year and later ends as the week after it: the few projects that lay
#: dormant for years would else decide the mean loss of every method alike.
LONGEST_WEEKS = 52
HORIZONS_WEEKS = (2, 4, 8)
#: The reference's protocol: a forecast every three weeks after half a year, of teams that finish 1.5 items a week.
FIRST_ORIGIN_WEEKS, STEP_WEEKS, MIN_WEEKLY_MEAN = 26, 3, 1.5
RANGE = (0.15, 0.85)
#: Runs of a replayed forecast: a fifth of the served ones move shares by a tenth of their sampling noise.
REPLAY_RUNS = 2_000
#: Work that was summed in another order may differ in its last digit.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Question:
    """What a team is asked at one moment: how long so much work takes, and how much is done in some weeks."""

    #: Output of each week before the moment and after it, oldest first.
    past: Floats
    future: Floats
    #: Four weeks of it, in whole items or points: at least one.
    work: int

    @property
    def weeks_taken(self) -> int | None:
        """Whole weeks until the work was done, at most a year and a week; None if that is not known yet."""
        done = np.flatnonzero(np.cumsum(self.future) >= self.work - _ROUNDING)
        return min(int(done[0]) + 1, LONGEST_WEEKS + 1) if len(done) else None

    def is_kept(self, weeks: float) -> bool | None:
        """Whether the work was done within so many whole weeks; None while the last of them has not come."""
        if weeks > len(self.future):
            return None
        return bool(self.future[: int(weeks)].sum() >= self.work - _ROUNDING)

    def came_within(self, weeks: int) -> float | None:
        """What was finished in so many weeks; None while the last of them has not come."""
        return float(self.future[:weeks].sum()) if weeks <= len(self.future) else None


@dataclass(frozen=True, slots=True)
class ReplayAnswer:
    """Whole weeks by percentile and, where the method has ranges, the ends of the 70 % range in each horizon."""

    weeks: Mapping[int, float]
    ranges: Mapping[int, tuple[float, float]]


Method = Callable[[Question, int], ReplayAnswer]


def questions(weekly: Sequence[float] | Floats, origins: Iterable[int]) -> Iterator[Question]:
    """What a team is asked at each origin, the number of weeks before it; nothing where there was no pace."""
    output = np.asarray(weekly, dtype=np.float64)
    for origin in origins:
        pace = recent_pace(output[:origin])
        if pace > 0:
            work = max(round(WORK_WEEKS * pace), 1)
            yield Question(past=output[:origin], future=output[origin:], work=work)


def answered_questions(weekly: Sequence[float] | Floats) -> list[Question]:
    """What a team is asked in each past week in which the engine answers."""
    return [question for question in questions(weekly, range(MIN_WEEKS, len(weekly))) if _can_answer(question)]


def recent_pace(past: Floats) -> float:
    """Mean weekly output of the last `PACE_WEEKS`."""
    return float(past[-PACE_WEEKS:].mean())


def promised_weeks(question: Question, n_runs: int, seed: int = SEED) -> dict[int, float]:
    """What the engine that serves promises, by percentile; raises `NotEnoughData` as it does."""
    return _engine_weeks(Forecast(question.past.tolist(), n_runs=n_runs, seed=seed), question)


def served(question: Question, n_runs: int) -> ReplayAnswer:
    """The engine that serves; raises `NotEnoughData` as it does."""
    forecast = Forecast(question.past.tolist(), n_runs=n_runs)
    return ReplayAnswer(
        weeks=_engine_weeks(forecast, question),
        ranges={horizon: _range_of(forecast.amount_within(horizon)) for horizon in HORIZONS_WEEKS},
    )


def textbook(question: Question, n_runs: int) -> ReplayAnswer:
    """Monte-Carlo as it is usually done: the last twelve weeks, all alike, and no other uncertainty."""
    recent = question.past[-PACE_WEEKS:]
    drawn = np.random.default_rng(len(question.past)).choice(recent, size=(n_runs, LONGEST_WEEKS))
    totals = np.cumsum(drawn, axis=1)
    return ReplayAnswer(
        weeks=_whole_weeks(quantiles(1.0 + np.sum(totals < question.work, axis=1))),
        ranges={horizon: _range_of(totals[:, horizon - 1]) for horizon in HORIZONS_WEEKS},
    )


def average_velocity(question: Question, n_runs: int, *, velocity_weeks: int) -> ReplayAnswer:
    """The work divided by the mean weekly output of the last weeks, the same answer whatever the percentile."""
    velocity = float(question.past[-velocity_weeks:].mean())
    weeks = question.work / velocity if velocity > 0 else LONGEST_WEEKS
    return ReplayAnswer(weeks=_whole_weeks(dict.fromkeys(PERCENTILES, weeks)), ranges={})


SERVED, TEXTBOOK, NAIVE = "served", "Monte-Carlo, last 12 weeks", "average of the last 6 weeks"
#: Average velocity is that of three sprints of two weeks; three weeks are the public reference's.
METHODS: Mapping[str, Method] = {
    SERVED: served,
    TEXTBOOK: textbook,
    NAIVE: partial(average_velocity, velocity_weeks=6),
    "average of the last 3 weeks": partial(average_velocity, velocity_weeks=3),
}


@dataclass(frozen=True, slots=True)
class ReplayRecord:
    """What one method said and what came of it: one row a question, NaN where it is not known (yet)."""

    #: Whole weeks by percentile, shape (n, n_percentiles), and 1 where the work was done by then, 0 where it was not.
    promised: Floats
    kept: Floats
    #: Whole weeks until the work was done, shape (n,).
    taken: Floats
    #: 1 where the range of a horizon held what was finished, 0 where it did not, shape (n, n_horizons).
    held: Floats

    @property
    def kept_of_done(self) -> Floats:
        """As `kept`, of the work that has been done, shape (n, n_percentiles).

        Flatters: what is still open is mostly late. `kept` counts a promise once its own week is over, whatever came.
        """
        return np.where(np.isnan(self.taken)[:, None], np.nan, self.taken[:, None] <= self.promised)

    def loss(self, percent: int) -> Floats:
        """Pinball loss of a percentile where the end is known, in weeks: shape (n,)."""
        return pinball(self.taken, self.promised[:, PERCENTILES.index(percent)], percent / 100)

    def where(self, chosen: Booleans) -> "ReplayRecord":
        """The questions for which `chosen`, shape (n,), is true."""
        return ReplayRecord(self.promised[chosen], self.kept[chosen], self.taken[chosen], self.held[chosen])

    @classmethod
    def joined(cls, records: Sequence["ReplayRecord"]) -> "ReplayRecord":
        """Records of one method put together, at least one."""
        columns = ("promised", "kept", "taken", "held")
        return cls(*(np.concatenate([getattr(record, column) for record in records]) for column in columns))

    @classmethod
    def of(cls, asked: Sequence[Question], answers: Sequence[ReplayAnswer]) -> "ReplayRecord":
        """Score answers, one a question."""
        both = list(zip(asked, answers, strict=True))
        return cls(
            promised=_rows([[answer.weeks[p] for p in PERCENTILES] for answer in answers], len(PERCENTILES)),
            kept=_rows([[q.is_kept(answer.weeks[p]) for p in PERCENTILES] for q, answer in both], len(PERCENTILES)),
            taken=np.array([question.weeks_taken for question in asked], dtype=np.float64),
            held=_rows([[_held(q, answer, h) for h in HORIZONS_WEEKS] for q, answer in both], len(HORIZONS_WEEKS)),
        )


def replay(asked: Sequence[Question], *, n_runs: int) -> dict[str, ReplayRecord]:
    """Put every question to every method; raises `NotEnoughData` where the engine has too little for one."""
    return {
        name: ReplayRecord.of(asked, [method(question, n_runs) for question in asked])
        for name, method in METHODS.items()
    }


def pinball(actual: Floats, quantile: Floats, level: float) -> Floats:
    """Loss that the true quantile of a level makes smallest, elementwise."""
    return np.asarray(np.maximum(level * (actual - quantile), (level - 1) * (actual - quantile)))


def _can_answer(question: Question) -> bool:
    try:
        usable_weeks(question.past.tolist())
    except NotEnoughData:
        return False
    return True


def _rows(values: Sequence[Sequence[float | None]], width: int) -> Floats:
    """None becomes NaN."""
    return np.array(values, dtype=np.float64).reshape(-1, width)


def _held(question: Question, answer: ReplayAnswer, horizon: int) -> bool | None:
    came, limits = question.came_within(horizon), answer.ranges.get(horizon)
    return None if came is None or limits is None else limits[0] <= came <= limits[1]


def _engine_weeks(forecast: Forecast, question: Question) -> dict[int, float]:
    return _whole_weeks(quantiles(forecast.weeks_to_finish(question.work)))


def _whole_weeks(weeks: Mapping[int, float]) -> dict[int, float]:
    return {percentile: min(float(np.ceil(value)), LONGEST_WEEKS) for percentile, value in weeks.items()}


def _range_of(amounts: Floats) -> tuple[float, float]:
    low, high = np.quantile(amounts, RANGE)
    return float(low), float(high)
