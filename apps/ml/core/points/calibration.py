"""Make probabilities mean what they say: sharpness, floor and range mass, learned from out-of-sample statements.

Everything that is said of an issue is read from one distribution: confidence is its mass within one step, the range
holds at least the promised mass of it. What the record teaches therefore changes the distribution, never the reading.
"""

from dataclasses import dataclass, replace

import numpy as np

from apps.ml.core.arrays import Booleans, Floats
from apps.ml.core.intervals import missing_coverage
from apps.ml.core.points.scales import Scale, mass_between, medians, probabilities, shortest_ranges, step_range
from apps.ml.core.points.scores import log_losses

#: Share of every answer that is the team's plain marginal: no value the team uses is ever impossible.
FLOOR = 0.03
#: Log odds of survival are multiplied by about this: shrunk experts, added up, are surer together than they say. Best
#: of 1, 1.1, 1.15, 1.2, 1.3, 1.5, 1.7 in log score on validation rows, frozen and rolling.
USUAL_SHARPNESS = 1.15
SHARPNESSES = np.round(np.arange(0.70, 2.001, 0.05), 2)
#: Nats that a squared unit of log sharpness away from the usual costs: a few hundred issues can move it by a tenth.
_SHARPNESS_PENALTY = 100.0
#: Masses of the range that are tried, from the promised level on; the smallest that held often enough is used.
_MASS_STEP, _LARGEST_MASS = 0.02, 0.98
#: A short record is completed with this many imagined outcomes, held at the mass plus what discreteness adds.
IMAGINED_OUTCOMES = 40.0
DISCRETENESS_BONUS = 0.05
#: The coverage aimed at lies this far above the promised one, so that an unlucky project still keeps the promise.
SAFETY_MARGIN = 0.03


@dataclass(frozen=True, slots=True)
class PointsCalibration:
    """How a raw distribution becomes the one that is answered with, and how much of it the range holds."""

    #: Factor on the log odds of survival; above one the distribution narrows around its median, which stays.
    sharpness: float
    #: Probability mass of the range that is shown, at least `level`.
    range_mass: float
    level: float
    #: Share of the record, out of sample but known at training, that such ranges held; None without a record.
    record_coverage: float | None
    n_record: int

    def calibrated(self, raw: Floats, marginal: Floats) -> Floats:
        """Survival rows as they are answered with, from proper raw ones; shape unchanged."""
        return floored(sharpened(raw, self.sharpness), marginal)

    def corrected(self, inside: Booleans) -> "PointsCalibration":
        """The calibration whose range holds more mass where the last ranges held too few outcomes; `inside`: (n,).

        Aimed at what the record was aimed at, and never below the promised level.
        """
        mass = self.range_mass + missing_coverage(self.level + SAFETY_MARGIN, inside)
        return replace(self, range_mass=min(max(mass, self.level), max(self.level, _LARGEST_MASS)))


def uncalibrated(level: float, *, range_mass: float) -> PointsCalibration:
    """For teams without a record: probabilities as they are, and a range wider than the level by decree."""
    return PointsCalibration(1.0, range_mass, level, None, 0)


def sharpened(survival: Floats, sharpness: float) -> Floats:
    """Proper survival rows with their log odds multiplied; zeros, halves and ones stay. Shape unchanged."""
    above, below = survival**sharpness, (1.0 - survival) ** sharpness
    # Powers are rounded: two values that were one unit in the last place apart must not change places.
    narrowed: Floats = np.minimum.accumulate(above / (above + below), axis=-1)
    return narrowed


def floored(survival: Floats, marginal: Floats) -> Floats:
    """Proper survival rows mixed with the team's marginal, shape unchanged."""
    return (1.0 - FLOOR) * survival + FLOOR * marginal


def calibrated(
    raw: Floats,
    points: Floats,
    scale: Scale,
    marginal: Floats,
    *,
    level: float,
    usual_sharpness: float = USUAL_SHARPNESS,
) -> PointsCalibration:
    """Learn from out-of-sample raw statements and what came of them.

    Parameters
    ----------
    raw : ndarray of shape (n, n_values - 1)
        Proper survival rows at grid[:-1].
    points : ndarray of shape (n,)
    marginal : ndarray of shape (n_values - 1,)
    level : float
        Promised share of outcomes inside the range.
    usual_sharpness : float
        What is believed before the record speaks: one for distributions that no shrinking has flattened.
    """
    sharpness = _sharpness(raw, points, scale, marginal, usual_sharpness)
    chances = probabilities(floored(sharpened(raw, sharpness), marginal))
    masses = np.append(np.arange(level, _LARGEST_MASS - _MASS_STEP / 2, _MASS_STEP), max(level, _LARGEST_MASS))
    covered = [_covered(chances, points, scale.grid, float(mass)) for mass in masses]
    held = np.array([share.sum() for share in covered])
    imagined = IMAGINED_OUTCOMES * np.minimum(masses + DISCRETENESS_BONUS, 1.0)
    estimate = (held + imagined) / (len(points) + IMAGINED_OUTCOMES)
    enough = np.flatnonzero(estimate >= level + SAFETY_MARGIN)
    chosen = int(enough[0]) if len(enough) else len(masses) - 1
    return PointsCalibration(sharpness, float(masses[chosen]), level, float(covered[chosen].mean()), len(points))


def one_step(survival: Floats, points: Floats, scale: Scale) -> tuple[Floats, Floats]:
    """Stated probability of being within one step of the recommendation, and whether it was so; shapes (n,)."""
    low, high = step_range(medians(survival, scale), scale.steps)
    stated = mass_between(probabilities(survival), scale.grid, low, high)
    return stated, ((points >= low) & (points <= high)).astype(np.float64)


def _sharpness(raw: Floats, points: Floats, scale: Scale, marginal: Floats, usual: float) -> float:
    """The sharpness with the best log score on the record, pulled towards the usual one."""

    def cost(sharpness: float) -> float:
        chances = probabilities(floored(sharpened(raw, sharpness), marginal))
        pulled = _SHARPNESS_PENALTY * float(np.log(sharpness / usual)) ** 2
        return float(log_losses(chances, scale.grid, points).sum()) + pulled

    return float(min(SHARPNESSES, key=cost))


def _covered(chances: Floats, points: Floats, grid: Floats, mass: float) -> Floats:
    low, high = shortest_ranges(chances, grid, mass)
    return ((points >= low) & (points <= high)).astype(np.float64)
