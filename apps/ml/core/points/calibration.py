"""Make probabilities mean what they say: floors, confidence and range width, learned from out-of-sample statements."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.ml.core.points.scales import Scale, mass_between, medians, probabilities, shortest_ranges, step_range

FloatArray = NDArray[np.float64]
#: Share of every answer that is the team's plain marginal: no value the team uses is ever impossible.
FLOOR = 0.03
#: Range masses tried; the smallest that held often enough is used.
MASSES = np.round(np.arange(0.50, 0.981, 0.02), 2)
#: A short record is completed with this many imagined outcomes, held at the mass plus what discreteness adds.
IMAGINED_OUTCOMES = 40.0
DISCRETENESS_BONUS = 0.05
#: The coverage aimed at lies this far above the promised one, so that an unlucky project still keeps the promise.
SAFETY_MARGIN = 0.03
#: Ridge on the logistic recalibration, pulling it to 'take the probability as it is'.
_PLATT_PENALTY = 5.0
_NEWTON_STEPS = 12
_STEP_SIZES = (1.0, 0.5, 0.25, 0.125, 0.0625)


@dataclass(frozen=True, slots=True)
class Calibration:
    """How raw statements are turned into promises."""

    #: Log odds of the confidence = offset + slope x raw log odds.
    offset: float
    slope: float
    #: Probability mass of the range that is shown.
    range_mass: float
    level: float
    measured_coverage: float | None
    n_outcomes: int

    def confidence(self, raw: FloatArray) -> FloatArray:
        """Calibrated probability of being within one step, shape unchanged."""
        return 1.0 / (1.0 + np.exp(-(self.offset + self.slope * _log_odds(raw))))


def uncalibrated(level: float, *, range_mass: float) -> Calibration:
    """For teams without a record: probabilities as they are, and a range wider than the level by decree."""
    return Calibration(0.0, 1.0, range_mass, level, None, 0)


def floored(survival: FloatArray, marginal: FloatArray) -> FloatArray:
    """Proper survival rows mixed with the team's marginal, shape unchanged."""
    return (1.0 - FLOOR) * survival + FLOOR * marginal


def calibrated(survival: FloatArray, points: FloatArray, scale: Scale, *, level: float) -> Calibration:
    """Learn from out-of-sample survival rows at grid[:-1], shape (n, n_values - 1), and what came of them."""
    offset, slope = _platt(*one_step(survival, points, scale))
    chances = probabilities(survival)
    covered = [_covered(chances, points, scale.grid, float(mass)) for mass in MASSES]
    held = np.array([share.sum() for share in covered])
    imagined = IMAGINED_OUTCOMES * np.minimum(MASSES + DISCRETENESS_BONUS, 1.0)
    estimate = (held + imagined) / (len(points) + IMAGINED_OUTCOMES)
    enough = np.flatnonzero(estimate >= level + SAFETY_MARGIN)
    chosen = int(enough[0]) if len(enough) else len(MASSES) - 1
    return Calibration(offset, slope, float(MASSES[chosen]), level, float(covered[chosen].mean()), len(points))


def one_step(survival: FloatArray, points: FloatArray, scale: Scale) -> tuple[FloatArray, FloatArray]:
    """Raw probability of being within one step of the recommendation, and whether it was so; shapes (n,)."""
    low, high = step_range(medians(survival, scale), scale.steps)
    raw = mass_between(probabilities(survival), scale.grid, low, high)
    return raw, ((points >= low) & (points <= high)).astype(np.float64)


def _covered(chances: FloatArray, points: FloatArray, grid: FloatArray, mass: float) -> FloatArray:
    low, high = shortest_ranges(chances, grid, mass)
    return ((points >= low) & (points <= high)).astype(np.float64)


def _log_odds(chance: FloatArray) -> FloatArray:
    bounded = np.clip(chance, 0.01, 0.99)
    return np.log(bounded / (1.0 - bounded))


def _platt(raw: FloatArray, hit: FloatArray) -> tuple[float, float]:
    """Penalised logistic regression of the hit on the raw log odds, by Newton's method."""
    design = np.stack([np.ones_like(raw), _log_odds(raw)], axis=1)
    start = np.array([0.0, 1.0])

    def cost(found: FloatArray) -> float:
        odds = design @ found
        pulled: float = _PLATT_PENALTY / 2.0 * float(((found - start) ** 2).sum())
        return float((np.logaddexp(0.0, odds) - hit * odds).sum()) + pulled

    found = start
    for _ in range(_NEWTON_STEPS):
        chance = 0.5 * (1.0 + np.tanh(design @ found / 2.0))
        gradient = design.T @ (chance - hit) + _PLATT_PENALTY * (found - start)
        curvature = (design * (chance * (1.0 - chance))[:, None]).T @ design + _PLATT_PENALTY * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        # Halved until it helps: a full step overshoots where all statements are nearly certain.
        factor = next((size for size in _STEP_SIZES if cost(found - size * step) <= cost(found)), 0.0)
        found = found - factor * step
    return float(found[0]), float(found[1])
