"""T1 to T3: what a forecast would have said in each past week, beside what came."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.ml.benchmarks.forecasts_data import Counts, WeeklyProject
from apps.ml.core.forecasting import PERCENTILES, Forecast, quantiles

Floats = NDArray[np.float64]

#: The reference's protocol: a forecast every three weeks after half a year, of teams that finish 1.5 items a week.
FIRST_ORIGIN_WEEKS, STEP_WEEKS, MIN_WEEKLY_MEAN = 26, 3, 1.5
#: The recent weeks that say how much 'four weeks of work' is, and that the textbook resamples.
RECENT_WEEKS, WORK_WEEKS = 12, 4
#: A year is the horizon. Longer answers count as a year and later ends as the week after it: the few projects that lay
#: dormant for years would else decide the mean loss of every method alike.
LONGEST_WEEKS = 52
HORIZONS_WEEKS = (2, 4, 8)
RANGE = (0.15, 0.85)


@dataclass(frozen=True, slots=True)
class Question:
    """Asked at one moment of a project: how long for so much work, and how much in some weeks."""

    past: Counts
    future: Counts
    work: int

    @property
    def weeks_taken(self) -> int | None:
        """Whole weeks until the work was done, at most a year and a week; None if the file ends before."""
        done = np.flatnonzero(np.cumsum(self.future) >= self.work)
        return min(int(done[0]) + 1, LONGEST_WEEKS + 1) if len(done) else None


@dataclass(frozen=True, slots=True)
class Answer:
    """Weeks by percentile and, where the method has ranges, runs of the items in each horizon."""

    weeks: Mapping[int, float]
    items: Mapping[int, Floats]


Method = Callable[[Question, int], Answer]


@dataclass(slots=True)
class Tally:
    """What became of one method's answers."""

    met: dict[int, list[bool]] = field(default_factory=lambda: {p: [] for p in PERCENTILES})
    losses: list[float] = field(default_factory=list)
    held: dict[int, list[bool]] = field(default_factory=lambda: {h: [] for h in HORIZONS_WEEKS})

    def add(self, question: Question, answer: Answer) -> None:
        """Score one answer where its outcome is known."""
        taken = question.weeks_taken
        if taken is not None:
            for percentile, weeks in answer.weeks.items():
                self.met[percentile].append(taken <= weeks)
            self.losses.append(pinball(taken, answer.weeks[85], 0.85))
        for horizon, runs in answer.items.items():
            if len(question.future) >= horizon:
                low, high = np.quantile(runs, RANGE)
                self.held[horizon].append(bool(low <= question.future[:horizon].sum() <= high))

    def figures(self) -> dict[str, Any]:
        """Shares in percent."""
        return {
            "forecasts": len(self.losses),
            "met_percent": {str(p): _percent(hits) for p, hits in self.met.items()},
            "pinball_p85": round(float(np.mean(self.losses)), 3) if self.losses else None,
            "held_percent": {str(h): _percent(hits) for h, hits in self.held.items() if hits},
        }


def questions(project: WeeklyProject) -> Iterator[Question]:
    """All moments at which a project is asked."""
    series = project.resolved
    for origin in range(FIRST_ORIGIN_WEEKS, len(series), STEP_WEEKS):
        recent = float(series[origin - RECENT_WEEKS : origin].mean())
        if recent >= MIN_WEEKLY_MEAN:
            yield Question(past=series[:origin], future=series[origin:], work=round(WORK_WEEKS * recent))


def served(question: Question, n_runs: int) -> Answer:
    """The engine that serves."""
    forecast = Forecast([float(count) for count in question.past], n_runs=n_runs)
    return Answer(
        weeks=_whole_weeks(quantiles(forecast.weeks_to_finish(question.work))),
        items={horizon: forecast.amount_within(horizon) for horizon in HORIZONS_WEEKS},
    )


def textbook(question: Question, n_runs: int) -> Answer:
    """Monte-Carlo as it is usually done: the last twelve weeks, all alike, and no other uncertainty."""
    recent = question.past[-RECENT_WEEKS:]
    drawn = np.random.default_rng(len(question.past)).choice(recent, size=(n_runs, LONGEST_WEEKS))
    totals = np.cumsum(drawn, axis=1)
    weeks = 1.0 + np.sum(totals < question.work, axis=1)
    return Answer(
        weeks=_whole_weeks(quantiles(weeks)),
        items={horizon: totals[:, horizon - 1].astype(np.float64) for horizon in HORIZONS_WEEKS},
    )


def average_velocity(question: Question, n_runs: int) -> Answer:
    """The work divided by the mean of the last three weeks, the same answer whatever the percentile."""
    velocity = float(question.past[-STEP_WEEKS:].mean())
    weeks = question.work / velocity if velocity > 0 else LONGEST_WEEKS
    return Answer(weeks=_whole_weeks(dict.fromkeys(PERCENTILES, weeks)), items={})


METHODS: dict[str, Method] = {
    "served": served,
    "Monte-Carlo, last 12 weeks": textbook,
    "average of the last 3 weeks": average_velocity,
}


def replay(projects: Sequence[WeeklyProject], *, n_runs: int, step: int = 1) -> dict[str, Any]:
    """Ask every method at every moment (every `step`-th of them) and score the answers."""
    tallies = {name: Tally() for name in METHODS}
    for project in projects:
        for question in list(questions(project))[::step]:
            for name, method in METHODS.items():
                tallies[name].add(question, method(question, n_runs))
    return {name: tally.figures() for name, tally in tallies.items()}


def pinball(actual: float, quantile: float, level: float) -> float:
    """Loss that the true quantile of a level makes smallest."""
    return max(level * (actual - quantile), (level - 1) * (actual - quantile))


def _whole_weeks(weeks: Mapping[int, float]) -> dict[int, float]:
    return {percentile: min(float(np.ceil(value)), LONGEST_WEEKS) for percentile, value in weeks.items()}


def _percent(hits: Sequence[bool]) -> float | None:
    return round(100.0 * float(np.mean(hits)), 1) if hits else None
