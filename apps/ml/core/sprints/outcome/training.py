"""Learn the outcome of sprints from other teams' sprints: boosted trees over scale-free features.

Everything that depends on how well the trees travel (calibration, ranges, mean) is measured on projects left out of the
fit. The largest project must not speak for all: each weighs by the root of its size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression

from apps.ml.core.arrays import Booleans, Floats, Integers
from apps.ml.core.evaluation.metrics import expected_calibration_error
from apps.ml.core.sprints.outcome.features import DIRECTIONS, PROJECTED_RATIO, matrix
from apps.ml.core.sprints.outcome.folding import fold_boosters
from apps.ml.core.sprints.outcome.moment import PastSprint
from apps.ml.core.sprints.outcome.prior import LARGEST_RATIO, RawOutcomes, SprintPrior

#: Chosen by leaving projects out and by time, inside the first 70 % of each: see docs/explanation/sprint-outcome.md.
N_CHANCE_TREES, N_RATIO_TREES = 200, 120
#: Each head is the mean of boosters that differ in their draw of features.
N_BOOSTERS = 3
#: No leaf rests on fewer sprints: it cannot tell of any one.
MIN_SAMPLES_LEAF = 40
#: Points are lost where much is committed: a sprint counts by its size beside its project's mean, within these bounds.
_SIZE_BOUNDS = (0.05, 4.0)
#: The range before correction.
_LOW, _MEDIAN, _HIGH = 0.1, 0.5, 0.9
#: Summaries of the misses, not the misses: no row of the data is in the file.
N_QUANTILES = 101
_LEARNING = {
    "learning_rate": 0.04,
    "max_leaf_nodes": 8,
    "min_samples_leaf": MIN_SAMPLES_LEAF,
    "l2_regularization": 5.0,
    "max_features": 0.4,
    "early_stopping": False,
}


@dataclass(frozen=True, slots=True)
class SprintTable:
    """Sprints of several projects as arrays, shape (n, n_features) and (n,)."""

    rows: Floats
    ratio: Floats
    delivered: Booleans
    committed: Floats
    elapsed: Floats
    project: Integers

    def __getitem__(self, rows: Any) -> "SprintTable":
        return SprintTable(*(getattr(self, name)[rows] for name in self.__slots__))

    @property
    def project_weights(self) -> Floats:
        """Each project by the root of its size, shape (n,)."""
        weights = 1.0 / np.sqrt(np.bincount(self.project)[self.project])
        return np.asarray(weights / weights.mean())

    @property
    def size_weights(self) -> Floats:
        """The same times each sprint's size beside the mean of its project, shape (n,)."""
        mean = np.bincount(self.project, self.committed) / np.maximum(np.bincount(self.project), 1)
        return np.asarray(self.project_weights * np.clip(self.committed / mean[self.project], *_SIZE_BOUNDS))


def train_prior(projects: Mapping[str, Sequence[PastSprint]], *, version: str) -> SprintPrior:
    """Fit the prior on whole projects; what must stay unseen must not be in `projects`.

    Parameters
    ----------
    projects : mapping of str to sequence of PastSprint
        At least two; each sprint at one or several moments, with its team's earlier ones as its past. Sprints that
        committed to nothing are left out.
    version : str
        Stored in the file and shown with each answer.

    Raises
    ------
    ValueError
        With fewer than two projects: how the prior travels could not be measured.
    """
    table = tabled(projects)
    if len(np.unique(table.project)) < 2:
        raise ValueError("A prior needs sprints of at least two projects.")
    plain = replace(_plain_prior(table), learned_from=tuple(sorted(projects)), version=version)
    return measured_on_strangers(plain, table)


def tabled(projects: Mapping[str, Sequence[PastSprint]]) -> SprintTable:
    """Sprints that committed to something, in the order of the projects' names."""
    chosen = [
        (index, sprint)
        for index, name in enumerate(sorted(projects))
        for sprint in projects[name]
        if sprint.committed_points > 0
    ]
    return SprintTable(
        rows=matrix([sprint.moment for _, sprint in chosen]),
        ratio=np.array([sprint.ratio for _, sprint in chosen]),
        delivered=np.array([sprint.delivered for _, sprint in chosen], dtype=bool),
        committed=np.array([sprint.committed_points for _, sprint in chosen]),
        elapsed=np.array([sprint.moment.elapsed_ratio for _, sprint in chosen]),
        project=np.array([index for index, _ in chosen], dtype=np.int64),
    )


def fit_heads(table: SprintTable) -> dict[str, list[Any]]:
    """The boosters of every head."""
    ratio = np.clip(table.ratio, 0.0, LARGEST_RATIO)
    by_project, by_size = table.project_weights, table.size_weights
    beyond = ratio - table.rows[:, PROJECTED_RATIO]
    targets = {
        "chance": (None, table.delivered, by_project),
        "typical": (_MEDIAN, ratio, by_size),
        "beyond": (_MEDIAN, beyond, by_size),
        "low": (_LOW, ratio, by_project),
        "high": (_HIGH, ratio, by_project),
    }
    return {
        name: [
            _booster(quantile, seed, monotone=name != "beyond").fit(table.rows, target, weights)
            for seed in range(N_BOOSTERS)
        ]
        for name, (quantile, target, weights) in targets.items()
    }


def _plain_prior(table: SprintTable) -> SprintPrior:
    """Trees alone: nothing is known yet of how they travel."""
    return SprintPrior(
        trees={name: fold_boosters(models) for name, models in fit_heads(table).items()},
        calibration=(0.0, 1.0),
        moments=np.unique(table.elapsed),
        misses=np.zeros((0, N_QUANTILES)),
        mean_factor=np.zeros(0),
        measured={},
        learned_from=(),
        version="",
    )


def measured_on_strangers(prior: SprintPrior, table: SprintTable) -> SprintPrior:
    """The prior with its calibration, misses and mean as met on projects left out of the fit."""
    raw = _left_out(table)
    weights = 1.0 / np.bincount(table.project)[table.project]
    intercept, slope = _platt(raw.log_odds, table.delivered, weights)
    chances = 1.0 / (1.0 + np.exp(-(intercept + slope * raw.log_odds)))
    at = [table.elapsed == moment for moment in prior.moments]
    misses = raw.miss(table.ratio)
    return replace(
        prior,
        calibration=(intercept, slope),
        misses=np.array([_weighted_quantiles(misses[rows], weights[rows]) for rows in at]),
        mean_factor=np.array([_mean_factor(raw.typical[rows], table[rows]) for rows in at]),
        measured={
            "chance_calibration_error": expected_calibration_error(table.delivered, chances),
            "sprints": float(len(table.ratio)) / len(prior.moments),
        },
    )


def _booster(quantile: float | None, seed: int, *, monotone: bool) -> Any:
    directions = list(DIRECTIONS.values()) if monotone else None
    if quantile is None:
        return HistGradientBoostingClassifier(
            max_iter=N_CHANCE_TREES, monotonic_cst=directions, random_state=seed, **_LEARNING
        )
    return HistGradientBoostingRegressor(
        loss="quantile",
        quantile=quantile,
        max_iter=N_RATIO_TREES,
        monotonic_cst=directions,
        random_state=seed,
        **_LEARNING,
    )


def _left_out(table: SprintTable) -> RawOutcomes:
    """What trees of the other projects say of each project, in the table's order."""
    said = {name: np.zeros(len(table.ratio)) for name in RawOutcomes.__slots__}
    for project in np.unique(table.project):
        rows = table.project == project
        raw = _plain_prior(table[~rows]).ask(table.rows[rows])
        for name, values in said.items():
            values[rows] = getattr(raw, name)
    return RawOutcomes(**said)


def _platt(log_odds: Floats, delivered: Booleans, weights: Floats) -> tuple[float, float]:
    """Intercept and slope of the calibrated log odds; the slope is never negative."""
    model = LogisticRegression(C=1e6).fit(log_odds[:, None], delivered, weights / weights.mean())
    slope = float(model.coef_[0, 0])
    if slope > 0:
        return float(model.intercept_[0]), slope
    # Trees that rank strangers the wrong way round know nothing of them. What is left is how many deliver; turned
    # round, more work done would make it less likely.
    share = float(np.average(delivered, weights=weights))
    return float(np.log(share / (1.0 - share))), 0.0


def _mean_factor(typical: Floats, table: SprintTable) -> float:
    """Points delivered beside points said, the geometric mean of projects."""
    said = np.bincount(table.project, typical * table.committed)
    delivered = np.bincount(table.project, table.ratio * table.committed)
    known = (said > 0) & (delivered > 0)
    return float(np.exp(np.log(delivered[known] / said[known]).mean()))


def _weighted_quantiles(values: Floats, weights: Floats) -> Floats:
    order = np.argsort(values, kind="stable")
    shares = (np.cumsum(weights[order]) - 0.5 * weights[order]) / weights.sum()
    return np.asarray(np.interp(np.linspace(0.0, 1.0, N_QUANTILES), shares, values[order]))
