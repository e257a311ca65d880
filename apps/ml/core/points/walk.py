"""Walk forward through a team's history: what each expert would have said, and what trust that earns it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from apps.ml.core.arrays import Floats, Integers
from apps.ml.core.points.experts import Linear, Panel
from apps.ml.core.points.scales import Scale, proper

#: Experts relearn after this many issues, about what a team finishes in a sprint or two.
BLOCK = 20
#: The first issues only teach: an expert with fewer has nothing to say.
BURN_IN = 20
#: How fast an expert's past errors are forgotten, in issues.
SCORE_HALF_LIFE = 400.0
#: How sharply trust follows the score: about this many typical errors of difference change a weight e-fold.
TEMPERATURE = 10.0


@dataclass(frozen=True, slots=True)
class OutOfSampleRecord:
    """Out-of-sample statements about a team's own past, and the experts as they stand now."""

    #: Row numbers of the issues that were predicted, shape (n_predicted,).
    rows: Integers
    #: Survival at the thresholds as each expert saw it before, shape (n_experts, n_predicted, n_thresholds).
    survival: Floats
    #: Ranked probability scores in points, shape (n_experts, n_predicted).
    losses: Floats
    experts: list[Linear]


def walk_forward(
    Z: Floats, points: Floats, scale: Scale, panel: Panel, *, memory: int, progress: Callable[[float], None]
) -> OutOfSampleRecord:
    """Predict each block from what came before it, then learn it.

    Parameters
    ----------
    Z : ndarray of shape (n_issues, n_features)
        Oldest first.
    points : ndarray of shape (n_issues,)
    memory : int
        Only the last so many issues are predicted; the older ones only teach.
    """
    Y = (points[:, None] > scale.thresholds).astype(np.float64)
    first = max(BURN_IN, len(Z) - memory)
    panel.update(Z[:first], Y[:first])
    said: list[Floats] = []
    for start in range(first, len(Z), BLOCK):
        block = slice(start, min(start + BLOCK, len(Z)))
        said.append(np.stack([expert.survival(Z[block]) for expert in panel.linears()]))
        panel.update(Z[block], Y[block])
        progress(block.stop / len(Z))
    rows = np.arange(first, len(Z))
    survival = np.concatenate(said, axis=1)
    return OutOfSampleRecord(rows, survival, ranked_losses(survival, points[rows], scale), panel.linears())


def ranked_losses(survival: Floats, points: Floats, scale: Scale) -> Floats:
    """Ranked probability score in points of survival values at the thresholds, shape (..., n)."""
    at_grid = proper(scale.survival(survival))
    above = points[:, None] > scale.grid[:-1]
    return ((at_grid - above) ** 2) @ np.diff(scale.grid)


def trust(losses: Floats) -> Floats:
    """Weights of the experts before each predicted issue and after the last, shape (n_predicted + 1, n_experts).

    Exponential weights on discounted losses, moved only between blocks, in units of the typical loss.
    """
    n_experts, n_predicted = losses.shape
    decay = 0.5 ** (1.0 / SCORE_HALF_LIFE)
    total, unit = np.zeros(n_experts), max(float(losses.mean()), 1e-9)
    weights = np.empty((n_predicted + 1, n_experts))
    for index in range(n_predicted + 1):
        if index % BLOCK == 0 or index == n_predicted:
            current = np.exp(-(total - total.min()) / (TEMPERATURE * unit))
            current /= current.sum()
        weights[index] = current
        if index < n_predicted:
            total = total * decay + losses[:, index]
    return weights
