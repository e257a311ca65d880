"""Whether stated probabilities came true, and errors along time: the numbers behind a reliability diagram."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from apps.ml.core.arrays import Floats

#: A bin needs so many outcomes to show more than noise; more bins than MOST_BINS show no more.
OUTCOMES_PER_BIN, MOST_BINS = 20, 10
#: Points of a line along time, each the mean of at least so many outcomes.
OUTCOMES_PER_STRETCH, MOST_STRETCHES = 10, 24
#: Of the whiskers of a share.
INTERVAL_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Share:
    """A share of outcomes beside what was promised, with Wilson's interval."""

    promised: float
    observed: float
    n: int
    low: float
    high: float


def reliability(promised: ArrayLike, hits: ArrayLike) -> tuple[Share, ...]:
    """Promised probabilities and what came of them, in bins of equal size, lowest promise first.

    Parameters
    ----------
    promised : array_like of shape (n,)
        Probabilities in [0, 1]; equal ones are kept in one bin as far as the bins' size allows.
    hits : array_like of shape (n,)
        Whether it came true.
    """
    chances, came_true = np.asarray(promised, dtype=np.float64), np.asarray(hits, dtype=np.float64)
    order = np.argsort(chances, kind="stable")
    return tuple(
        observed_share(float(chances[rows].mean()), came_true[rows])
        for rows in in_pieces(order, each=OUTCOMES_PER_BIN, most=MOST_BINS)
    )


def observed_share(promised: float, hits: Floats) -> Share:
    """One share with its 95 % interval; `hits`, shape (n,), must not be empty."""
    observed = float(hits.mean())
    return Share(promised, observed, hits.size, *share_interval(observed, hits.size))


def share_interval(observed: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share that was observed among `n` outcomes, at least one.

    References
    ----------
    E. B. Wilson, Probable inference, the law of succession, and statistical inference (1927).
    """
    z = NormalDist().inv_cdf(0.5 + INTERVAL_LEVEL / 2)
    centre = (observed + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(observed * (1 - observed) / n + z * z / (4 * n * n)))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def against_promise(share: Share) -> str:
    """Whether a share is what was promised, in words that follow it; 'fewer' and 'more' only beyond its interval."""
    if share.low <= share.promised <= share.high:
        is_same = round(100 * share.observed) == round(100 * share.promised)
        return "as promised" if is_same else "what was promised, give or take chance"
    return f"{'fewer' if share.high < share.promised else 'more'} than promised"


def in_pieces(rows: NDArray[np.intp], *, each: int, most: int) -> Sequence[NDArray[np.intp]]:
    """Cut rows in their order into at most `most` pieces of equal size, none below `each` unless there is only one."""
    if not rows.size:
        return []
    return np.array_split(rows, min(max(rows.size // each, 1), most))


def stretches(n: int) -> Sequence[NDArray[np.intp]]:
    """Row numbers of n outcomes in time order, cut into the stretches whose means are shown."""
    return in_pieces(np.arange(n), each=OUTCOMES_PER_STRETCH, most=MOST_STRETCHES)
