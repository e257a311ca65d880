"""Scores of points predictions and of the distributions behind them."""

import numpy as np

from apps.ml.core.arrays import Floats

#: A value that was thought impossible costs -log(1e-4) = 9.2 nats, not infinity.
SMALLEST_PROBABILITY = 1e-4


def log_losses(chances: Floats, grid: Floats, points: Floats) -> Floats:
    """Negative log probability of what happened, in nats, shape (n,).

    Parameters
    ----------
    chances : ndarray of shape (n, n_values)
    grid : ndarray of shape (n_values,)
        Ascending. An outcome that is not on the grid counts as its nearest value.
    points : ndarray of shape (n,)
    """
    nearest = np.abs(points[:, None] - grid).argmin(axis=1)
    losses: Floats = -np.log(np.maximum(chances[np.arange(len(points)), nearest], SMALLEST_PROBABILITY))
    return losses


def ranked_scores(chances: Floats, grid: Floats, points: Floats) -> Floats:
    """Ranked probability score in points, shape (n,): the squared distance of the survival functions, integrated.

    It equals the absolute error when all probability is on one value (Gneiting & Raftery 2007, the CRPS).
    """
    survival = 1.0 - np.cumsum(chances, axis=1)[:, :-1]
    above = points[:, None] > grid[:-1]
    inside = ((survival - above) ** 2) @ np.diff(grid)
    beyond = np.maximum(points - grid[-1], 0.0) + np.maximum(grid[0] - points, 0.0)
    ranked: Floats = inside + beyond
    return ranked


def standardised_accuracy(error: float, points: Floats, reference: Floats) -> float:
    """100 (1 - MAE / MAE of guessing a random value of `reference`), exact (Shepperd & MacDonell 2012)."""
    ordered = np.sort(reference)
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    below = np.searchsorted(ordered, points)
    total = points * below - sums[below] + (sums[-1] - sums[below]) - points * (len(ordered) - below)
    guessing = float((total / len(ordered)).mean())
    return 100.0 * (1.0 - error / guessing)
