"""What the team's own last outcomes say of an issue: their plain spread, in which the nearer ones count more.

Errors measured on a few dozen answers promise too much: the ranges made of them held 58 to 67 % of later outcomes where
80 % was promised, the plain spread of the outcomes themselves 75 to 80 %. So an answer's distribution is a mixture:
what the head's past errors say, the spread of the last outcomes (with the team's estimate: of their ratios to it)
weighted by nearness to the issue, and a normal one around the answer for all that a short record has not yet shown.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from apps.ml.core.arrays import Floats, Integers, median
from apps.ml.core.effort.features import log_estimate, read
from apps.ml.core.effort.neighbours import Neighbours, build_neighbours, field_codes
from apps.ml.core.intervals import ErrorPool
from apps.ml.core.records import CompletedIssue, IssueFacts, with_hours

#: Outcomes that make the spread: 200, 400 and 1,600 did alike, and few follow a team that changes.
LAST_OUTCOMES = 400
#: What agreement in a field adds to the Jaccard similarity of the words; .1 and .2 did alike.
FIELD_NEARNESS = 0.2
#: Weight of an outcome with which the issue has nothing in common, beside 1 for a twin.
FAR_WEIGHT = 0.02
#: Ratios to estimates of another size tell less: width of the bell on the log scale, and what an outcome far out keeps.
ESTIMATE_WIDTH = 0.7
FAR_ESTIMATE_WEIGHT = 0.02
#: An unknown team has a say like this many outcomes ...
UNKNOWN_TEAM_OUTCOMES = 40.0
#: ... and these standard deviations of log hours and of log ratios to estimates: public data sets have 1.3 to 1.4,
#: and .5 to 1. They stand for 10 outcomes when the team's own is worked out.
UNKNOWN_SPREAD, UNKNOWN_RATIO_SPREAD = 1.4, 0.65
SPREAD_OUTCOMES = 10.0
#: With so many outcomes a head's errors make half of a range, with twice as many four fifths. Up to 200 outcomes any
#: share below a half did alike; from 1,500 on the head alone is as good.
HALF_OUTCOMES = 400.0
#: Errors of a model of all projects are worth so many own outcomes, and so is its level.
STRANGERS_WORTH = 20.0
#: ... and its ranges miss so much of a team it has not seen: of 80 %, 73 % held on projects of CESAW left out.
STRANGERS_MISS = 0.06
#: Issues of a team that a model of all projects is compared on: a tenth of a second.
MOST_COMPARED = 100
_NORMAL_POINTS = 20
_NORMAL: Floats = np.array([NormalDist().inv_cdf((step + 0.5) / _NORMAL_POINTS) for step in range(_NORMAL_POINTS)])


@dataclass(frozen=True, slots=True)
class TeamRecord:
    """The last finished issues of a team that asks a global model, and what that model says of them."""

    neighbours: Neighbours
    #: Log errors of the global model by whether the team's estimate was used, each of shape (n_issues,).
    log_errors: Mapping[bool, Floats]

    def shift(self, *, used_estimate: bool) -> float:
        """By what the model's level is moved towards the team's own, on the log scale."""
        errors = self.log_errors[used_estimate]
        return float(np.median(errors)) * (1.0 - strangers_share(errors.size)) if errors.size else 0.0


def last_outcomes(history: Sequence[CompletedIssue]) -> Neighbours | None:
    """The last finished issues that have hours, of issues in time order; None where none has."""
    finished = with_hours(history)[-LAST_OUTCOMES:]
    if not finished:
        return None
    log_hours = np.log([issue.actual_hours or np.nan for issue in finished])
    return build_neighbours(
        [read(issue.facts) for issue in finished], log_hours, [issue.issue_id for issue in finished]
    )


def spread_of(values: Floats, unknown: float) -> float:
    """Standard deviation to expect of values with this spread around 0, drawn towards that of an unknown team."""
    known = float(values @ values)
    return math.sqrt((known + SPREAD_OUTCOMES * unknown**2) / (values.size + SPREAD_OUTCOMES))


def head_share(n_outcomes: float) -> float:
    """How much of a range the errors of a head make that learned from so many outcomes, in [0, 1)."""
    return n_outcomes**2 / (n_outcomes**2 + HALF_OUTCOMES**2)


def strangers_share(n_outcomes: float) -> float:
    """How much the errors of a head make that learned from other teams, beside so many own outcomes, in (0, 1]."""
    return STRANGERS_WORTH / (n_outcomes + STRANGERS_WORTH)


def missed_by_strangers(n_outcomes: float) -> float:
    """What to ask on top of the level of a range whose errors are, but for so many, those of other teams."""
    return STRANGERS_MISS * strangers_share(n_outcomes)


def mixed(own: ErrorPool, head: ErrorPool, *, share: float) -> ErrorPool:
    """The log errors that the own outcomes tell of and those of a head, as one distribution."""
    return ErrorPool.of(
        np.concatenate([own.values, head.values]),
        np.concatenate([own.weights * (1.0 - share), head.weights * share]),
        size=max(own.effective_size, head.effective_size),
    )


@dataclass(frozen=True, slots=True)
class LastKnown:
    """The last of the first so many outcomes: the same for every issue that is asked about."""

    #: By their values.
    rows: Integers
    #: Log hours, or log ratios to the team's estimates; in order, so that sorting them among others takes no time.
    values: Floats
    #: The values less their median.
    around_median: Floats
    #: Logs of the team's estimates; NaN where there was none.
    log_estimates: Floats
    #: How many could be used, the earlier ones too.
    n_known: int

    def nearness(self, similarity: Floats, agreed: NDArray[np.int8]) -> Floats:
        """Of an issue to these outcomes, by its words and fields to each of `rows`; all of shape (n_last,)."""
        return np.asarray(similarity + FIELD_NEARNESS * agreed)


def own_errors(
    neighbours: Neighbours,
    similarity: Floats,
    facts: IssueFacts,
    *,
    centre: float,
    used_estimate: bool,
    unknown_spread: float | None = None,
) -> ErrorPool | None:
    """Log errors of the answer `centre` if the issue took what the last outcomes took.

    Parameters
    ----------
    similarity : ndarray of shape (n_known,)
        Of words, to the first `n_known` outcomes: those that were known.
    centre : float
        Log hours.
    used_estimate : bool
        Whether the outcomes are taken as ratios to the team's estimates; only those that had one count then.
    unknown_spread : float, optional
        Standard deviation of the log errors of a team of which nothing is known; that of public data where not given.

    Returns
    -------
    errors : ErrorPool or None
        None where no outcome can be used.
    """
    last = last_known(neighbours, similarity.size, used_estimate=used_estimate)
    if last is None:
        return None
    agreed = neighbours.agreement(field_codes(facts), similarity.size)
    nearness = last.nearness(similarity[last.rows], agreed[last.rows])[None, :]
    own = np.array([log_estimate(facts)]) if used_estimate else None
    unknown = None if unknown_spread is None else np.array([unknown_spread])
    return own_errors_of(last, nearness, centres=np.array([centre]), estimates=own, unknown_spreads=unknown).pool(0)


@dataclass(frozen=True, slots=True)
class OwnErrors:
    """Log errors of n answers if the issues took what the last outcomes took; a row an answer, in order."""

    #: shape (n, n_errors)
    values: Floats
    #: Of each row they sum to 1.
    weights: Floats
    cumulative: Floats
    #: Outcomes that are known.
    size: float

    def pool(self, row: int) -> ErrorPool:
        """Those of one answer."""
        return ErrorPool(self.values[row], self.weights[row], self.cumulative[row], self.size)


def own_errors_of(
    last: LastKnown,
    nearness: Floats,
    *,
    centres: Floats,
    estimates: Floats | None = None,
    unknown_spreads: Floats | None = None,
) -> OwnErrors:
    """`own_errors` of n answers at once.

    Parameters
    ----------
    nearness : ndarray of shape (n, n_last)
        Of each issue to the last outcomes, see `LastKnown.nearness`.
    centres : ndarray of shape (n,)
        Log hours.
    estimates : ndarray of shape (n,), optional
        Logs of the team's estimates, where outcomes are taken as ratios to them.
    unknown_spreads : ndarray of shape (n,), optional
    """
    weights, values = FAR_WEIGHT + nearness**2, last.values - centres[:, None]
    if estimates is not None:
        weights *= FAR_ESTIMATE_WEIGHT + np.exp(
            -0.5 * ((estimates[:, None] - last.log_estimates) / ESTIMATE_WIDTH) ** 2
        )
        values += estimates[:, None]
    if unknown_spreads is None:
        unknown = UNKNOWN_SPREAD if estimates is None else UNKNOWN_RATIO_SPREAD
        spreads = np.full(centres.size, spread_of(last.around_median, unknown))
    else:
        spreads = np.array([spread_of(last.around_median, unknown) for unknown in unknown_spreads.tolist()])
    weights /= weights.sum(axis=1, keepdims=True)
    return _with_unknown_team(values, weights, spreads, n_outcomes=last.n_known)


def last_known(neighbours: Neighbours, n_known: int, *, used_estimate: bool) -> LastKnown | None:
    """Worked out once of all outcomes, and each time of some of them, as they were known at an earlier time."""
    if n_known < neighbours.log_hours.size:
        return _of_last(neighbours, n_known, used_estimate=used_estimate)
    if used_estimate not in neighbours.kept:
        neighbours.kept[used_estimate] = _of_last(neighbours, n_known, used_estimate=used_estimate)
    found: LastKnown | None = neighbours.kept[used_estimate]
    return found


def _of_last(neighbours: Neighbours, n_known: int, *, used_estimate: bool) -> LastKnown | None:
    rows = np.arange(max(n_known - LAST_OUTCOMES, 0), n_known)
    if used_estimate:
        known = np.flatnonzero(~np.isnan(neighbours.log_estimates[:n_known]))
        rows, n_known = known[-LAST_OUTCOMES:], known.size
    if not n_known:
        return None
    values = neighbours.log_hours[rows]
    if used_estimate:
        values = values - neighbours.log_estimates[rows]
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    return LastKnown(rows[order], ordered, ordered - median(ordered), neighbours.log_estimates[rows[order]], n_known)


def _with_unknown_team(values: Floats, weights: Floats, spreads: Floats, *, n_outcomes: int) -> OwnErrors:
    """The team's own with, around the answer, the normal distribution of what a short record has not yet shown."""
    share = UNKNOWN_TEAM_OUTCOMES / (n_outcomes + UNKNOWN_TEAM_OUTCOMES)
    values = np.concatenate([values, spreads[:, None] * _NORMAL], axis=1)
    unknown = np.full((spreads.size, _NORMAL_POINTS), share / _NORMAL_POINTS)
    weights = np.concatenate([weights * (1.0 - share), unknown], axis=1)
    # Places in the whole table: two look-ups by row and column take three times as long.
    order = values.argsort(axis=1, kind="stable") + np.arange(0, values.size, values.shape[1])[:, None]
    weights = weights.take(order) / weights.sum(axis=1, keepdims=True)
    return OwnErrors(values.take(order), weights, weights.cumsum(axis=1), float(n_outcomes))
