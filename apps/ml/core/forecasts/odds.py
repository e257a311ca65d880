"""Chances moved by so many log odds."""

import math

from apps.ml.core.forecasts.simulation import MAX_PROBABILITY


def log_odds(chance: float) -> float:
    """Of a chance that no runs may call sure."""
    bounded = min(max(chance, 1.0 - MAX_PROBABILITY), MAX_PROBABILITY)
    return math.log(bounded / (1.0 - bounded))


def moved_odds(chance: float, shift: float, *, bounded: bool = True) -> float:
    """A chance with its log odds shifted; one that runs call sure is taken for nearly sure, unless not `bounded`."""
    if not shift or (not bounded and not 0.0 < chance < 1.0):
        return chance
    odds = log_odds(chance) if bounded else math.log(chance / (1.0 - chance))
    return 1.0 / (1.0 + math.exp(-(odds + shift)))
