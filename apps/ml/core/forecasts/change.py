"""Whether a team's weekly count has changed for good: since when, and by how much.

A running sum adds up how much likelier each week is at a changed level than at the level of the weeks before the
change; the start that makes the sum largest is when it changed. It finds in a quarter of a year what no four weeks
show, and is silent about what the last four weeks brought: that is for `core/anomalies/throughput_shift.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apps.ml.core.arrays import Booleans, Floats, Integers
from apps.ml.core.forecasts.level import HORIZON_WEEKS

#: Below three items a week counts are too coarse for a tail.
MIN_WEEKLY_MEAN = 3.0
#: The changes that are looked for, and how much likelier (natural log) the weeks must be with one than without. So each
#: is raised falsely at most once in four years by steady teams of 3 to 40 items a week, measured in
#: `benchmark forecasts`. Rises need more: closing in bulk looks like one.
SLOWER, FASTER = 0.6, 1.6
THRESHOLDS = {SLOWER: 4.0, FASTER: 4.5}
#: Weeks to compare with, at least and at most: half a year, one and a half.
MIN_WEEKS_BEFORE, MAX_WEEKS_BEFORE = 26, 78
#: What began within the weeks of the other alarm is its matter; after half a year a change is the usual.
MIN_WEEKS_SINCE, MAX_WEEKS_SINCE = HORIZON_WEEKS + 1, 26
#: A week counts at most so many times the mean before: closing in bulk is no speed.
MAX_WEEK_RATIO = 3.0
#: Weeks scatter more than by chance alone. Before they have shown it, as much as of teams whose weekly rates have a
#: gamma distribution of shape 6, for so many weeks.
PRIOR_SHAPE, PRIOR_WEEKS = 6.0, 8.0


@dataclass(frozen=True, slots=True)
class LastingChange:
    """A level that has changed and stayed."""

    #: Weeks since the change, and those before it that they are held against.
    weeks: int
    weeks_before: int
    #: Mean of a week before it and since.
    before: float
    after: float
    #: How much likelier the weeks since are with the change than without, natural log.
    evidence: float
    is_drop: bool

    @property
    def ratio(self) -> float:
        """The level since as a multiple of the level before."""
        return self.after / self.before


def lasting_change(weekly: Sequence[float]) -> LastingChange | None:
    """The likeliest lasting change of the last half year.

    Parameters
    ----------
    weekly : sequence of float
        Items in each past week, oldest first.

    Returns
    -------
    LastingChange or None
        None where no change is likely enough or the likeliest is younger than `MIN_WEEKS_SINCE`, and on thin data:
        fewer than `MIN_WEEKS_BEFORE` weeks before, or fewer than `MIN_WEEKLY_MEAN` items a week in them.

    References
    ----------
    E. S. Page, Continuous Inspection Schemes, Biometrika 41 (1954), for the running sum.
    """
    past = np.trim_zeros(np.asarray(weekly, dtype=np.float64), trim="f")[-MAX_WEEKS_BEFORE - MAX_WEEKS_SINCE :]
    starts = np.arange(max(MIN_WEEKS_BEFORE, len(past) - MAX_WEEKS_SINCE), len(past))
    if not starts.size:
        return None
    n_before, n_since = np.minimum(starts, MAX_WEEKS_BEFORE), len(past) - starts
    before = _window_sums(past, starts - n_before, starts) / n_before
    since = (past.sum() - _window_sums(past, 0 * starts, starts)) / n_since
    is_drop = since < before
    evidence = _evidence(past, starts, n_before, before, is_drop)
    enough = (before >= MIN_WEEKLY_MEAN) & (evidence > np.where(is_drop, THRESHOLDS[SLOWER], THRESHOLDS[FASTER]))
    if not enough.any():
        return None
    best = int(np.argmax(np.where(enough, evidence, -np.inf)))
    if n_since[best] < MIN_WEEKS_SINCE:
        return None
    weeks, weeks_before = int(n_since[best]), int(n_before[best])
    levels = float(before[best]), float(since[best])
    return LastingChange(weeks, weeks_before, *levels, float(evidence[best]), bool(is_drop[best]))


def _evidence(past: Floats, starts: Integers, n_before: Integers, mean: Floats, is_drop: Booleans) -> Floats:
    """For each start how much likelier (natural log) the weeks since are with the change than without."""
    ratio = np.where(is_drop, SLOWER, FASTER)
    is_since = np.arange(len(past)) >= starts[:, None]
    came = (np.minimum(past, MAX_WEEK_RATIO * mean[:, None]) * is_since).sum(axis=1)
    gain = came * np.log(ratio) - mean * (ratio - 1.0) * (len(past) - starts)
    return np.asarray(gain / _dispersion(past, starts, n_before, np.maximum(mean, MIN_WEEKLY_MEAN)))


def _dispersion(past: Floats, starts: Integers, n_before: Integers, mean: Floats) -> Floats:
    """Variance beside the mean before each start, at least 1; of neighbours, so that a slow drift is no scatter."""
    seen = _window_sums(np.diff(past) ** 2, starts - n_before, starts - 1) / (n_before - 1) / 2.0
    prior = mean * (1.0 + mean / PRIOR_SHAPE)
    return np.maximum((n_before * seen + PRIOR_WEEKS * prior) / ((n_before + PRIOR_WEEKS) * mean), 1.0)


def _window_sums(values: Floats, first: Integers, end: Integers) -> Floats:
    """Sums of values[first:end] for each pair."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(sums[end] - sums[first])
