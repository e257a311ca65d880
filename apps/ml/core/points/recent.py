"""Follow the team between two trainings: the level of every expert moves with the points that became known since."""

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.points.folded import FoldedExperts
from apps.ml.core.points.scales import snapped

#: Where none became known.
NO_POINTS: Floats = np.zeros(0)


def drift(model: FoldedExperts, points: Floats) -> Floats:
    """What recent points, oldest first, add to survival at the thresholds, shape (n_thresholds,).

    Each expert's level is a weighted share with exponential forgetting, so it can be carried on exactly; what they
    say about the difference between issues stays as trained.
    """
    if not len(points):
        return np.zeros(len(model.intercept))
    above = snapped(points, model.scale.grid)[:, None] > model.scale.thresholds
    weights = 0.5 ** (np.arange(len(points) - 1, -1, -1) / model.half_lives[:, None])
    carried = 0.5 ** (len(points) / model.half_lives) * model.totals
    share = weights.sum(axis=1) / (weights.sum(axis=1) + carried)
    level = (weights @ above) / weights.sum(axis=1, keepdims=True)
    moved: Floats = (model.trust * share) @ (level - model.levels)
    return moved
