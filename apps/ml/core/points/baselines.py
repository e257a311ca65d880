"""What else a tool could answer: medians, the nearest issues by words, and boosted trees on word counts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.ensemble import GradientBoostingRegressor

from apps.ml.core.arrays import Floats
from apps.ml.core.intervals import recency_weights
from apps.ml.core.points.history import points_of
from apps.ml.core.points.scales import snapped
from apps.ml.core.records import CompletedIssue
from apps.ml.core.text import tokens

N_NEAREST = 10
#: Share of every baseline's distribution that is the plain marginal, so that none is punished for a zero.
FLOOR = 0.05
#: Ten issues say little about rare values, so the nearest issues lean more on the marginal.
NEAREST_FLOOR = 0.25
#: The last share of the history whose residuals become the distribution of the boosted trees.
RESIDUAL_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Distribution:
    """Predictions of one batch over one grid."""

    #: shape (n,)
    predicted: Floats
    #: shape (n_values,), ascending.
    grid: Floats
    #: shape (n, n_values), rows sum to one.
    chances: Floats


#: The anchor of the reference for probabilities: "prior, half-life 50".
RECENT = "recent shares"

Baseline = Callable[[Sequence[CompletedIssue], Sequence[CompletedIssue]], Distribution]


def median_of_last(n_last: int | None) -> Baseline:
    """The median of the last so many known issues, or of all of them, and their plain shares as the distribution."""

    def predict(known: Sequence[CompletedIssue], asked: Sequence[CompletedIssue]) -> Distribution:
        points = points_of(known)
        grid, recent = np.unique(points), points[-n_last:] if n_last else points
        chances = (1.0 - FLOOR) * _shares(recent, grid) + FLOOR * _shares(points, grid)
        predicted = np.full(len(asked), float(np.median(recent)))
        return Distribution(predicted, grid, np.tile(chances, (len(asked), 1)))

    return predict


def recent_shares(half_life: float) -> Baseline:
    """The team's shares weighted by recency, half-life in issues, and their median: the best that is blind to text."""

    def predict(known: Sequence[CompletedIssue], asked: Sequence[CompletedIssue]) -> Distribution:
        points = points_of(known)
        grid, weights = np.unique(points), recency_weights(len(points), half_life=half_life)
        recent = weights @ (points[:, None] == grid) / weights.sum()
        chances = (1.0 - FLOOR) * recent + FLOOR * _shares(points, grid)
        middle = grid[np.searchsorted(np.cumsum(chances), 0.5)]
        return Distribution(np.full(len(asked), middle), grid, np.tile(chances, (len(asked), 1)))

    return predict


def jaccard(known: Sequence[CompletedIssue], asked: Sequence[CompletedIssue]) -> Distribution:
    """Weighted mean of the ten nearest issues by token Jaccard, snapped to the values seen."""
    points = points_of(known)
    grid = np.unique(points)
    similarity = _similarity(_token_sets(asked), _token_sets(known))
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :N_NEAREST]
    weights = np.take_along_axis(similarity, nearest, axis=1) + 1e-9
    weights /= weights.sum(axis=1, keepdims=True)
    predicted = snapped((weights * points[nearest]).sum(axis=1), grid)
    own = ((points[nearest][:, :, None] == grid) * weights[:, :, None]).sum(axis=1)
    return Distribution(predicted, grid, (1.0 - NEAREST_FLOOR) * own + NEAREST_FLOOR * _shares(points, grid))


def boosted_trees(known: Sequence[CompletedIssue], asked: Sequence[CompletedIssue]) -> Distribution:
    """The seed's recipe: gradient boosting on the numbers of words in title and description."""
    points, grid = points_of(known), np.unique(points_of(known))
    X, cut = _word_counts(known), int(len(known) * (1.0 - RESIDUAL_SHARE))
    held_out = GradientBoostingRegressor(random_state=0).fit(X[:cut], points[:cut])
    residuals = points[cut:] - held_out.predict(X[cut:])
    predicted = GradientBoostingRegressor(random_state=0).fit(X, points).predict(_word_counts(asked))
    possible = snapped(predicted[:, None] + residuals, grid)
    own = (possible[:, :, None] == grid).mean(axis=1)
    return Distribution(predicted, grid, (1.0 - FLOOR) * own + FLOOR * _shares(points, grid))


BASELINES: dict[str, Baseline] = {
    "median": median_of_last(None),
    "median of last 50": median_of_last(50),
    "median of last 200": median_of_last(200),
    RECENT: recent_shares(50.0),
    "jaccard": jaccard,
    "boosted trees": boosted_trees,
}


def _shares(points: Floats, grid: Floats) -> Floats:
    shares: Floats = (points[:, None] == grid).mean(axis=0)
    return shares


def _word_counts(issues: Sequence[CompletedIssue]) -> Floats:
    return np.array(
        [[len(each.facts.title.split()), len(each.facts.description.split())] for each in issues], dtype=float
    )


def _token_sets(issues: Sequence[CompletedIssue]) -> list[set[str]]:
    return [set(tokens(f"{each.facts.title} {each.facts.description}")) for each in issues]


def _similarity(asked: Sequence[set[str]], known: Sequence[set[str]]) -> Floats:
    """Jaccard similarity of every pair, shape (n_asked, n_known)."""
    column = {token: index for index, token in enumerate(sorted(set().union(*asked, *known)))}
    shared = (_indicator(asked, column) @ _indicator(known, column).T).toarray()
    sizes = np.array([len(each) for each in asked])[:, None] + np.array([len(each) for each in known])
    similarity: Floats = shared / np.maximum(sizes - shared, 1.0)
    return similarity


def _indicator(sets: Sequence[set[str]], column: dict[str, int]) -> sparse.csr_matrix:
    ends = np.cumsum([0, *map(len, sets)])
    columns = np.array([column[token] for each in sets for token in each], dtype=np.int64)
    return sparse.csr_matrix((np.ones(len(columns)), columns, ends), shape=(len(sets), len(column)))
