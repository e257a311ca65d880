"""What error answers without a known outcome are likely to have: what their own ranges say, corrected by known ones."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from apps.ml.core.arrays import Floats

#: Fewer answers say nothing of a mean.
MIN_WAITING = 10
#: Known outcomes that the ranges' own word counts for: with twenty known, half of a gap is believed.
PRIOR_OUTCOMES = 20.0
#: Mean distance from the middle of a normal distribution, in standard deviations.
_MEAN_DISTANCE = math.sqrt(2.0 / math.pi)


@dataclass(frozen=True, slots=True)
class ExpectedError:
    """Mean absolute log ratios of predicted and actual: 0.69 is typically a factor of two."""

    n_waiting: int
    #: Of the answers that wait for their truth.
    expected: float
    n_known: int
    #: What the same reckoning says of known ones, and what was measured on them; None without any.
    reckoned_on_known: float | None
    measured_on_known: float | None


def reckoned(low: Floats, high: Floats, level: Floats) -> Floats:
    """The mean absolute log ratio that each range promises, taken for the middle part of a normal distribution.

    NaN where there is no range of positive ends.
    """
    valid = (low > 0) & (high > low) & (level > 0) & (level < 1)
    ratio = np.log(np.divide(high, low, out=np.ones_like(high), where=valid))
    widths = np.array([2.0 * NormalDist().inv_cdf(0.5 + share / 2.0) if fits else np.nan
                       for share, fits in zip(level, valid, strict=True)])  # fmt: skip
    return np.asarray(ratio / widths * _MEAN_DISTANCE, dtype=np.float64)


def expected_error(waiting: Floats, known: Floats, measured: Floats) -> ExpectedError | None:
    """The error that is to be expected of answers whose outcome nobody knows; None where too few say anything.

    It sees what the model is unsure of; that the same issues now take twice as long it cannot see.

    Parameters
    ----------
    waiting : ndarray of shape (n_waiting,)
        What the ranges of these answers promise, see `reckoned`.
    known, measured : ndarray of shape (n_known,)
        What the ranges of scored answers promised, and the absolute log ratios that came.

    References
    ----------
    S. Garg et al., Leveraging unlabeled data to predict out-of-distribution performance, ICLR (2022): what a model
    says of its own certainty, set right on known outcomes, tells its error on others.
    """
    promised = waiting[np.isfinite(waiting)]
    if len(promised) < MIN_WAITING:
        return None
    both = np.isfinite(known) & np.isfinite(measured)
    before, came = known[both], measured[both]
    n, mean = len(before), float(before.mean()) if len(before) else None
    factor = 1.0 if not mean else (came.sum() + PRIOR_OUTCOMES * mean) / (before.sum() + PRIOR_OUTCOMES * mean)
    return ExpectedError(
        n_waiting=len(promised),
        expected=round(float(promised.mean()) * float(factor), 3),
        n_known=n,
        reckoned_on_known=round(mean, 3) if mean else None,
        measured_on_known=round(float(came.mean()), 3) if n else None,
    )
