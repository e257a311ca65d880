"""A team's pointed issues as the points models see them."""

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from apps.common.exceptions import NotEnoughData
from apps.ml.core.arrays import Floats
from apps.ml.core.points.features import RawFeatures, extract
from apps.ml.core.points.prior import PointsPrior
from apps.ml.core.points.scales import Scale, scale_of
from apps.ml.core.records import CompletedIssue, chronological

#: Below this many issues with points a team is served by the prior and pooling alone.
MIN_TRAINING_ISSUES = 50
#: Half-life, in issues, of what counts as the team's current scale and usual issue.
USUAL_HALF_LIFE = 400.0


@dataclass(frozen=True, slots=True)
class PointsHistory:
    """Issues whose points are known, oldest first."""

    issue_ids: list[str]
    raw: list[RawFeatures]
    #: shape (n_issues,)
    points: Floats
    #: The prior's scores, zeros without a prior, shape (n_issues,).
    scores: Floats
    #: Recency weights that add up to one, shape (n_issues,).
    weights: Floats
    scale: Scale
    #: The team's plain survival at grid[:-1], shape (n_values - 1,).
    marginal: Floats


def read_history(
    issues: Sequence[CompletedIssue],
    *,
    now: datetime,
    prior: PointsPrior | None,
    cache: MutableMapping[str, RawFeatures],
) -> PointsHistory:
    """Read the issues whose points were known by `now`.

    Raises
    ------
    NotEnoughData
        With fewer than `MIN_TRAINING_ISSUES` of them.
    """
    known = with_points(issues, now=now)
    if len(known) < MIN_TRAINING_ISSUES:
        raise NotEnoughData(have=len(known), needed=MIN_TRAINING_ISSUES, what="completed issues with story points")
    return history_of(known, prior=prior, cache=cache)


def history_of(
    known: Sequence[CompletedIssue], *, prior: PointsPrior | None, cache: MutableMapping[str, RawFeatures]
) -> PointsHistory:
    """Read pointed issues, oldest first, at least one."""
    raw = [_read(issue, cache) for issue in known]
    points = np.array([issue.story_points for issue in known], dtype=np.float64)
    weights = 0.5 ** (np.arange(len(points) - 1, -1, -1) / USUAL_HALF_LIFE)
    weights /= weights.sum()
    scale = scale_of(points, weights)
    scores = np.zeros(len(raw)) if prior is None else np.array([prior.score(each) for each in raw])
    ids = [issue.issue_id for issue in known]
    return PointsHistory(ids, raw, points, scores, weights, scale, weights @ (points[:, None] > scale.grid[:-1]))


def with_points(issues: Sequence[CompletedIssue], *, now: datetime) -> list[CompletedIssue]:
    """Issues whose points were known by `now`, oldest first."""
    return chronological([each for each in issues if each.story_points is not None and each.completed_at <= now])


def _read(issue: CompletedIssue, cache: MutableMapping[str, RawFeatures]) -> RawFeatures:
    if issue.issue_id not in cache:
        cache[issue.issue_id] = extract(issue.facts)
    return cache[issue.issue_id]


def points_of(issues: Sequence[CompletedIssue]) -> Floats:
    """Story points of issues that have them, shape (n_issues,)."""
    return np.array([issue.story_points for issue in issues], dtype=np.float64)
