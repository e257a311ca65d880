"""Names of the arrays that the core passes around, and a median for short ones."""

import numpy as np
from numpy.typing import NDArray

#: Numbers of any shape.
Floats = NDArray[np.float64]
#: Indices and counts.
Integers = NDArray[np.int64]
#: Masks.
Booleans = NDArray[np.bool_]


def median(values: Floats) -> float:
    """The median of a short array of finite numbers, shape (n > 0,): NumPy's takes 30 microseconds to begin."""
    ordered = np.sort(values)
    half = ordered.size // 2
    return float(ordered[half] if ordered.size % 2 else (ordered[half - 1] + ordered[half]) / 2)
