"""Whether the last four weeks lie outside what the team's usual weeks before them would have held.

The forecast follows a change of speed within weeks, which makes its band wide; the alarm for what is sudden has a band
of its own around the team's usual level. What changes less and stays is found by `core/forecasts/change.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apps.common.exceptions import NotEnoughData
from apps.ml.core.arrays import Floats
from apps.ml.core.forecasts.change import MIN_WEEKLY_MEAN
from apps.ml.core.forecasts.level import HALF_LIFE_WEEKS, learn_level, recency_weights
from apps.ml.core.forecasts.simulation import N_RUNS, SEED, usable_weeks

#: The weeks that are judged, and hence how far ahead the band looks.
JUDGED_WEEKS = 4
#: A tail of 1.4 % on either side is unusual: on shuffled public weeks, where nothing is, it fires in about 1 % a side.
TAIL = 0.014


@dataclass(frozen=True, slots=True)
class ThroughputShift:
    """The last four weeks beside what was expected of them before."""

    #: What the series counts, for example 'issues finished'.
    series: str
    actual: float
    #: The whole numbers that the band of the tails holds.
    expected_low: int
    expected_high: int
    expected_median: float
    #: Probability of a value at least as far out on this side; never 0.
    tail_probability: float
    is_drop: bool
    weeks_before: int

    @property
    def is_outside(self) -> bool:
        """Whether it lies beyond the band."""
        return self.tail_probability < TAIL

    @property
    def odds(self) -> str:
        """The tail in words: '1 in 200'."""
        return f"1 in {_rounded(1.0 / self.tail_probability)}"


def throughput_shift(
    weekly: Sequence[float], *, series: str, n_runs: int = N_RUNS, seed: int = SEED
) -> ThroughputShift | None:
    """Judge the last four weeks by the weeks before.

    Parameters
    ----------
    weekly : sequence of float
        Items in each past week, oldest first; the last `JUDGED_WEEKS` are judged.
    series : str
        What is counted.

    Returns
    -------
    ThroughputShift or None
        None with fewer than 12 weeks before or `MIN_WEEKLY_MEAN` items a week in them: nothing is said on thin data.
    """
    before, judged = weekly[:-JUDGED_WEEKS], weekly[-JUDGED_WEEKS:]
    try:
        past = usable_weeks(before)
    except NotEnoughData:
        return None
    if past.mean() < MIN_WEEKLY_MEAN:
        return None
    runs = usual_amounts(past, n_runs=n_runs, rng=np.random.default_rng([seed, 5]))
    actual = float(sum(judged))
    low, median, high = np.quantile(runs, [TAIL, 0.5, 1 - TAIL])
    at_most, at_least = tails(runs, actual)
    return ThroughputShift(
        series=series,
        actual=actual,
        expected_low=int(np.ceil(low)),
        expected_high=int(np.floor(high)),
        expected_median=round(float(median), 1),
        tail_probability=min(at_most, at_least),
        is_drop=at_most < at_least,
        weeks_before=len(past),
    )


def usual_amounts(past: Floats, *, n_runs: int, rng: "np.random.Generator") -> Floats:
    """What the judged weeks hold at the usual level, in each run: shape (n_runs,).

    Past weeks resampled, recent ones more often, times a log-normal level that wanders as the team's has.
    """
    level = learn_level(past, half_life=HALF_LIFE_WEEKS)
    weeks = rng.choice(past, size=(n_runs, JUDGED_WEEKS), p=recency_weights(len(past)))
    wandered = np.outer(rng.standard_normal(n_runs), level.spread(np.arange(1, JUDGED_WEEKS + 1)))
    return np.asarray((weeks * np.exp(level.offset + wandered)).sum(axis=1), dtype=np.float64)


def tails(runs: Floats, actual: float) -> tuple[float, float]:
    """Probabilities of at most and at least so many items; runs are continuous, so a count is half an item wide.

    One is added to both parts of the share: what no run did may happen all the same.
    """
    n = len(runs) + 1
    at_most = (1 + int(np.count_nonzero(runs < actual + 0.5))) / n
    at_least = (1 + int(np.count_nonzero(runs > actual - 0.5))) / n
    return min(at_most, 1.0), min(at_least, 1.0)


def unusual(shifts: Sequence[ThroughputShift], *, tail: float = TAIL) -> list[ThroughputShift]:
    """Those that stay when false discoveries are capped over all series of a project.

    References
    ----------
    Y. Benjamini and Y. Hochberg, Controlling the False Discovery Rate, J. R. Stat. Soc. B 57 (1995).
    """
    ordered = sorted(shifts, key=lambda shift: shift.tail_probability)
    kept = [rank for rank, shift in enumerate(ordered, start=1) if shift.tail_probability < tail * rank / len(ordered)]
    return ordered[: max(kept, default=0)]


def _rounded(odds: float) -> int:
    """Two leading digits: more would pretend."""
    digits = max(int(np.floor(np.log10(odds))) - 1, 0)
    return int(round(odds / 10**digits) * 10**digits)
