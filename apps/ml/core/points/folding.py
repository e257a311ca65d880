"""Fold the fitted transformers and experts into plain arrays, and keep the unfolded ones for the joblib file."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.linear_model import Ridge

from apps.ml.core.arrays import Floats
from apps.ml.core.points.basis import Basis
from apps.ml.core.points.calibration import PointsCalibration
from apps.ml.core.points.experts import ALPHA, HALF_LIVES, Linear, expert_names
from apps.ml.core.points.features import BUCKETS, NAMESPACES, SHAPE_NAMES
from apps.ml.core.points.folded import FoldedExperts
from apps.ml.core.points.history import PointsHistory
from apps.ml.core.points.vectors import shapes


def fold(
    basis: Basis,
    experts: Sequence[Linear],
    weights: Floats,
    *,
    history: PointsHistory,
    promises: PointsCalibration,
    facts: dict[str, Any],
) -> FoldedExperts:
    """One linear map from raw features to survival at the thresholds, equal to transformers and experts in a row."""
    coefficients = np.einsum("e,eft->ft", weights, np.stack([each.coefficients for each in experts]))
    intercept = weights @ np.stack([each.intercept for each in experts])
    prior, shape, topics = np.split(coefficients, [1, 1 + len(SHAPE_NAMES)])
    shape = shape / basis.shape.scale_[:, None]
    words = basis.components().T @ topics
    return FoldedExperts(
        scale=history.scale,
        columns=np.concatenate([kept + index * BUCKETS for index, kept in enumerate(basis.columns)]),
        idf=basis.idf(),
        words=words,
        shape=shape,
        prior=prior[0],
        intercept=intercept - basis.shape.mean_ @ shape,
        bounds=basis.bounds,
        usual=_usual(basis, history, words, shape, prior[0]),
        wordless=_wordless(basis, history),
        marginal=history.marginal,
        trust=weights,
        half_lives=np.array(HALF_LIVES),
        totals=np.array([each.total for each in experts]),
        levels=np.stack([each.level for each in experts]),
        calibration=promises,
        meta=facts,
    )


def _usual(basis: Basis, history: PointsHistory, words: Floats, shape: Floats, prior: Floats) -> Floats:
    """Effects of the average recent issue by group, shape (n_groups, n_thresholds)."""
    tfidf = history.weights @ basis.tfidf(history.raw)
    edges = np.cumsum([len(kept) for kept in basis.columns])[:-1]
    by_namespace = zip(np.split(tfidf, edges), np.split(words, edges), strict=True)
    word_effects = [mean @ effect for mean, effect in by_namespace]
    form = (history.weights @ shapes(history.raw)) @ shape
    return np.stack([*word_effects, form, (history.weights @ history.scores) * prior])


def _wordless(basis: Basis, history: PointsHistory) -> Floats:
    """Share of the issues without a known word, by namespace, shape (n_namespaces,)."""
    edges = np.cumsum([0, *map(len, basis.columns)])
    tfidf = basis.tfidf(history.raw)
    known = [np.diff(tfidf[:, first:last].indptr) > 0 for first, last in pairwise(edges)]
    return np.array([1.0 - each.mean() for each in known])


def unfolded(basis: Basis, experts: Sequence[Linear], weights: Floats, history: PointsHistory) -> dict[str, Any]:
    """The same model as fitted scikit-learn objects by name, and the trust in each expert."""
    words = dict(zip((f"words_{name}" for name in NAMESPACES), basis.words, strict=True))
    columns = dict(zip((f"columns_{name}" for name in NAMESPACES), basis.columns, strict=True))
    ridges = {name: _as_ridge(expert) for name, expert in zip(expert_names(), experts, strict=True)}
    return {
        **words,
        **columns,
        "topics": basis.topics,
        "shape": basis.shape,
        "bounds": basis.bounds,
        "experts": ridges,
        "weights": weights,
        "spread": history.scale.spread,
    }


def _as_ridge(expert: Linear) -> Ridge:
    """A fitted scikit-learn ridge with the coefficients learned by forgetting."""
    ridge = Ridge(alpha=ALPHA)
    ridge.coef_, ridge.intercept_ = expert.coefficients.T, expert.intercept
    ridge.n_features_in_ = len(expert.coefficients)
    return ridge
