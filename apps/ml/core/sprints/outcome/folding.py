"""Boosted trees of scikit-learn as flat arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from apps.ml.core.trees import FlatTrees


def fold_boosters(models: Sequence[Any]) -> FlatTrees:
    """The mean of several fitted histogram boosters with one output, before any link function.

    Features must be free of gaps and exact in single precision: `features.features` makes them so.
    """
    trees = [stage[0].nodes for model in models for stage in model._predictors]
    roots = np.cumsum([0] + [len(nodes) for nodes in trees[:-1]])
    nodes = np.concatenate(trees)
    first = np.repeat(roots, [len(one) for one in trees])
    leaf, own = nodes["is_leaf"].astype(bool), np.arange(len(nodes))
    return FlatTrees(
        feature=np.where(leaf, 0, nodes["feature_idx"]).astype(np.int32),
        threshold=np.where(leaf, 0.0, nodes["num_threshold"]),
        left=np.where(leaf, own, nodes["left"] + first).astype(np.int32),
        right=np.where(leaf, own, nodes["right"] + first).astype(np.int32),
        value=np.where(leaf, nodes["value"], 0.0) / len(models),
        roots=roots.astype(np.int32),
        depth=int(nodes["depth"].max()),
        start=float(np.mean([model._baseline_prediction for model in models])),
    )
