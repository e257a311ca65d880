"""Ordinary variation of a weekly series, and what lies beyond it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: From the mean moving range to three standard deviations of single values: 3 / 1.128.
SPREAD_FACTOR = 2.66
#: So many values in a row on one side of the mean come by chance once in 128 times.
LONG_RUN = 8
#: Limits from fewer values move with every new one.
MIN_VALUES = 10
#: With fewer that are not 0 the mean is of a few outbursts, and every value lies off it. Forecasts ask for as many
#: (`forecasts.simulation.MIN_ACTIVE_WEEKS`).
MIN_ACTIVE_VALUES = 5


@dataclass(frozen=True, slots=True)
class NaturalLimits:
    """Between `low` and `high` lies what the process does by itself."""

    low: float
    centre: float
    high: float


def natural_limits(values: Sequence[float]) -> NaturalLimits | None:
    """The natural process limits of counts, none of them below 0; None with fewer than `MIN_VALUES`.

    None also where fewer than `MIN_ACTIVE_VALUES` are more than 0.

    References
    ----------
    D. J. Wheeler, Understanding Variation: The Key to Managing Chaos (1993), the XmR chart.
    """
    if len(values) < MIN_VALUES or np.count_nonzero(values) < MIN_ACTIVE_VALUES:
        return None
    centre = float(np.mean(values))
    reach = SPREAD_FACTOR * float(np.mean(np.abs(np.diff(values))))
    return NaturalLimits(low=round(max(centre - reach, 0.0), 2), centre=round(centre, 2), high=round(centre + reach, 2))


def signals(values: Sequence[float], limits: NaturalLimits) -> tuple[bool, ...]:
    """Which values are more than ordinary variation: beyond a limit, or in a long run on one side of the mean."""
    sides = np.sign(np.asarray(values, dtype=np.float64) - limits.centre)
    found = [value < limits.low or value > limits.high for value in values]
    start = 0
    for place in range(1, len(sides) + 1):
        if place == len(sides) or sides[place] != sides[start]:
            if place - start >= LONG_RUN and sides[start]:
                found[start:place] = [True] * (place - start)
            start = place
    return tuple(found)
