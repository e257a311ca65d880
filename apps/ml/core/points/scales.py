"""The team's own scale and distributions over it, as survival values P(points > g) at grid values g.

A survival row has one value per grid value but the last, where it is zero by definition. Rows that come from a linear
model are proper only after `proper`.
"""

from dataclasses import dataclass

import numpy as np

from apps.ml.core.arrays import Floats, Integers

#: What a team plans with before anything is known of it: the common Fibonacci cards.
DEFAULT_SCALE = (1.0, 2.0, 3.0, 5.0, 8.0, 13.0)
#: More thresholds than this cost time and say nothing new; values between two thresholds share by their frequency.
MAX_THRESHOLDS = 24
#: A value is a step of the scale if at least this share of the recent issues had it; rarer ones are slips or leftovers.
STEP_SHARE = 0.005
_ROUNDING = 1e-9
#: Of two equally narrow ranges the likelier one is better: points of width that a unit of probability is worth.
_LIKELIER = 1e-3


@dataclass(frozen=True, slots=True)
class Scale:
    """The values a team uses, and how the model's thresholds map onto them."""

    #: shape (n_values,), every distinct value seen, ascending.
    grid: Floats
    #: shape (n_steps,), the values in regular use, ascending: what is recommended and counted as 'one step'.
    steps: Floats
    #: shape (n_thresholds,), a subset of grid[:-1].
    thresholds: Floats
    #: shape (n_thresholds + 1, n_values - 1): a leading one, then survival at thresholds -> survival at grid[:-1].
    spread: Floats

    def survival(self, at_thresholds: Floats) -> Floats:
        """Survival values at grid[:-1] from those at the thresholds, shape (n, n_values - 1)."""
        survival: Floats = self.spread[0] + at_thresholds @ self.spread[1:]
        return survival


def scale_of(points: Floats, weights: Floats) -> Scale:
    """The scale of a team from its past points, shape (n,), weighted by recency, shape (n,)."""
    grid, index = np.unique(points, return_inverse=True)
    share = np.bincount(index, weights=weights, minlength=len(grid))
    share = share / share.sum()
    thresholds = _threshold_index(share)
    return Scale(grid, _steps(grid, share), grid[thresholds], _spread(share, thresholds))


def _steps(grid: Floats, share: Floats) -> Floats:
    common = share >= STEP_SHARE
    common[np.argmax(share)] = True
    return grid[common]


def _threshold_index(share: Floats) -> Integers:
    n_thresholds = len(share) - 1
    if n_thresholds <= MAX_THRESHOLDS:
        return np.arange(n_thresholds)
    cumulative = np.cumsum(share)[:-1]
    wanted = (np.arange(MAX_THRESHOLDS) + 0.5) / MAX_THRESHOLDS
    return np.unique(np.searchsorted(cumulative, wanted).clip(0, n_thresholds - 1))


def _spread(share: Floats, thresholds: Integers) -> Floats:
    """Linear map that hands the mass between two thresholds to the values there, by their frequency."""
    marginal = 1.0 - np.cumsum(share)
    marginal[-1] = 0.0
    knots = np.concatenate([[1.0], marginal[thresholds], [0.0]])
    spread = np.zeros((len(thresholds) + 2, len(share) - 1))
    for value in range(len(share) - 1):
        above = int(np.searchsorted(thresholds, value, side="left"))
        gap = knots[above] - knots[above + 1]
        part = (marginal[value] - knots[above + 1]) / gap if gap > 0 else 0.0
        spread[above, value] += part
        spread[above + 1, value] += 1.0 - part
    return spread[:-1]


def proper(survival: Floats) -> Floats:
    """Survival rows forced into [0, 1] and to fall along the grid, shape unchanged."""
    return np.minimum.accumulate(np.clip(survival, 0.0, 1.0), axis=-1)


def probabilities(survival: Floats) -> Floats:
    """Probability of each grid value from proper survival rows, shape (n, n_values)."""
    ones, zeros = np.ones((*survival.shape[:-1], 1)), np.zeros((*survival.shape[:-1], 1))
    return -np.diff(np.concatenate([ones, survival, zeros], axis=-1), axis=-1)


def expected(survival: Floats, grid: Floats) -> Floats:
    """Expected points of survival rows, shape (n,); linear in the rows, proper or not."""
    mean: Floats = grid[0] + survival @ np.diff(grid)
    return mean


def medians(survival: Floats, scale: Scale) -> Floats:
    """Median of each proper survival row, snapped to the team's steps, shape (n,)."""
    return snapped(scale.grid[(survival > 0.5).sum(axis=-1)], scale.steps)


def snapped(points: Floats, steps: Floats) -> Floats:
    """The nearest step of each value, the lower one on a tie; shape unchanged."""
    upper = np.searchsorted(steps, points).clip(1, max(len(steps) - 1, 1))
    if len(steps) == 1:
        return np.full_like(points, steps[0])
    lower_step, upper_step = steps[upper - 1], steps[upper]
    nearest: Floats = np.where(upper_step - points < points - lower_step, upper_step, lower_step)
    return nearest


def step_range(recommended: Floats, steps: Floats) -> tuple[Floats, Floats]:
    """The steps just below and above each recommended step (itself at the ends), shapes (n,)."""
    index = np.searchsorted(steps, recommended)
    return steps[(index - 1).clip(0)], steps[(index + 1).clip(None, len(steps) - 1)]


def mass_between(chances: Floats, grid: Floats, low: Floats, high: Floats) -> Floats:
    """Probability of low <= points <= high, shape (n,)."""
    inside = (grid >= low[:, None]) & (grid <= high[:, None])
    mass: Floats = np.where(inside, chances, 0.0).sum(axis=-1)
    return mass


def shortest_ranges(chances: Floats, grid: Floats, mass: float) -> tuple[Floats, Floats]:
    """The narrowest range of grid values that holds `mass`, per row of `chances`.

    Returns
    -------
    low, high : ndarray of shape (n,)
        Of several equally narrow ranges the likeliest one.
    """
    cumulative = np.concatenate([np.zeros((len(chances), 1)), np.cumsum(chances, axis=1)], axis=1)
    before = cumulative[:, :-1]
    # One search for all rows: each lies two above the one before, so their sums stay in order.
    apart = 2.0 * np.arange(len(chances))[:, None]
    wanted = apart + before + mass - _ROUNDING
    found = np.searchsorted((apart + cumulative[:, 1:]).ravel(), wanted.ravel()).reshape(wanted.shape)
    # For every start the first end that holds the mass, shape (n, n_values); len(grid) where none does.
    end = found - len(grid) * np.arange(len(chances))[:, None]
    reached = np.minimum(end, len(grid) - 1)
    held = np.take_along_axis(cumulative, reached + 1, axis=1) - before
    width = np.where(end < len(grid), grid[reached] - grid - _LIKELIER * held, np.inf)
    start = width.argmin(axis=1)
    return grid[start], grid[np.take_along_axis(reached, start[:, None], axis=1)[:, 0]]
