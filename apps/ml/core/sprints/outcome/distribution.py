"""One predictive distribution of delivered / scope: chances, range, mean and median of a sprint are read from it.

What a sprint delivers lies between what is done and some multiple of the scope, and often is exactly one of two
things: what is done now, or all. So what is asked is whether it reaches each of some ordered levels; between them the
chance falls in straight lines, at "done" and at "all" it may jump. A chance of all above that of nine tenths, or a
range that begins below what is done, cannot be written down.
"""

from dataclasses import dataclass, replace

import numpy as np

from apps.ml.core.arrays import Booleans, Floats

#: Up to 1 shares of what is missing (0 is what is done, 1 is all), beyond it multiples of the scope. The one right
#: above 1 tells exactly all from more.
LEVELS: Floats = np.array([0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.005, 1.1, 1.25, 1.5, 2.0])
#: A share beyond this was no plan.
LARGEST_SHARE = 2.5
#: While work remains nothing is sure: no team's past holds the day on which everything stops.
MAX_CHANCE = 0.99
#: Sums of decimals: 0.9 x 10 is to be reached by 9.
_TOLERANCE = 1e-9
#: Where the distribution is written down, as `LEVELS` are: each fiftieth of what is missing. 0 and 1 stand twice, for
#: "at least" and "more than".
_NODES: Floats = np.concatenate([[0.0], np.linspace(0.0, 1.0, 51), [1.0], LEVELS[LEVELS > 1.01], [LARGEST_SHARE]])
_MORE_THAN_DONE, _ALL, _MORE_THAN_ALL = 1, 51, 52
#: The lower tails that are tried for the narrowest range.
_N_TAILS = 21


def thresholds(done_share: Floats) -> Floats:
    """The share of the scope that each level means: shape (n, n_levels) for n shares done."""
    return _shares(LEVELS, done_share[:, None])


def levels_reached(share: Floats, done_share: Floats) -> Booleans:
    """Which levels some sprints reached that delivered `share`: shape (n, n_levels)."""
    return np.asarray(share[:, None] >= thresholds(done_share) - _TOLERANCE)


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeDistribution:
    """Chances to deliver at least so much of the scope; arrays of shape (n_nodes,).

    Attributes
    ----------
    shares : ndarray
        Of the scope, rising from what is done; a value that stands twice is "at least" and then "more than".
    reached : ndarray
        The chance of each, falling from 1.
    """

    shares: Floats
    reached: Floats

    @classmethod
    def of_levels(cls, chances: Floats, done_share: float) -> "OutcomeDistribution":
        """From the chance to reach each of `LEVELS`, shape (n_levels,), falling."""
        exact = int(np.argmax(LEVELS == 1.0)) + 1
        below = np.interp(_NODES[_MORE_THAN_DONE:_MORE_THAN_ALL], LEVELS[:exact], chances[:exact])
        return cls._of(np.concatenate([[1.0], below, chances[exact:], [0.0]]), done_share)

    @classmethod
    def of_runs(cls, shares: Floats, done_share: float) -> "OutcomeDistribution":
        """From what simulated runs deliver of the scope, shape (n_runs,)."""
        nodes = _shares(_NODES, np.array(done_share))
        ordered = np.sort(np.maximum(shares, done_share))
        at_least = 1.0 - np.searchsorted(ordered, nodes - _TOLERANCE) / len(ordered)
        more_than = 1.0 - np.searchsorted(ordered, nodes + _TOLERANCE) / len(ordered)
        at_least[[_MORE_THAN_DONE, _MORE_THAN_ALL]] = more_than[[_MORE_THAN_DONE, _MORE_THAN_ALL]]
        return cls._of(np.concatenate([at_least[:-1], [0.0]]), done_share)

    @classmethod
    def settled(cls, done_share: float) -> "OutcomeDistribution":
        """What is done is all that will be: the time is up."""
        return cls(shares=np.array([done_share, done_share]), reached=np.array([1.0, 0.0]))

    @classmethod
    def _of(cls, reached: Floats, done_share: float) -> "OutcomeDistribution":
        """Chances at `_NODES`; what is done is reached, nothing else is sure while something is missing."""
        nodes = _shares(_NODES, np.array(done_share))
        sure = (nodes <= done_share) & (np.arange(len(nodes)) != _MORE_THAN_DONE)
        most = 1.0 if done_share >= 1.0 - _TOLERANCE else MAX_CHANCE
        sure |= (_NODES <= 1.0) & (np.arange(len(nodes)) < _MORE_THAN_ALL) & (most == 1.0)
        falling = np.minimum.accumulate(np.where(sure, 1.0, np.minimum(reached, most)))
        return cls(shares=nodes, reached=falling)

    def pooled(self, other: "OutcomeDistribution", weight: float) -> "OutcomeDistribution":
        """The linear pool with another of the same sprint at the same moment, which speaks with `weight` in [0, 1]."""
        return replace(self, reached=(1.0 - weight) * self.reached + weight * other.reached)

    def chance_of(self, share: float) -> float:
        """The chance to deliver at least this share of the scope."""
        after = int(np.searchsorted(self.shares, share - _TOLERANCE))
        if after == 0:
            return 1.0
        if after == len(self.shares):
            return 0.0
        low, high = self.shares[after - 1], self.shares[after]
        part = min((share - low) / (high - low), 1.0) if high > low else 1.0
        return float(self.reached[after - 1] + part * (self.reached[after] - self.reached[after - 1]))

    def quantiles(self, levels: Floats) -> Floats:
        """The smallest shares that outcomes do not exceed with these chances, in (0, 1): shape (n,)."""
        below = 1.0 - self.reached
        after = np.minimum(np.searchsorted(below, levels - _TOLERANCE), len(below) - 1)
        before = np.maximum(after - 1, 0)
        rise = below[after] - below[before]
        part = np.where(rise > 0, (levels - below[before]) / np.where(rise > 0, rise, 1.0), 1.0).clip(0.0, 1.0)
        return np.asarray(self.shares[before] + part * (self.shares[after] - self.shares[before]))

    @property
    def median(self) -> float:
        """Half of the outcomes are no larger."""
        return float(self.quantiles(np.array([0.5]))[0])

    @property
    def mean(self) -> float:
        """What totals over sprints add up."""
        return float(self.shares[0] + np.trapezoid(self.reached, self.shares))

    def range(self, level: float) -> tuple[float, float]:
        """The narrowest range that holds `level`, in (0, 1): where exactly all is likely it ends there."""
        tails = np.linspace(0.0, 1.0 - level, _N_TAILS)
        lows = self.quantiles(np.maximum(tails, _TOLERANCE))
        highs = self.quantiles(np.minimum(tails + level, 1.0 - _TOLERANCE))
        # Of ranges of one width the most even one.
        uneven = _TOLERANCE * np.abs(tails - tails.mean())
        narrowest = int(np.argmin(highs - lows + uneven))
        return float(lows[narrowest]), float(highs[narrowest])


def _shares(levels: Floats, done_share: Floats) -> Floats:
    """Levels as shares of the scope, none below what is done."""
    missing = np.maximum(1.0 - done_share, 0.0)
    return np.asarray(np.maximum(np.where(levels <= 1.0, done_share + levels * missing, levels), done_share))
