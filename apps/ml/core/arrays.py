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
#: Fewer numbers than this are sorted in less time than it takes to part them and to look for equals.
_SORTED_AT_ONCE = 500


def largest(values: NDArray[np.floating], k: int, least: float = -math.inf) -> Integers:
    """Places of the k > 0 largest numbers, at or above `least`; the largest first, and of equals the last."""
    # Backwards, equals come last first.
    if values.size <= _SORTED_AT_ONCE and least == -math.inf:
        return values.argsort(kind="stable")[: -k - 1 : -1]
    found = _above(values, k, least)
    if found.size > _SORTED_AT_ONCE:
        found = _parted(values, found, k)
    return found.take(values.take(found).argsort(kind="stable")[: -k - 1 : -1])


def among_largest(values: NDArray[np.floating], k: int, least: float = -math.inf) -> Integers:
    """The same places, ascending.

    `argpartition` leaves open which of equals it takes, and takes ten times as long where most are equal. Here the
    numbers are dealt into groups: k of them at least are not below the k-th largest of the groups' maxima, so whatever
    is below that is left out unsorted.
    """
    found = _above(values, k, least)
    return found if found.size <= k else _parted(values, found, k)


def _above(values: NDArray[np.floating], k: int, least: float) -> Integers:
    """Places, ascending, of numbers among which the k largest are."""
    n_groups = max(_GROUPS_EACH * k, _FEWEST_GROUPS)
    in_group = values.size // n_groups
    if in_group > 1 and values.size >= _FEW:
        maxima = np.maximum.reduce(values[: in_group * n_groups].reshape(in_group, n_groups), axis=0)
        maxima.partition(n_groups - k)
        least = max(least, float(maxima[n_groups - k]))
    return (values >= least).nonzero()[0]


def _parted(values: NDArray[np.floating], found: Integers, k: int) -> Integers:
    """The places of the k largest among some more, ascending."""
    held = values.take(found)
    parted = held.copy()
    parted.partition(found.size - k)
    last = parted[found.size - k]
    above, equal = (held > last).nonzero()[0], (held == last).nonzero()[0]
    kept = np.concatenate([above, equal[equal.size - (k - above.size) :]])
    kept.sort()
    return found.take(kept)


def median(values: Floats) -> float:
    """The median of a short array of finite numbers, shape (n > 0,): NumPy's takes 30 microseconds to begin."""
    ordered = np.sort(values)
    half = ordered.size // 2
    return float(ordered[half] if ordered.size % 2 else (ordered[half - 1] + ordered[half]) / 2)
