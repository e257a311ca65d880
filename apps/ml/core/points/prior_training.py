"""Fit the cross-project prior: a ridge on tf-idf words and text features against local ranks of points.

Projects use incomparable scales that drift, so the target is an issue's rank among its neighbours in time within its
own project. Every figure that depends on how well the score travels (scale, slope) is measured on projects left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import Ridge

from apps.ml.core.arrays import Floats
from apps.ml.core.points.features import RawFeatures
from apps.ml.core.points.prior import PointsPrior, fingerprint
from apps.ml.core.points.vectors import counts, shapes

#: Neighbours on each side among which an issue is ranked: scales drift over a few hundred issues.
RANK_WINDOW = 100
#: Ridge penalty; 10 to 30 give the same rank correlation on left-out projects (0.32).
ALPHA = 15.0
#: Text features enter beside unit-length word vectors, so they are shrunk to a like size.
SHAPE_SCALE = 0.1
#: Projects are left out in this many groups to measure how the score travels.
N_GROUPS = 5
#: Thresholds that nearly every or hardly any issue passes say nothing about the slope.
_MARGINAL_RANGE = (0.05, 0.95)


@dataclass(frozen=True, slots=True)
class ProjectHistory:
    """The known issues of one project, oldest first."""

    issue_keys: Sequence[str]
    raw: Sequence[RawFeatures]
    #: shape (n_issues,)
    points: Floats


@dataclass(frozen=True, slots=True)
class _Linear:
    idf: Floats
    words: Floats
    shape: Floats
    intercept: float

    def scores(self, project: ProjectHistory) -> Floats:
        prior = PointsPrior(self.idf, self.words, self.shape, self.intercept, 1.0, np.zeros(0, dtype=np.uint64), "")
        return np.array([prior.score(raw) for raw in project.raw])


def train_prior(projects: Mapping[str, ProjectHistory], *, version: str) -> PointsPrior:
    """Fit the prior on whole projects; what must stay unseen must not be in `projects`.

    Parameters
    ----------
    projects : mapping of str to ProjectHistory
        At least two projects.
    version : str
        Stored in the file and shown with each answer.
    """
    chosen = [projects[name] for name in sorted(projects)]
    fitted = _fit(chosen)
    left_out = _left_out_scores(chosen)
    mean = float(np.mean([scores.mean() for scores in left_out]))
    deviation = float(np.mean([scores.std() for scores in left_out]))
    standardised = [(scores - scores.mean()) / deviation for scores in left_out]
    marks = sorted(fingerprint(key) for project in chosen for key in project.issue_keys)
    return PointsPrior(
        idf=fitted.idf,
        words=fitted.words / deviation,
        shape=fitted.shape / deviation,
        intercept=(fitted.intercept - mean) / deviation,
        slope=_slope(standardised, [project.points for project in chosen]),
        fingerprints=np.array(marks, dtype=np.uint64),
        version=version,
    )


def local_ranks(points: Floats) -> Floats:
    """Rank of each value among its neighbours in time, in [-1, 1], ties in the middle; shape unchanged."""
    ranks = np.empty(len(points))
    for index, value in enumerate(points):
        near = points[max(0, index - RANK_WINDOW) : index + RANK_WINDOW + 1]
        ranks[index] = np.mean(near < value) + 0.5 * np.mean(near == value)
    return 2.0 * ranks - 1.0


def _fit(projects: Sequence[ProjectHistory]) -> _Linear:
    raw = [issue for project in projects for issue in project.raw]
    ranks = np.concatenate([local_ranks(project.points) for project in projects])
    # A project counts by the root of its size: the largest must not speak for all.
    weights = np.concatenate([np.full(len(project.raw), len(project.raw) ** -0.5) for project in projects])
    transformers = [TfidfTransformer(sublinear_tf=True).fit(counts(raw, namespace)) for namespace in (0, 1)]
    shape = shapes(raw)
    mean, scale = shape.mean(axis=0), np.maximum(shape.std(axis=0), 1e-6) / SHAPE_SCALE
    blocks = [transformer.transform(counts(raw, namespace)) for namespace, transformer in enumerate(transformers)]
    matrix = sparse.hstack([*blocks, sparse.csr_matrix((shape - mean) / scale)]).tocsr()
    model = Ridge(alpha=ALPHA, solver="sparse_cg").fit(matrix, ranks, sample_weight=weights / weights.mean())
    n_buckets = blocks[0].shape[1]
    shape_weights = model.coef_[2 * n_buckets :] / scale
    return _Linear(
        idf=np.stack([transformer.idf_ for transformer in transformers]),
        words=model.coef_[: 2 * n_buckets].reshape(2, n_buckets),
        shape=shape_weights,
        intercept=float(model.intercept_ - mean @ shape_weights),
    )


def _left_out_scores(projects: Sequence[ProjectHistory]) -> list[Floats]:
    scores: list[Floats] = [np.zeros(0)] * len(projects)
    n_groups = min(N_GROUPS, len(projects))
    for group in range(n_groups):
        fitted = _fit([project for index, project in enumerate(projects) if index % n_groups != group])
        for index in range(group, len(projects), n_groups):
            scores[index] = fitted.scores(projects[index])
    return scores


def _slope(scores: Sequence[Floats], points: Sequence[Floats]) -> float:
    """The pooled slope of an ordinal logistic model whose levels are each project's own marginal shares."""

    def loss(slope: float) -> float:
        return sum(_loss(slope, *pair) for pair in zip(scores, points, strict=True))

    return float(minimize_scalar(loss, bounds=(0.0, 3.0), method="bounded").x)


def _loss(slope: float, scores: Floats, points: Floats) -> float:
    """Mean log loss of one project over the thresholds that tell something."""
    above = points[:, None] > np.unique(points)[None, :-1]
    marginal = above.mean(axis=0)
    kept = (marginal > _MARGINAL_RANGE[0]) & (marginal < _MARGINAL_RANGE[1])
    if not kept.any():
        return 0.0
    chance = expit(logit(marginal[kept]) + slope * scores[:, None])
    return float(-np.mean(np.where(above[:, kept], np.log(chance), np.log1p(-chance))))
