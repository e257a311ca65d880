"""Names of the arrays that the core passes around; the largest of many numbers, the median of few."""

import math

import numpy as np
from numpy.typing import NDArray

#: Numbers of any shape.
Floats = NDArray[np.float64]
#: Indices and counts.
Integers = NDArray[np.int64]
#: Masks.
Booleans = NDArray[np.bool_]
#: The smallest number above none.
ANY = float(np.nextafter(0.0, 1.0))
#: Groups for each wanted number: with fewer, more numbers are left to sort.
_GROUPS_EACH = 8


def largest(values: NDArray[np.floating], k: int, least: float = -math.inf) -> Integers:
    """Places of the k > 0 largest numbers, at or above `least`; the largest first, and of equals the last.

    `argpartition` leaves open which of equals it takes, and takes ten times as long where most are equal. Here the
    numbers are dealt into groups: k of them at least are not below the k-th largest of the groups' maxima, so whatever
    is below that is left out unsorted.
    """
    n_groups = _GROUPS_EACH * k
    in_group = values.size // n_groups
    if in_group > 1:
        maxima = values[: in_group * n_groups].reshape(in_group, n_groups).max(axis=0)
        least = max(least, float(np.partition(maxima, -k)[-k]))
    above = np.flatnonzero(values > least)
    if above.size < k and least > -math.inf:
        equal = np.flatnonzero(values == least)
        above = np.concatenate([equal[max(equal.size - (k - above.size), 0) :], above])
        above.sort()
    latest_first = above[::-1]
    return latest_first[np.argsort(-values[latest_first], kind="stable")[:k]]


def median(values: Floats) -> float:
    """The median of a short array of finite numbers, shape (n > 0,): NumPy's takes 30 microseconds to begin."""
    ordered = np.sort(values)
    half = ordered.size // 2
    return float(ordered[half] if ordered.size % 2 else (ordered[half - 1] + ordered[half]) / 2)
