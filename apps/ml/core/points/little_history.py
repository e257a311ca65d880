"""Answers for a team with few or no known points: its own distribution, pooled with a default, moved by the prior."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.points import explain
from apps.ml.core.points.calibration import uncalibrated
from apps.ml.core.points.features import extract
from apps.ml.core.points.history import MIN_TRAINING_ISSUES
from apps.ml.core.points.prior import PointsPrior
from apps.ml.core.points.promise import Promise, promises_of
from apps.ml.core.points.scales import DEFAULT_SCALE, Scale, expected, scale_of
from apps.ml.core.records import CompletedIssue, IssueFacts, chronological
from apps.ml.core.results import PointsRecommendation

#: Weight of the default distribution, in issues, once the team has a scale of its own.
POOLED_ISSUES = 2.0
#: Shares of the default scale before any point is known: wide, its middle at 3.
DEFAULT_SHARES = (0.15, 0.2, 0.25, 0.2, 0.13, 0.07)
#: Issues at which the team's own mean score counts as much as the mean of other projects, zero.
SCORE_POOLED_ISSUES = 5.0
#: What the prior's text counts with a team it was not learned from. Chosen on train and validation rows of 30 projects:
#: with 10 known issues of a project that no prior has seen, the error beside the team's median is .947 and .985 where
#: the full slope has .962 and 1.000; on the prior's own kind of projects it costs a hundredth.
TEXT_SHARE = 0.75
LEVEL = 0.8
#: Mass of the range beyond the promised level: with 20 known issues 0.85 for 80 % held in 90 % on validation rows, and
#: in 79 % in the worst project; with none even the scale is a guess.
ALLOWANCE, ALLOWANCE_UNKNOWN = 0.05, 0.15
#: Older issues say little about a young team's scale.
MOST_RECENT = 100
#: A young team asks again and again with the same few issues behind it; reading one takes a third of a millisecond.
_SCORES_KEPT = 1024
#: ... and a tenth goes into its scale: some kilobytes a team.
_SCALES_KEPT = 256


def recommend_with_little_history(
    facts: IssueFacts, history: Sequence[CompletedIssue], *, prior: PointsPrior | None, level: float = LEVEL
) -> PointsRecommendation:
    """Recommend points for a team with fewer issues than a model needs.

    Parameters
    ----------
    history : sequence of CompletedIssue
        The team's issues whose points are known, any order, none is fine: then a default scale is used and said so.
    prior : PointsPrior or None
        Without it the answer is the team's own distribution, method 'heuristic'.
    level : float
        Promised share of outcomes inside the range.
    """
    return recommendations_with_little_history([facts], history, prior=prior, level=level)[0]


def recommendations_with_little_history(
    asked: Sequence[IssueFacts],
    history: Sequence[CompletedIssue],
    *,
    prior: PointsPrior | None,
    level: float = LEVEL,
    n_pointed: int | None = None,
) -> list[PointsRecommendation]:
    """Recommendations for many issues, those of `recommend_with_little_history`: the team's own is worked out once.

    `n_pointed` is how many issues with points there are, where `history` has only the last of them.
    """
    pointed = chronological([issue for issue in history if issue.story_points is not None])
    known, n_pointed = pointed[-MOST_RECENT:], len(pointed) if n_pointed is None else n_pointed
    scale, marginal = team_marginal(np.array([issue.story_points for issue in known], dtype=np.float64))
    scores, slope = np.zeros(len(asked)), 0.0
    if prior is not None:
        scores, slope = relative_scores(asked, known, prior), TEXT_SHARE * prior.slope
    survival = moved(marginal, scores[:, None], slope)
    range_mass = min(level + (ALLOWANCE if known else ALLOWANCE_UNKNOWN), 1.0)
    usual, means = float(expected(marginal, scale.grid)), expected(survival, scale.grid).tolist()
    promises = promises_of(survival, scale, uncalibrated(level, range_mass=range_mass))
    return [
        PointsRecommendation(
            recommended_points=promise.recommended,
            confidence=promise.confidence,
            probabilities=promise.probabilities,
            interval=promise.interval,
            method="heuristic" if prior is None else "prior",
            reasoning=_reasoning(promise, len(known), n_pointed=n_pointed, score=None if prior is None else score),
            contributions=explain.adding_up({explain.USUAL: usual, explain.OTHERS: mean - usual}, promise.recommended),
            one_step=promise.one_step,
        )
        for promise, score, mean in zip(promises, scores.tolist(), means, strict=True)
    ]


def team_marginal(points: Floats) -> tuple[Scale, Floats]:
    """The team's scale and its smoothed survival at grid[:-1], from the points known so far."""
    return _marginal_of(points.tobytes())


@lru_cache(maxsize=_SCALES_KEPT)
def _marginal_of(known: bytes) -> tuple[Scale, Floats]:
    points = np.frombuffer(known)
    if not len(points):
        scale = scale_of(np.array(DEFAULT_SCALE), np.array(DEFAULT_SHARES))
        return scale, 1.0 - np.cumsum(DEFAULT_SHARES)[:-1]
    pooled = np.array([value for value in DEFAULT_SCALE if points.min() <= value <= points.max()])
    weight = POOLED_ISSUES / max(len(pooled), 1)
    values = np.concatenate([points, pooled])
    weights = np.concatenate([np.ones(len(points)), np.full(len(pooled), weight)])
    scale = scale_of(values, weights)
    return scale, weights @ (values[:, None] > scale.grid[:-1]) / weights.sum()


def relative_scores(asked: Sequence[IssueFacts], known: Sequence[CompletedIssue], prior: PointsPrior) -> Floats:
    """The prior's score of each issue, relative to the team's own issues as far as they are known, shape (n,)."""
    own = sum(_known_score(prior, issue.facts) for issue in known)
    return np.array([prior.score(extract(facts)) for facts in asked]) - own / (len(known) + SCORE_POOLED_ISSUES)


@lru_cache(maxsize=_SCORES_KEPT)
def _known_score(prior: PointsPrior, facts: IssueFacts) -> float:
    return prior.score(extract(facts))


def moved(marginal: Floats, score: float | Floats, slope: float) -> Floats:
    """The marginal survival with its log odds moved by slope x score; zeros and ones stay."""
    factor = np.exp(slope * score)
    shifted: Floats = marginal * factor / (1.0 - marginal + marginal * factor)
    return shifted


def _reasoning(promise: Promise, n_known: int, *, n_pointed: int, score: float | None) -> str:
    sentences = [_basis(n_known, n_pointed), _text(score), explain.camps(promise), _help(n_pointed, promise)]
    return " ".join(filter(None, sentences))


def _basis(n_known: int, n_pointed: int) -> str:
    if not n_known:
        return f"No points of this team are known, so the scale is assumed to be {_listed(DEFAULT_SCALE)}."
    if n_known < n_pointed:
        return f"Based on the latest {n_known} of {n_pointed} issues with points known of this team."
    return f"Based on the {n_known} issue{'s' if n_known > 1 else ''} with points known of this team."


def _text(score: float | None) -> str:
    if score is None:
        return "The text was not read."
    size = "about as large as" if abs(score) < 0.25 else "larger than" if score > 0 else "smaller than"
    return f"In other projects, issues written like this one were {size} their usual ones ({score:+.1f} deviations)."


def _help(n_pointed: int, promise: Promise) -> str:
    missing = MIN_TRAINING_ISSUES - n_pointed
    wanted = f"About {missing} more issues with points" if missing > 0 else "Training a model on the team's issues"
    return f"{explain.chance_of_one_step(promise)}. {wanted} would sharpen this."


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)
