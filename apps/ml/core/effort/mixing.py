"""How much each expert is listened to: weights that sum to one, learned from out-of-sample errors, near a prior."""

from collections.abc import Mapping, Sequence

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.intervals import recency_weights

#: Older out-of-sample errors count less: half after this many rows.
HALF_LIFE_ROWS = 800.0
#: Losses within 3 % are alike.
CLOSE = 1.03
_STEPS = 150
_PACE = 1.0


def mixture_weights(predictions: Floats, truth: Floats, prior: Floats, *, prior_rows: float, stakes: Floats) -> Floats:
    """Weights with the least recency-weighted absolute error, drawn towards `prior` (exponentiated gradient).

    Parameters
    ----------
    predictions : ndarray of shape (n_rows, n_experts)
        Out-of-sample predictions on the log scale, in time order.
    truth : ndarray of shape (n_rows,)
    prior : ndarray of shape (n_experts,)
        Positive, sums to 1; returned as it is where there are no rows.
    prior_rows : float
        Rows the prior is worth: with fewer outcomes than that the mixture stays near it.
    stakes : ndarray of shape (n_rows,)
        How much a row's error matters beside its recency; positive.

    Returns
    -------
    weights : ndarray of shape (n_experts,)

    References
    ----------
    Kivinen, Warmuth: Exponentiated gradient versus gradient descent for linear predictors (1997).
    """
    if not truth.size:
        return prior
    rows = recency_weights(truth.size, half_life=HALF_LIFE_ROWS) * stakes / stakes.mean()
    strength = prior_rows / rows.sum()
    rows = rows / rows.sum()
    log_prior = np.log(prior)
    weights, log_weights = prior, log_prior
    for step in range(_STEPS):
        slope = (rows * np.sign(predictions @ weights - truth)) @ predictions
        pace = _PACE / np.sqrt(1.0 + step)
        # The pull of the prior is solved for, not stepped along: stable however strong it is.
        log_weights = (log_weights - pace * (slope - slope.mean()) + pace * strength * log_prior) / (
            1 + pace * strength
        )
        weights = np.exp(log_weights - log_weights.max())
        weights = weights / weights.sum()
    return np.asarray(weights)


def prior_weights(names: Sequence[str], shares: Mapping[str, float]) -> Floats:
    """The prior as an array in the order of `names`; experts that are absent leave their share to the others."""
    weights = np.array([shares[name] for name in names])
    return np.asarray(weights / weights.sum())


def best_column(predictions: Floats, truth: Floats) -> int:
    """The first column whose recency-weighted absolute error is close to the least; the first where there are no rows.

    Columns come plainest first: a cleverer one must be clearly better, or a short record picks it by luck.
    """
    if not truth.size:
        return 0
    rows = recency_weights(truth.size, half_life=HALF_LIFE_ROWS)
    errors = rows @ np.abs(predictions - truth[:, None])
    return int(np.flatnonzero(errors <= CLOSE * errors.min())[0])
