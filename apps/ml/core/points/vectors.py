"""Many issues as matrices: the batch side of `features`, for training."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from apps.ml.core.arrays import Floats
from apps.ml.core.points.features import BUCKETS, RawFeatures


def counts(raw: Sequence[RawFeatures], namespace: int) -> sparse.csr_matrix:
    """Word counts of one namespace, shape (n_issues, BUCKETS)."""
    words = [issue.words[namespace] for issue in raw]
    ends = np.cumsum([0, *(len(each.buckets) for each in words)])
    columns = np.concatenate([each.buckets for each in words]) if words else np.zeros(0, dtype=np.int64)
    values = np.concatenate([each.counts for each in words]) if words else np.zeros(0)
    return sparse.csr_matrix((values, columns, ends), shape=(len(words), BUCKETS))


def shapes(raw: Sequence[RawFeatures]) -> Floats:
    """Text features, shape (n_issues, n_shape_features)."""
    return np.array([issue.shape for issue in raw])
