"""The forgetting ridge is the weighted ridge of scikit-learn, learned in one pass."""

import numpy as np
from sklearn.linear_model import Ridge

from apps.ml.core.points.ridge import ForgettingRidge


def test_learning_in_blocks_equals_one_weighted_ridge_over_everything() -> None:
    rng = np.random.default_rng(0)
    Z, Y = rng.normal(size=(90, 4)), rng.normal(size=(90, 2))
    half_life, penalty = 25.0, 7.0
    weights = 0.5 ** (np.arange(89, -1, -1) / half_life)
    mean = np.average(Z, axis=0, weights=weights)
    scale = np.sqrt(np.average((Z - mean) ** 2, axis=0, weights=weights))
    expected = Ridge(alpha=penalty).fit((Z - mean) / scale, Y, sample_weight=weights)

    ridge = ForgettingRidge(half_life, np.full(4, penalty), 2)
    for start in range(0, 90, 20):
        ridge.update(Z[start : start + 20], Y[start : start + 20])
    intercept, coefficients = ridge.solve()

    assert np.allclose(intercept + Z @ coefficients, expected.predict((Z - mean) / scale), atol=1e-10)
    assert np.isclose(ridge.total, weights.sum())


def test_a_feature_that_never_varies_gets_no_weight() -> None:
    rng = np.random.default_rng(1)
    Z, Y = np.hstack([rng.normal(size=(50, 1)), np.ones((50, 1))]), rng.normal(size=(50, 1))

    ridge = ForgettingRidge(30.0, np.ones(2), 1)
    ridge.update(Z, Y)
    _, coefficients = ridge.solve()

    assert abs(coefficients[1, 0]) < 1e-9
    assert coefficients[0, 0] != 0.0


def test_the_old_is_forgotten() -> None:
    ridge = ForgettingRidge(5.0, np.ones(1), 1)
    ridge.update(np.zeros((200, 1)), np.zeros((200, 1)))

    ridge.update(np.zeros((50, 1)), np.ones((50, 1)))

    assert ridge.level[0] > 0.99
