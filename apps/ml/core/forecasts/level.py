"""Where a team's level of output is and how far it wanders, learned from what its own past forecasts missed by.

At each past week the level, a mean in which the last weeks weigh most, is a forecast of the next four. The logarithms
of actual over expected tell two things that the weeks alone do not: an offset (a team that has been slowing down keeps
falling short) and a spread beyond what resampling the weeks would give. Both start from a prior and follow the team's
evidence as it grows. Weeks count as far as they were worked, so that a holiday is no change of speed.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from apps.ml.core.arrays import Floats, Integers

#: Weeks after which a week counts half when weeks are drawn. Every number here was chosen on open public projects only,
#: see docs/explanation/forecasts.md.
HALF_LIFE_WEEKS = 8.0
#: The same for the level, which has to follow a change of speed within weeks; the scatter needs the longer memory.
LEVEL_HALF_LIFE_WEEKS = 2.5
#: A pause is no new speed: the level stays above this share of a longer one.
FLOOR_SHARE, FLOOR_HALF_LIFE_WEEKS = 0.33, 16.0
#: Misses are taken over as many weeks as the anomaly engine looks ahead, and most sprints are no longer.
HORIZON_WEEKS = 4
#: The first weeks have too short a past to be forecasts of anything.
FIRST_ORIGIN_WEEKS = 12
#: Spread of the level before the team has spoken, and for how many separate past forecasts that prior counts.
PRIOR_SIGMA, PRIOR_SIGMA_FORECASTS = 0.34, 8.0
#: The prior of the offset is none, held harder: a bias must show itself over a year to be believed by half.
PRIOR_OFFSET_FORECASTS = 16.0
#: No team is steadier than a twentieth, and with more than a factor of 20 either way no forecast says anything.
MIN_SIGMA, MAX_SIGMA = 0.05, 1.5
#: Levels wander like a random walk, up to as many weeks: the spread grows with the square root of the distance.
GROWTH_POWER, GROWTH_UNTIL_WEEKS = 0.5, 16
#: Level draws follow Student's t: teams stop more often than a normal law allows. The outermost draw in 2,000 is cut
#: off: far out an exponential leaves single precision.
LEVEL_DF, MAX_LEVEL_DRAW = 5.0, 8.0
#: A week of which less was worked says nothing of a full one.
MIN_PRESENCE = 0.2


@dataclass(frozen=True, slots=True)
class Level:
    """What is known of a team's level in the coming weeks, on the natural-log scale relative to its recency mean."""

    #: Output of a usual week at the present level.
    weekly: float
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


def learn_level(past: Floats, presence: Floats | None = None, *, half_life: float = LEVEL_HALF_LIFE_WEEKS) -> Level:
    """Compare the forecasts that past weeks would have made with what came.

    Parameters
    ----------
    past : ndarray of shape (n_weeks,)
        Output of each week, oldest first, not all of them 0.
    presence : ndarray of shape (n_weeks,), optional
        What part of a full week of the team each week was; all of it without.
    half_life : float
        Weeks after which a week counts half for the level.

    Returns
    -------
    Level
        With the prior spread and no learned offset where no past forecast has come due.
    """
    worked = np.ones(len(past)) if presence is None else np.maximum(presence, MIN_PRESENCE)
    weights = recency_weights(len(past))
    rates = partial(_rates, past, worked, half_life=half_life)
    weekly = float(rates(np.array([len(past)]))[0] * (weights @ worked))
    moved = float(np.log(weekly / (weights @ past)))
    origins = np.arange(FIRST_ORIGIN_WEEKS, len(past) - HORIZON_WEEKS + 1)
    if not len(origins):
        return Level(weekly, offset=moved, sigma=PRIOR_SIGMA, past_forecasts=0)
    misses = _misses(past, origins, rates(origins) * _sums_after(worked, origins))
    mean, variance = _weekly_moments(past, origins)
    # What resampling the weeks gives anyway; beyond a spread of 1 the logarithm no longer follows it.
    relative = np.divide(variance, mean**2, out=np.zeros(len(origins)), where=mean > 0)
    resampling = np.minimum(relative / HORIZON_WEEKS, 1.0)
    # Neighbouring origins share weeks: so many separate forecasts are they worth.
    n_separate = len(origins) / HORIZON_WEEKS
    variance_beyond = _shrunk(misses**2 - resampling, n_separate, prior=PRIOR_SIGMA**2, weight=PRIOR_SIGMA_FORECASTS)
    return Level(
        weekly,
        offset=moved + _shrunk(misses, n_separate, prior=0.0, weight=PRIOR_OFFSET_FORECASTS),
        sigma=float(np.sqrt(np.clip(variance_beyond, MIN_SIGMA**2, MAX_SIGMA**2))),
        past_forecasts=len(origins),
    )


def past_misses(past: Floats, presence: Floats | None = None) -> Floats:
    """Logarithms of actual over expected of the forecasts that past weeks would have made, oldest first.

    Shape (n_origins,); the last forecast is the one that has just come due.
    """
    worked = np.ones(len(past)) if presence is None else np.maximum(presence, MIN_PRESENCE)
    origins = np.arange(FIRST_ORIGIN_WEEKS, len(past) - HORIZON_WEEKS + 1)
    rates = _rates(past, worked, origins, half_life=LEVEL_HALF_LIFE_WEEKS)
    return _misses(past, origins, rates * _sums_after(worked, origins))


def _misses(past: Floats, origins: Integers, expected: Floats) -> Floats:
    scale = _half_of_least(past)
    return np.asarray(np.log((_sums_after(past, origins) + scale) / (expected + scale)), dtype=np.float64)


def _rates(past: Floats, worked: Floats, origins: Integers, *, half_life: float) -> Floats:
    """Output of a full week at the level before each origin: shape (n_origins,)."""
    short = _weights_before(origins, len(past), half_life)
    long = _weights_before(origins, len(past), FLOOR_HALF_LIFE_WEEKS)
    floor = FLOOR_SHARE * (long @ past) / (long @ worked)
    return np.asarray(np.maximum((short @ past) / (short @ worked), floor), dtype=np.float64)


def _weights_before(origins: Integers, n_weeks: int, half_life: float) -> Floats:
    """Weights of the weeks before each origin, which sum to 1: shape (n_origins, n_weeks)."""
    ages = origins[:, None] - 1 - np.arange(n_weeks)[None, :]
    weights = np.where(ages >= 0, 0.5 ** (np.maximum(ages, 0) / half_life), 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float64)


def _weekly_moments(past: Floats, origins: Integers) -> tuple[Floats, Floats]:
    """Recency-weighted mean and variance of the weeks before each origin."""
    weights = _weights_before(origins, len(past), HALF_LIFE_WEEKS)
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
