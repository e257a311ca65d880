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

from apps.ml.core.arrays import Floats, Integers, median
from apps.ml.core.effort.features import log_estimate, read
from apps.ml.core.effort.neighbours import Neighbours, build_neighbours
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


def own_errors(
    neighbours: Neighbours, similarity: Floats, facts: IssueFacts, *, centre: float, used_estimate: bool
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

    Returns
    -------
    errors : ErrorPool or None
        None where no outcome can be used.
    """
    last = _last_known(neighbours, similarity.size, used_estimate=used_estimate)
    if last is None:
        return None
    weights = FAR_WEIGHT + (similarity[last.rows] + FIELD_NEARNESS * neighbours.agreement(facts, last.rows)) ** 2
    values = last.values - centre
    if used_estimate:
        own = log_estimate(facts)
        weights *= FAR_ESTIMATE_WEIGHT + np.exp(
            -0.5 * ((own - neighbours.log_estimates[last.rows]) / ESTIMATE_WIDTH) ** 2
        )
        values += own
    return _with_unknown_team(values, weights / weights.sum(), spread=last.spread, n_outcomes=last.n_known)


@dataclass(frozen=True, slots=True)
class _LastKnown:
    """The last of the first so many outcomes: the same for every issue that is asked about."""

    rows: Integers | slice
    #: Log hours, or log ratios to the team's estimates; as many as rows.
    values: Floats
    #: Of the values, see `spread_of`.
    spread: float
    #: How many could be used, the earlier ones too.
    n_known: int


def _last_known(neighbours: Neighbours, n_known: int, *, used_estimate: bool) -> _LastKnown | None:
    """Worked out once of all outcomes, and each time of some of them, as they were known at an earlier time."""
    if n_known < neighbours.log_hours.size:
        return _of_last(neighbours, n_known, used_estimate=used_estimate)
    if used_estimate not in neighbours.kept:
        neighbours.kept[used_estimate] = _of_last(neighbours, n_known, used_estimate=used_estimate)
    found: _LastKnown | None = neighbours.kept[used_estimate]
    return found


def _of_last(neighbours: Neighbours, n_known: int, *, used_estimate: bool) -> _LastKnown | None:
    rows: Integers | slice = slice(max(n_known - LAST_OUTCOMES, 0), n_known)
    if used_estimate:
        known = np.flatnonzero(~np.isnan(neighbours.log_estimates[:n_known]))
        rows, n_known = known[-LAST_OUTCOMES:], known.size
    if not n_known:
        return None
    values, unknown = neighbours.log_hours[rows], UNKNOWN_SPREAD
    if used_estimate:
        values, unknown = values - neighbours.log_estimates[rows], UNKNOWN_RATIO_SPREAD
    return _LastKnown(rows, values, spread_of(values - median(values), unknown), n_known)


def _with_unknown_team(values: Floats, weights: Floats, *, spread: float, n_outcomes: int) -> ErrorPool:
    """The team's own with, around the answer, the normal distribution of what a short record has not yet shown."""
    share = UNKNOWN_TEAM_OUTCOMES / (n_outcomes + UNKNOWN_TEAM_OUTCOMES)
    return ErrorPool.of(
        np.concatenate([values, spread * _NORMAL]),
        np.concatenate([weights * (1.0 - share), np.full(_NORMAL_POINTS, share / _NORMAL_POINTS)]),
        size=float(n_outcomes),
    )
