"""Whether a team's weekly count has changed for good: since when, and by how much.

A running sum adds up how much likelier each week is at a changed level than at the level of the weeks before the
change; the start that makes the sum largest is when it changed. It finds in a quarter of a year what no four weeks
show, and is silent about what the last four weeks brought: that is for `core/anomalies/throughput_shift.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from apps.ml.core.arrays import Floats
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
    first = max(MIN_WEEKS_BEFORE, len(past) - MAX_WEEKS_SINCE)
    found = [change for start in range(first, len(past)) if (change := _change_at(past, start)) is not None]
    likeliest = max(found, key=lambda change: change.evidence, default=None)
    return likeliest if likeliest and likeliest.weeks >= MIN_WEEKS_SINCE else None


def _change_at(past: Floats, start: int) -> LastingChange | None:
    before, since = past[max(start - MAX_WEEKS_BEFORE, 0) : start], past[start:]
    mean = float(before.mean())
    if mean < MIN_WEEKLY_MEAN:
        return None
    is_drop = bool(since.mean() < mean)
    ratio = SLOWER if is_drop else FASTER
    came = float(np.minimum(since, MAX_WEEK_RATIO * mean).sum())
    evidence = (came * log(ratio) - mean * (ratio - 1.0) * len(since)) / _dispersion(before, mean)
    if evidence <= THRESHOLDS[ratio]:
        return None
    return LastingChange(len(since), len(before), mean, float(since.mean()), evidence, is_drop)


def _dispersion(weeks: Floats, mean: float) -> float:
    """Variance beside the mean, at least 1; from neighbouring weeks, so that a slow drift does not count as scatter."""
    seen = float(np.mean(np.diff(weeks) ** 2)) / 2.0
    prior = mean * (1.0 + mean / PRIOR_SHAPE)
    return max((len(weeks) * seen + PRIOR_WEEKS * prior) / ((len(weeks) + PRIOR_WEEKS) * mean), 1.0)
