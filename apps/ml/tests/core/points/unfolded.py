"""Predict with the scikit-learn objects themselves: the oracle that holds the folded arrays to account."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.points.basis import Basis
from apps.ml.core.points.features import NAMESPACES, RawFeatures


def unfolded_survival(estimators: Mapping[str, Any], raw: Sequence[RawFeatures], scores: Floats) -> Floats:
    """Survival at grid[:-1] the slow way, through the scikit-learn objects; shape (n_issues, n_values - 1)."""
    basis = Basis(
        columns=tuple(estimators[f"columns_{name}"] for name in NAMESPACES),
        words=tuple(estimators[f"words_{name}"] for name in NAMESPACES),
        topics=estimators["topics"],
        shape=estimators["shape"],
        bounds=estimators["bounds"],
    )
    Z = basis.design(raw, scores)
    said = [np.reshape(ridge.predict(Z), (len(Z), -1)) for ridge in estimators["experts"].values()]
    mixed = np.einsum("e,ent->nt", estimators["weights"], np.stack(said))
    survival: Floats = estimators["spread"][0] + mixed @ estimators["spread"][1:]
    return survival
