"""Boosted trees while serving: flat arrays walked for all trees at once, without scikit-learn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.ml.core.arrays import Booleans, Floats, Integers

_NAMES = ("feature", "threshold", "left", "right", "value", "roots")


@dataclass(frozen=True, slots=True)
class FlatTrees:
    """All nodes of all trees in one row of arrays; a leaf is its own child, so every walk takes `depth` steps.

    Attributes
    ----------
    feature, left, right : ndarray of shape (n_nodes,)
    threshold, value : ndarray of shape (n_nodes,)
        `value` is already multiplied by the learning rate.
    roots : ndarray of shape (n_trees,)
    start : float
        The prediction before the first tree.
    """

    feature: NDArray[np.int32]
    threshold: Floats
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: Floats
    roots: NDArray[np.int32]
    depth: int
    start: float

    def predict(self, row: Floats) -> float:
        """The sum over all trees for one row of dense features."""
        # Single precision, because that is what scikit-learn compares with its thresholds.
        values = row.astype(np.float32)
        node = self.roots
        for _ in range(self.depth):
            goes_left = values[self.feature[node]] <= self.threshold[node]
            node = np.where(goes_left, self.left[node], self.right[node])
        return float(self.start + self.value[node].sum())

    def predict_rows(self, rows: Floats) -> Floats:
        """The same for many rows, shape (n_rows,)."""
        values, (n_rows, n_features), n_trees = rows.astype(np.float32).ravel(), rows.shape, self.roots.size
        # All walks in one line, each with the place where its row begins; `take` is twice as fast as brackets.
        begin = np.arange(0, values.size, n_features).repeat(n_trees)
        node = np.tile(self.roots, n_rows)
        for _ in range(self.depth):
            goes_left = values.take(begin + self.feature.take(node)) <= self.threshold.take(node)
            node = np.where(goes_left, self.left.take(node), self.right.take(node))
        return np.asarray(self.start + self.value.take(node).reshape(n_rows, n_trees).sum(axis=1))

    def resting_on(self, rows: Floats, groups: Integers, enough: Callable[[Integers], bool]) -> "FlatTrees":
        """The same trees, cut back until both sides of each cut rest on enough groups; a leaf is the mean of its rows.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)
            Those that the trees were grown on.
        groups : ndarray of shape (n_rows,)
            Number of the group of each.
        enough : callable
            Whether these groups, in ascending order, are enough.
        """
        values, left, right, value = rows.astype(np.float32), self.left.copy(), self.right.copy(), self.value.copy()

        def cut_back(node: int, here: Integers) -> float:
            """The mean of the rows that reach a node, which is a leaf from now on if a side has too few groups."""
            if left[node] == node:
                return float(value[node])
            goes_left: Booleans = values[here, self.feature[node]] <= self.threshold[node]
            sides = here[goes_left], here[~goes_left]
            means = [cut_back(child, side) for child, side in zip((left[node], right[node]), sides, strict=True)]
            mean = float(np.average(means, weights=[side.size for side in sides])) if here.size else 0.0
            if not all(enough(np.flatnonzero(np.bincount(groups[side]))) for side in sides):
                left[node] = right[node] = node
                value[node] = mean
            return mean

        for root in self.roots:
            cut_back(root, np.arange(len(rows)))
        return replace(self, left=left, right=right, value=value)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays, in bytes."""
        return sum(getattr(self, name).nbytes for name in _NAMES)

    def to_arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Plain arrays for the serving artefact."""
        named = {prefix + name: getattr(self, name) for name in _NAMES}
        return {**named, prefix + "shape": np.array([self.depth, self.start])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], prefix: str) -> "FlatTrees":
        """Read what `to_arrays` wrote.

        Raises
        ------
        ValueError
            If a walk would take more steps than there are nodes.
        """
        depth, start = arrays[prefix + "shape"]
        named = {name: arrays[prefix + name] for name in _NAMES}
        if not 0 <= depth <= named["value"].size:
            raise ValueError("Trees are no deeper than they have nodes.")
        return cls(**named, depth=int(depth), start=float(start))
