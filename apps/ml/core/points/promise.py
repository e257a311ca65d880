"""From a distribution to what is promised: a recommended step, a confidence, a range."""

from dataclasses import dataclass

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


def promise_of(survival: Floats, scale: Scale, calibration: PointsCalibration) -> Promise:
    """What a proper survival row of shape (n_values - 1,) promises; every part is read from this one row."""
    row = survival[None, :]
    chances = probabilities(row)
    recommended = medians(row, scale)
    low, high = step_range(recommended, scale.steps)
    near = mass_between(chances, scale.grid, low, high)
    range_low, range_high = shortest_ranges(chances, scale.grid, calibration.range_mass)
    return Promise(
        recommended=float(recommended[0]),
        one_step=(float(low[0]), float(high[0])),
        confidence=min(float(near[0]), 1.0),
        probabilities=dict(zip(scale.grid.tolist(), chances[0].tolist(), strict=True)),
        interval=Interval(
            low=min(float(range_low[0]), float(recommended[0])),
            high=max(float(range_high[0]), float(recommended[0])),
            level=calibration.level,
        ),
    )
