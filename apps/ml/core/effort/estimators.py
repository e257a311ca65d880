"""The scikit-learn side: feature matrix, pipelines, and their folding into what is served."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline

from apps.ml.core.arrays import Floats, Integers
from apps.ml.core.effort.features import TEXT_GROUPS, EffortGroup
from apps.ml.core.effort.linear import N_GROUPS, FoldedLinear
from apps.ml.core.reading import IssueReading
from apps.ml.core.trees import FlatTrees

#: Penalty of the linear expert; flat between 4 and 8 on the validation year.
CENTRE_PENALTY = 6.0
#: What is left to learn beside the team's own estimate is little: shrunk harder; flat between 15 and 150.
RATIO_PENALTY = 60.0
#: The size of an error is harder to learn than the hours. Without the team's estimate words hardly help (flat between
#: 300 and 1,000, 3 % wider ranges at 30); with it they tell whose estimates hold (5 % wider at 1,000).
PLAIN_SCALE_PENALTY = 500.0
INFORMED_SCALE_PENALTY = 30.0
#: A word seen once teaches nothing that its issue does not.
MINIMUM_DOCUMENTS = 2
N_TREES = 80
TREE_DEPTH = 3
#: A tree is grown on half of the rows, but on no more than so many. Of 20,000 tasks of CESAW 1,000, 2,000 and 3,000
#: rows a tree give the errors of 10,000 within .2 %, in a fifth, a third and half of the time.
MOST_ROWS_A_TREE = 2_000


class Matrix:
    """Raw features of many issues as one sparse matrix; columns are hashed features in order of first sight."""

    def __init__(self, readings: Sequence[IssueReading], columns: dict[int, int] | None = None) -> None:
        growing = columns is None
        self.columns: dict[int, int] = {} if columns is None else columns
        groups: list[int] = []
        data, indices, indptr = [], [], [0]
        for reading in readings:
            for key, value, group, _ in reading.features:
                column = self.columns.get(key)
                if column is None:
                    if not growing:
                        continue
                    column = self.columns[key] = len(self.columns)
                    groups.append(int(group))
                data.append(value)
                indices.append(column)
            indptr.append(len(data))
        self.groups = np.array(groups, dtype=np.int64)
        shape = (len(readings), len(self.columns))
        self.rows = sparse.csr_matrix(
            (np.array(data), np.array(indices, dtype=np.int64), np.array(indptr)), shape=shape
        )


class TextScaler(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Weigh words by rarity and scale each text to length one; leave out columns of the groups not wanted.

    Parameters
    ----------
    groups : ndarray of shape (n_columns,)
        EffortGroup of every column.
    without : tuple of int
        Groups this expert may not see.

    Attributes
    ----------
    rarity_ : ndarray of shape (n_columns,)
        Factor of each column; 0 for those left out.
    """

    def __init__(self, groups: Integers, without: tuple[int, ...] = ()) -> None:
        self.groups = groups
        self.without = without

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn how rare each word is."""
        documents = np.bincount(X.indices, minlength=X.shape[1])
        words = np.isin(self.groups, [int(group) for group in TEXT_GROUPS])
        rarity = np.log((1.0 + X.shape[0]) / (1.0 + documents)) + 1.0
        self.rarity_ = np.where(words, np.where(documents >= MINIMUM_DOCUMENTS, rarity, 0.0), 1.0 * (documents > 0))
        self.rarity_[np.isin(self.groups, self.without)] = 0.0
        return self

    def transform(self, X: Any) -> Any:
        """Scaled copy of the raw matrix, shape unchanged."""
        scaled = X.copy()
        scaled.data = scaled.data * self.rarity_[scaled.indices]
        row_of = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
        for group in TEXT_GROUPS:
            inside = self.groups[scaled.indices] == int(group)
            squares = np.bincount(row_of[inside], weights=scaled.data[inside] ** 2, minlength=X.shape[0])
            scaled.data[inside] /= np.sqrt(np.maximum(squares, 1e-300))[row_of[inside]]
        scaled.eliminate_zeros()
        return scaled


def linear_pipeline(groups: Integers, *, informed: bool) -> Pipeline:
    """Ridge regression on scaled features: of log hours, or of their ratio to the team's own estimate."""
    penalty = RATIO_PENALTY if informed else CENTRE_PENALTY
    return Pipeline([("scaler", text_scaler(groups, informed=informed)), ("ridge", _ridge(penalty))])


def text_scaler(groups: Integers, *, informed: bool) -> TextScaler:
    """The scaler of a head; the one that answers without the team's estimate may not see it."""
    return TextScaler(groups, () if informed else (int(EffortGroup.ESTIMATE),))


def _ridge(penalty: float) -> Ridge:
    return Ridge(alpha=penalty, solver="sparse_cg", tol=1e-5)


def scale_features(scaler: TextScaler, raw: Any, dense: Floats) -> Any:
    """What the size of an error is predicted from: the scaled features and a few numbers of the prediction itself."""
    return sparse.hstack([scaler.transform(raw), sparse.csr_matrix(dense)]).tocsr()


def scale_ridge(*, informed: bool) -> Ridge:
    """Ridge regression on the log size of errors."""
    return _ridge(INFORMED_SCALE_PENALTY if informed else PLAIN_SCALE_PENALTY)


def constant_scale(n_features: int, log_scale: float) -> Ridge:
    """A fitted regression that always answers `log_scale`: what is used until errors were seen."""
    return _ridge(PLAIN_SCALE_PENALTY).fit(sparse.csr_matrix((2, n_features)), np.full(2, log_scale))


def boosted_trees(inputs: Floats, target: Floats, seed: int) -> GradientBoostingRegressor:
    """The seed's algorithm, fitted on the dense features of predictions, shape (n, n_inputs), all of them finite."""
    trees = GradientBoostingRegressor(
        n_estimators=N_TREES,
        max_depth=TREE_DEPTH,
        learning_rate=0.06,
        subsample=min(0.5, MOST_ROWS_A_TREE / target.size),
        min_samples_leaf=20,
        random_state=seed,
    )
    # Checks of the same numbers before each of the trees take a tenth of the time.
    with config_context(assume_finite=True, skip_parameter_validation=True):
        return trees.fit(inputs, target)


def fold_linear(columns: dict[int, int], centre: Pipeline, scale: Ridge, raw: Any) -> FoldedLinear:
    """One look-up table for the centre (output 0) and the error size (output 1) of a head; `raw` sets the means."""
    scaler, ridge = centre["scaler"], centre["ridge"]
    n_columns = len(columns)
    coefficients = np.column_stack([ridge.coef_, scale.coef_[:n_columns]])
    kept = scaler.rarity_ > 0
    keys = np.fromiter(columns, dtype=np.int64, count=n_columns)[kept]
    return FoldedLinear(
        keys={int(key): row for row, key in enumerate(keys)},
        rarity=scaler.rarity_[kept],
        coefficients=coefficients[kept],
        intercepts=np.array([float(ridge.intercept_), float(scale.intercept_)]),
        means=_group_means(centre, raw),
    )


def _group_means(centre: Pipeline, raw: Any) -> Floats:
    """What each group adds to the centre on average over `raw`, shape (n_groups, 2); the second column stays zero."""
    scaler, ridge = centre["scaler"], centre["ridge"]
    average = np.asarray(scaler.transform(raw).mean(axis=0)).ravel() * ridge.coef_
    means = np.zeros((N_GROUPS, 2))
    means[:, 0] = np.bincount(scaler.groups, weights=average, minlength=N_GROUPS)
    return means


def fold_trees(model: GradientBoostingRegressor) -> FlatTrees:
    """All trees of a fitted booster in flat arrays."""
    trees = [stage[0].tree_ for stage in model.estimators_]
    roots = np.cumsum([0] + [tree.node_count for tree in trees[:-1]])
    own = np.arange(sum(tree.node_count for tree in trees))
    left, right, feature, threshold, value = [], [], [], [], []
    for root, tree in zip(roots, trees, strict=True):
        leaf = tree.children_left < 0
        node = own[root : root + tree.node_count]
        left.append(np.where(leaf, node, tree.children_left + root))
        right.append(np.where(leaf, node, tree.children_right + root))
        feature.append(np.where(leaf, 0, tree.feature))
        threshold.append(np.where(leaf, 0.0, tree.threshold))
        value.append(model.learning_rate * tree.value[:, 0, 0])
    return FlatTrees(
        feature=np.concatenate(feature).astype(np.int32),
        threshold=np.concatenate(threshold),
        left=np.concatenate(left).astype(np.int32),
        right=np.concatenate(right).astype(np.int32),
        value=np.concatenate(value),
        roots=roots.astype(np.int32),
        depth=max(tree.max_depth for tree in trees),
        start=float(model.init_.constant_[0][0]),
    )
