"""The linear experts while serving: one look-up per feature, one sparse dot product for all of them at once.

Folded from scikit-learn pipelines by `estimators.fold_linear`; a test holds the two equal to 1e-9.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.ml.core.arrays import Floats, Integers
from apps.ml.core.effort.features import TEXT_GROUPS, EffortGroup
from apps.ml.core.reading import Feature

N_GROUPS = len(EffortGroup)
_TEXT = [int(group) for group in TEXT_GROUPS]


@dataclass(frozen=True, slots=True)
class FoldedLinear:
    """Coefficients by hashed feature, one column an output.

    Attributes
    ----------
    keys : dict of int to int
        Hashed feature to its row.
    rarity : ndarray of shape (n_features,)
        Inverse document frequency of words; 1 for everything else.
    coefficients : ndarray of shape (n_features, n_outputs)
    intercepts : ndarray of shape (n_outputs,)
    means : ndarray of shape (n_groups, n_outputs)
        What each group adds on average in training: the zero of the explanation.
    """

    keys: dict[int, int]
    rarity: Floats
    coefficients: Floats
    intercepts: Floats
    means: Floats

    def parts(self, issues: Sequence[Sequence[Feature]]) -> Floats:
        """What each group of features adds to each output; with `intercepts` they sum to it.

        Returns
        -------
        parts : ndarray of shape (n_issues, n_groups, n_outputs)
        """
        shape = (len(issues), N_GROUPS, self.intercepts.size)
        known = [
            (row, value, place * N_GROUPS + group)
            for place, features in enumerate(issues)
            for key, value, group, _ in features
            if (row := self.keys.get(key)) is not None
        ]
        if not known:
            return np.zeros(shape)
        columns, values, groups = zip(*known, strict=True)
        rows, owner, n_groups = np.array(columns), np.array(groups), len(issues) * N_GROUPS
        scaled = _unit_length(np.array(values) * self.rarity[rows], owner, n_groups)
        products = scaled[:, None] * self.coefficients[rows]
        added = [np.bincount(owner, weights=column, minlength=n_groups) for column in products.T]
        return np.ascontiguousarray(np.array(added, dtype=np.float64).T).reshape(shape)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays for the serving artefact."""
        return {
            "linear_keys": np.fromiter(self.keys, dtype=np.uint32, count=len(self.keys)),
            "linear_rarity": self.rarity,
            "linear_coefficients": self.coefficients,
            "linear_intercepts": self.intercepts,
            "linear_means": self.means,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "FoldedLinear":
        """Read what `to_arrays` wrote."""
        return cls(
            keys={key: row for row, key in enumerate(arrays["linear_keys"].tolist())},
            rarity=arrays["linear_rarity"],
            coefficients=arrays["linear_coefficients"],
            intercepts=arrays["linear_intercepts"],
            means=arrays["linear_means"],
        )


def _unit_length(values: Floats, groups: Integers, n_groups: int) -> Floats:
    """Scale the words of each text to length one; other features stay as they are."""
    squares = np.bincount(groups, weights=values * values, minlength=n_groups).reshape(-1, N_GROUPS)
    factor = np.ones(squares.shape)
    factor[:, _TEXT] = 1.0 / np.sqrt(np.maximum(squares[:, _TEXT], 1e-300))
    return np.asarray(values * factor.ravel()[groups])
