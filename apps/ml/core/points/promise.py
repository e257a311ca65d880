"""From a distribution to what is promised: a recommended step, a confidence, a range."""

from dataclasses import dataclass

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.points.calibration import PointsCalibration
from apps.ml.core.points.scales import (
    Scale,
    mass_between,
    medians,
    probabilities,
    shortest_ranges,
    step_range,
)
from apps.ml.core.results import Interval


@dataclass(frozen=True, slots=True)
class Promise:
    """What is said about one issue."""

    recommended: float
    #: The steps of the scale on either side of `recommended`; the confidence is about lying within them.
    one_step: tuple[float, float]
    confidence: float
    probabilities: dict[float, float]
    interval: Interval


def promises_of(survival: Floats, scale: Scale, calibration: PointsCalibration) -> list[Promise]:
    """What proper survival rows of shape (n, n_values - 1) promise; every part is read from the row itself."""
    chances = probabilities(survival)
    recommended = medians(survival, scale)
    low, high = step_range(recommended, scale.steps)
    near = np.minimum(mass_between(chances, scale.grid, low, high), 1.0)
    range_low, range_high = shortest_ranges(chances, scale.grid, calibration.range_mass)
    lows, highs = np.minimum(range_low, recommended), np.maximum(range_high, recommended)
    grid, columns = scale.grid.tolist(), (recommended, low, high, near, lows, highs, chances)
    return [
        Promise(
            recommended=median,
            one_step=(below, above),
            confidence=confidence,
            probabilities=dict(zip(grid, shares, strict=True)),
            interval=Interval(low=least, high=most, level=calibration.level),
        )
        for median, below, above, confidence, least, most, shares in zip(
            *(column.tolist() for column in columns), strict=True
        )
    ]
