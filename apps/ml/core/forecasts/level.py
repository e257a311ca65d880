"""How far a team's level of output wanders, learned from what its own past forecasts missed by.

At each past week the recency-weighted mean of the weeks before is a forecast of the next four. The logarithms of
actual over expected tell two things that the weeks alone do not: an offset (a team that has been slowing down keeps
falling short) and a spread beyond what resampling the weeks would give. Both start from a prior and follow the team's
evidence as it grows.
"""

from dataclasses import dataclass

import numpy as np

from apps.ml.core.arrays import Floats, Integers

#: Weeks after which a week counts half. Compared on the open public projects only, see docs/explanation/forecasts.md.
HALF_LIFE_WEEKS = 8.0
#: Misses are taken over as many weeks as the anomaly engine looks ahead, and most sprints are no longer.
HORIZON_WEEKS = 4
#: The first weeks have too short a past to be forecasts of anything.
FIRST_ORIGIN_WEEKS = 12
#: Spread of the level before the team has spoken, and for how many separate past forecasts that prior counts.
PRIOR_SIGMA, PRIOR_SIGMA_FORECASTS = 0.4, 8.0
#: The prior of the offset is none, held harder: a bias must show itself over a year to be believed by half.
PRIOR_OFFSET_FORECASTS = 16.0
#: No team is steadier than a twentieth, and with more than a factor of 20 either way no forecast says anything.
MIN_SIGMA, MAX_SIGMA = 0.05, 1.5
#: The spread grows with the fourth root of the distance, up to as many weeks: with one spread for every distance, two
#: weeks held too often and eight too seldom.
GROWTH_POWER, GROWTH_UNTIL_WEEKS = 0.25, 16


@dataclass(frozen=True, slots=True)
class Level:
    """What is known of a team's level in the coming weeks, on the natural-log scale relative to its recent mean."""

    offset: float
    #: Standard deviation of the log level over `HORIZON_WEEKS`.
    sigma: float
    #: Past forecasts that were compared with what came; neighbours overlap.
    past_forecasts: int

    def spread(self, weeks: Integers) -> Floats:
        """Standard deviation of the log level so many weeks ahead."""
        distance = np.minimum(weeks, GROWTH_UNTIL_WEEKS) / HORIZON_WEEKS
        return np.asarray(self.sigma * distance**GROWTH_POWER, dtype=np.float64)


def recency_weights(n_weeks: int) -> Floats:
    """Weights of past weeks, oldest first, halving every `HALF_LIFE_WEEKS`; they sum to 1."""
    weights = 0.5 ** (np.arange(n_weeks)[::-1] / HALF_LIFE_WEEKS)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def learn_level(past: Floats) -> Level:
    """Compare the forecasts that past weeks would have made with what came.

    Parameters
    ----------
    past : ndarray of shape (n_weeks,)
        Output of each week, oldest first.

    Returns
    -------
    Level
        The prior itself where no past forecast has come due.
    """
    origins = np.arange(FIRST_ORIGIN_WEEKS, len(past) - HORIZON_WEEKS + 1)
    if not len(origins):
        return Level(offset=0.0, sigma=PRIOR_SIGMA, past_forecasts=0)
    mean, variance = _weekly_moments(past, origins)
    expected, actual = HORIZON_WEEKS * mean, _sums_after(past, origins)
    scale = _half_of_least(past)
    misses = np.log((actual + scale) / (expected + scale))
    # What resampling the weeks gives anyway; beyond a spread of 1 the logarithm no longer follows it.
    resampling = np.minimum(HORIZON_WEEKS * variance / np.maximum(expected, scale) ** 2, 1.0)
    # Neighbouring origins share weeks: so many separate forecasts are they worth.
    n_separate = len(origins) / HORIZON_WEEKS
    variance_beyond = _shrunk(misses**2 - resampling, n_separate, prior=PRIOR_SIGMA**2, weight=PRIOR_SIGMA_FORECASTS)
    return Level(
        offset=_shrunk(misses, n_separate, prior=0.0, weight=PRIOR_OFFSET_FORECASTS),
        sigma=float(np.sqrt(np.clip(variance_beyond, MIN_SIGMA**2, MAX_SIGMA**2))),
        past_forecasts=len(origins),
    )


def _weekly_moments(past: Floats, origins: Integers) -> tuple[Floats, Floats]:
    """Recency-weighted mean and variance of the weeks before each origin."""
    ages = origins[:, None] - 1 - np.arange(len(past))[None, :]
    weights = np.where(ages >= 0, 0.5 ** (np.maximum(ages, 0) / HALF_LIFE_WEEKS), 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    mean = weights @ past
    return mean, np.maximum(weights @ past**2 - mean**2, 0.0)


def _sums_after(past: Floats, origins: Integers) -> Floats:
    totals = np.concatenate([[0.0], np.cumsum(past)])
    return np.asarray(totals[origins + HORIZON_WEEKS] - totals[origins], dtype=np.float64)


def _half_of_least(past: Floats) -> float:
    """Half an item, or what comes nearest to it in points, so that weeks without output have a logarithm."""
    return float(past[past > 0].min()) / 2.0


def _shrunk(values: Floats, n_separate: float, *, prior: float, weight: float) -> float:
    return float((weight * prior + n_separate * values.mean()) / (weight + n_separate))
