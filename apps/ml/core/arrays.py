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
#: Groups for each wanted number, and of few wanted ones: with more of them the maxima take longer to part than the
#: numbers that are left, with fewer it takes longer to find them.
_GROUPS_EACH, _FEWEST_GROUPS = 2, 256
#: Fewer numbers than this are parted at once.
_FEW = 1_000


def largest(values: NDArray[np.floating], k: int, least: float = -math.inf) -> Integers:
    """Places of the k > 0 largest numbers, at or above `least`; the largest first, and of equals the last."""
    latest_first = among_largest(values, k, least)[::-1]
    return latest_first[np.argsort(-values[latest_first], kind="stable")]


def among_largest(values: NDArray[np.floating], k: int, least: float = -math.inf) -> Integers:
    """The same places, ascending.

    `argpartition` leaves open which of equals it takes, and takes ten times as long where most are equal. Here the
    numbers are dealt into groups: k of them at least are not below the k-th largest of the groups' maxima, so whatever
    is below that is left out unsorted.
    """
    n_groups = max(_GROUPS_EACH * k, _FEWEST_GROUPS)
    in_group = values.size // n_groups
    if in_group > 1 and values.size >= _FEW:
        maxima = values[: in_group * n_groups].reshape(in_group, n_groups).max(axis=0)
        maxima.partition(n_groups - k)
        least = max(least, float(maxima[n_groups - k]))
    found = (values >= least).nonzero()[0]
    if found.size <= k:
        return found
    held = values[found]
    parted = held.copy()
    parted.partition(found.size - k)
    last = parted[found.size - k]
    above = held > last
    equal = found[held == last]
    return np.sort(np.concatenate([found[above], equal[equal.size - (k - np.count_nonzero(above)) :]]))


def median(values: Floats) -> float:
    """The median of a short array of finite numbers, shape (n > 0,): NumPy's takes 30 microseconds to begin."""
    ordered = np.sort(values)
    half = ordered.size // 2
    return float(ordered[half] if ordered.size % 2 else (ordered[half - 1] + ordered[half]) / 2)
