"""How replayed forecasts turned out: promises kept beside what was promised, losses beside naive forecasts, in words.

Forecasts of neighbouring weeks wait for the same work, so they are right or wrong together. Whatever is said about
chance counts each stretch of eight weeks of a team as one observation, not each week.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from apps.ml.core.arrays import Booleans, Floats, Integers
from apps.ml.core.evaluation.reliability import Share, against_promise, share_interval
from apps.ml.core.evaluation.scorecard import Skill, skill
from apps.ml.core.evaluation.words import in_words
from apps.ml.core.forecasts.replay import (
    HORIZONS_WEEKS,
    NAIVE,
    RANGE,
    SERVED,
    TEXTBOOK,
    ReplayRecord,
    answered_questions,
    recent_pace,
)
from apps.ml.core.forecasts.replay import replay as replay_questions
from apps.ml.core.forecasts.simulation import PERCENTILES

#: So many weekly forecasts are worth a separate one. On public projects whether the 85th percentile was kept agrees
#: with the week before (correlation 0.76), still with four weeks before (0.45), hardly with 13 (0.06). Intervals of so
#: many stretches are as wide as errors clustered by half-year (standard errors 1.4 points both; by project 1.7);
#: stretches of four weeks give 1.0, single weeks 0.5.
BLOCK_WEEKS = 8
#: The promise that is judged in words, and the even chance that stands for a single number.
JUDGED_PERCENT, EVEN_PERCENT = 85, 50


@dataclass(frozen=True, slots=True)
class TeamReplay:
    """One team asked in each past week in which the engine answers; arrays of shape (n,), oldest week first."""

    name: str
    #: Weeks before each question, and the mean output of the last twelve.
    weeks_before: Integers
    pace: Floats
    records: Mapping[str, ReplayRecord]

    def __len__(self) -> int:
        return len(self.weeks_before)

    @property
    def due(self) -> int:
        """Judged promises whose week has come."""
        return int(np.sum(~np.isnan(_kept(self.records[SERVED], JUDGED_PERCENT))))

    def where(self, chosen: Booleans) -> "TeamReplay":
        """The questions for which `chosen`, shape (n,), is true."""
        records = {name: record.where(chosen) for name, record in self.records.items()}
        return TeamReplay(self.name, self.weeks_before[chosen], self.pace[chosen], records)


@dataclass(frozen=True, slots=True)
class MethodScore:
    """What became of one method's answers; None where nothing has come due."""

    #: One for each of `PERCENTILES`; the interval counts stretches of `BLOCK_WEEKS`, `n` promises.
    kept: tuple[Share | None, ...]
    #: The same of work that has been done, as the public reference counts; it leaves out what is late and still open.
    kept_of_done: tuple[Share | None, ...]
    #: 70 % ranges, one for each of `HORIZONS_WEEKS`; all None for a method without ranges.
    held: tuple[Share | None, ...]
    #: Forecasts whose work was done, and their pinball loss at the judged percentile, in weeks.
    finished: int
    loss: float | None
    #: Mean absolute error of the even chance, in weeks.
    error: float | None


@dataclass(frozen=True, slots=True)
class ReplayScore:
    """Teams put together."""

    asked: int
    methods: Mapping[str, MethodScore]
    #: Of the served forecast: loss at the judged percentile, and error of the even chance, against other methods.
    loss_against: Mapping[str, Skill | None]
    error_against: Mapping[str, Skill | None]

    @property
    def judged(self) -> Share | None:
        """The served promise that the verdict is about."""
        return self.methods[SERVED].kept[PERCENTILES.index(JUDGED_PERCENT)]


def replay_team(name: str, weekly: Sequence[float] | Floats, *, n_runs: int) -> TeamReplay:
    """Ask every method in each past week of a team in which the engine answers; perhaps in none.

    Parameters
    ----------
    name : str
        The team's.
    weekly : sequence of float
        Output of each past week, oldest first.
    n_runs : int
        Runs of a forecast.
    """
    asked = answered_questions(weekly)
    return TeamReplay(
        name=name,
        weeks_before=np.array([len(each.past) for each in asked], dtype=np.int64),
        pace=np.array([recent_pace(each.past) for each in asked], dtype=np.float64),
        records=replay_questions(asked, n_runs=n_runs),
    )


def score_replays(teams: Sequence[TeamReplay], *, rng: "np.random.Generator") -> ReplayScore:
    """Score the replays of some teams together, at least one; `rng` is of the bootstrap over stretches."""
    blocks = _blocks(teams)
    together = {name: ReplayRecord.joined([team.records[name] for team in teams]) for name in teams[0].records}
    rivals = (NAIVE, TEXTBOOK)
    return ReplayScore(
        asked=len(blocks),
        methods={name: _method_score(record, blocks) for name, record in together.items()},
        loss_against={name: _skill(together, name, JUDGED_PERCENT, blocks, rng) for name in rivals},
        error_against={name: _skill(together, name, EVEN_PERCENT, blocks, rng) for name in rivals},
    )


def verdict(found: ReplayScore) -> str:
    """Whether the promise holds and whether the forecast is worth more than a division, in plain words."""
    judged = found.judged
    if judged is None:
        return "No forecast has come due yet."
    held = (
        f"P{JUDGED_PERCENT} was met in {_percent(judged.observed)} of {judged.n:,} forecasts "
        f"(95 % interval {100 * judged.low:.0f} to {_percent(judged.high)}): {against_promise(judged)}."
    )
    losses = [_compared(skill, name) for name, skill in found.loss_against.items() if skill]
    errors = [_compared(skill, name) for name, skill in found.error_against.items() if skill and name == NAIVE]
    own = found.methods[SERVED]
    worth = [f"Its loss was {own.loss:.2f} weeks, {', '.join(losses)}."] if losses else []
    worth += [f"As a single number P{EVEN_PERCENT} was off by {own.error:.2f} weeks, {errors[0]}."] if errors else []
    return " ".join([held, *worth])


def _compared(found: Skill, rival: str) -> str:
    return f"with {_IN_WORDS[rival]} {found.reference_error:.2f}: {in_words(found)}"


_IN_WORDS = {NAIVE: "average velocity", TEXTBOOK: "textbook Monte-Carlo"}


def _blocks(teams: Sequence[TeamReplay]) -> Integers:
    """The stretch of each question, numbered so that no two teams share one; shape (n,)."""
    most = max((int(team.weeks_before.max()) // BLOCK_WEEKS for team in teams if len(team)), default=0) + 1
    return np.concatenate([number * most + team.weeks_before // BLOCK_WEEKS for number, team in enumerate(teams)])


def _method_score(record: ReplayRecord, blocks: Integers) -> MethodScore:
    is_done = ~np.isnan(record.taken)
    return MethodScore(
        kept=_shares(_LEVELS, record.kept, blocks),
        kept_of_done=_shares(_LEVELS, record.kept_of_done, blocks),
        held=_shares([RANGE[1] - RANGE[0]] * len(HORIZONS_WEEKS), record.held, blocks),
        finished=int(is_done.sum()),
        loss=float(record.loss(JUDGED_PERCENT)[is_done].mean()) if is_done.any() else None,
        error=float(_errors(record, EVEN_PERCENT)[is_done].mean()) if is_done.any() else None,
    )


def _kept(record: ReplayRecord, percent: int) -> Floats:
    return record.kept[:, PERCENTILES.index(percent)]


def _errors(record: ReplayRecord, percent: int) -> Floats:
    """What a method is compared by: absolute errors of the even chance, else the pinball loss."""
    # The pinball loss of the median is half the absolute error.
    return 2 * record.loss(percent) if percent == EVEN_PERCENT else record.loss(percent)


_LEVELS = [percent / 100 for percent in PERCENTILES]


def _shares(promised: Sequence[float], hits: Floats, blocks: Integers) -> tuple[Share | None, ...]:
    """The share of each column."""
    return tuple(_share(level, column, blocks) for level, column in zip(promised, hits.T, strict=True))


def _share(promised: float, hits: Floats, blocks: Integers) -> Share | None:
    is_due = ~np.isnan(hits)
    if not is_due.any():
        return None
    observed = float(hits[is_due].mean())
    return Share(promised, observed, int(is_due.sum()), *share_interval(observed, len(np.unique(blocks[is_due]))))


def _skill(
    records: Mapping[str, ReplayRecord], rival: str, percent: int, blocks: Integers, rng: "np.random.Generator"
) -> Skill | None:
    """The skill of the served forecast against a rival, in weeks; whole stretches are resampled."""
    own, other = _errors(records[SERVED], percent), _errors(records[rival], percent)
    is_done = ~(np.isnan(own) | np.isnan(other))
    _, stretch = np.unique(blocks[is_done], return_inverse=True)
    sums = [np.bincount(stretch, weights=errors[is_done]).astype(np.float64) for errors in (own, other)]
    found = skill(*sums, rng=rng)
    if found is None:
        return None
    return replace(
        found,
        n=int(is_done.sum()),
        mean_absolute_error=float(own[is_done].mean()),
        reference_error=float(other[is_done].mean()),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
