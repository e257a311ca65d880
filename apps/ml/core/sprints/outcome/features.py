"""A sprint at a moment as numbers without a unit, so that what one team teaches holds for another.

Points are shares of the scope or multiples of what the team usually delivers; nothing of the team's own scale
of points, its name or its dates is left. A team without a past gets what is usual among the public teams.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, log1p

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.sprints.outcome.moment import DELIVERED_SHARE, PastSprint, SprintMoment

#: Each feature, and whether more of it can only raise (1) or only lower (-1) the chance to deliver; 0 is left open.
DIRECTIONS = {
    "elapsed": 0,
    "done_share": 1,
    "done_issue_share": 1,
    "in_progress_share": 0,
    "in_progress_issue_share": 0,
    "to_do_issue_share": -1,
    "added_share": 0,
    "removed_share": 0,
    "log_issues": 0,
    "log_issues_per_person": 0,
    "log_open_issues": 0,
    "usual_ratio": 1,
    "usual_hits": 1,
    "usual_done_share": 0,
    "ahead_of_usual": 1,
    "usual_rest_ratio": 1,
    "projected_ratio": 1,
    "straight_line_ratio": 1,
    "begun_share": 1,
    "log_load": -1,
    "log_need": -1,
}
NAMES = tuple(DIRECTIONS)
PROJECTED_RATIO = NAMES.index("projected_ratio")
#: What counts of the sprint before the last beside the last: an eighth sprint back weighs a sixth.
_DECAY = 0.8
#: Past sprints that a team without any is assumed to have had, and how they went: near the median public sprint.
_PRIOR_SPRINTS, _PRIOR_RATIO, _PRIOR_HITS, _PRIOR_REST_RATIO, _PRIOR_DONE_BY_END = 2.0, 0.7, 0.4, 0.5, 0.5
#: A ratio beyond three says that the commitment was no plan, not that the team is that fast.
_LARGEST_RATIO = 3.0
_LARGEST_DONE_SHARE = 2.0
#: Velocity and the usual rest are means of the last five sprints.
_LAST_SPRINTS = 5
#: Keeps the logarithm of nothing finite: 2 % of the commitment.
_SMALL_SHARE = 0.02
_LARGEST_LOG = 4.0


@dataclass(frozen=True, slots=True)
class _Usual:
    """How the team's earlier sprints went, recent ones more."""

    ratio: float
    hits: float
    done_share: float
    rest_ratio: float


def features(moment: SprintMoment) -> Floats:
    """Features of one moment, shape (n_features,), rounded to single precision so that folded trees agree exactly.

    Raises
    ------
    ValueError
        If nothing is in scope: there is no share of nothing.
    """
    scope, issues = moment.scope_points, max(moment.issues, 1)
    if scope <= 0:
        raise ValueError("A sprint without points in scope has no outcome to predict.")
    usual = _usual(moment)
    done = moment.done.points / scope
    open_issues = moment.to_do.issues + moment.in_progress.issues
    row = (
        moment.elapsed_ratio,
        done,
        moment.done.issues / issues,
        moment.in_progress.points / scope,
        moment.in_progress.issues / issues,
        moment.to_do.issues / issues,
        moment.added.points / scope,
        moment.removed.points / (scope + moment.removed.points),
        log1p(moment.issues),
        log(issues / max(moment.team_size, 1.0)),
        log1p(open_issues),
        usual.ratio,
        usual.hits,
        usual.done_share,
        done - usual.done_share,
        usual.rest_ratio,
        done + max(1.0 - done, 0.0) * usual.rest_ratio,
        min(done / moment.elapsed_ratio, _LARGEST_RATIO) if moment.elapsed_ratio > 0 else usual.ratio,
        done + moment.in_progress.points / scope,
        _log_load(moment),
        _log_need(moment),
    )
    return np.array(row, dtype=np.float32).astype(np.float64)


def matrix(moments: Sequence[SprintMoment]) -> Floats:
    """Features of many moments, shape (n_moments, n_features)."""
    return np.array([features(moment) for moment in moments]).reshape(len(moments), len(NAMES))


def _usual(moment: SprintMoment) -> _Usual:
    past = [sprint for sprint in moment.past if sprint.scope_points > 0]
    unfinished = [sprint for sprint in past if sprint.scope_points > sprint.moment.done.points]
    return _Usual(
        ratio=_shrunk([min(sprint.ratio, _LARGEST_RATIO) for sprint in past], _PRIOR_RATIO),
        hits=_shrunk([float(sprint.delivered) for sprint in past], _PRIOR_HITS),
        done_share=_shrunk(
            [min(sprint.moment.done.points / sprint.scope_points, _LARGEST_DONE_SHARE) for sprint in past],
            _PRIOR_DONE_BY_END * moment.elapsed_ratio,
        ),
        rest_ratio=_shrunk([_rest_ratio(sprint) for sprint in unfinished], _PRIOR_REST_RATIO),
    )


def _rest_ratio(sprint: PastSprint) -> float:
    """The share of what was not done at its moment that was delivered in the end."""
    done = sprint.moment.done.points
    share = (sprint.delivered_points - done) / (sprint.scope_points - done)
    return min(max(share, 0.0), _LARGEST_RATIO)


def _shrunk(values: Sequence[float], prior: float) -> float:
    """Mean with recent values weighing more, drawn towards what is usual elsewhere."""
    weights = _DECAY ** np.arange(len(values) - 1, -1, -1)
    return float((weights @ np.array(values) + _PRIOR_SPRINTS * prior) / (weights.sum() + _PRIOR_SPRINTS))


def _log_load(moment: SprintMoment) -> float:
    """Committed beside what the team usually delivers."""
    last = moment.past[-_LAST_SPRINTS:]
    delivered = [sprint.delivered_points for sprint in last]
    if not sum(delivered):
        return 0.0
    return min(max(log(moment.scope_points / (sum(delivered) / len(last))), -_LARGEST_LOG), _LARGEST_LOG)


def _log_need(moment: SprintMoment) -> float:
    """What is missing beside what the team usually still delivers from such a moment on."""
    last = moment.past[-_LAST_SPRINTS:]
    if not last:
        return 0.0
    usual = sum(max(sprint.delivered_points - sprint.moment.done.points, 0.0) for sprint in last) / len(last)
    missing = max(DELIVERED_SHARE * moment.scope_points - moment.done.points, 0.0)
    small = _SMALL_SHARE * moment.scope_points
    return min(max(log((missing + small) / (usual + small)), -_LARGEST_LOG), _LARGEST_LOG)
