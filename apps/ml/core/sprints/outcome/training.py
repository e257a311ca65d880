"""Learn the outcome of sprints from other teams' sprints: boosted trees over scale-free features.

One classifier answers for a sprint and a level whether the sprint reaches it: ordered thresholds of one distribution.
How far that travels is measured on projects left out of the fit. The largest project must not speak for all: each
weighs by the root of its size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from apps.ml.core.arrays import Booleans, Floats, Integers
from apps.ml.core.evaluation.metrics import expected_calibration_error
from apps.ml.core.sprints.outcome.distribution import LEVELS, OutcomeDistribution, levels_reached, thresholds
from apps.ml.core.sprints.outcome.features import DIRECTIONS, matrix
from apps.ml.core.sprints.outcome.folding import fold_boosters
from apps.ml.core.sprints.outcome.moment import DELIVERED_SHARE, PastSprint
from apps.ml.core.sprints.outcome.prior import SprintPrior, asked_rows

#: Chosen by leaving projects out, inside the first 70 % of each: see docs/explanation/sprint-outcome.md.
N_TREES = 150
#: The mean of boosters that differ in their draw of features.
N_BOOSTERS = 2
#: Rows, a sprint at a moment and a level: no leaf rests on fewer than 25 sprints at one moment, six at all four.
MIN_SAMPLES_LEAF = 400
#: On projects left out the trees' log odds are too large by about this.
SLOPE = 0.9
#: Points are lost where much is in scope: a sprint counts by its size beside its project's mean, within these bounds.
_SIZE_BOUNDS = (0.05, 4.0)
#: A higher level is never likelier. The share that it means is free: it tells levels of different sprints apart.
_DIRECTIONS = [*DIRECTIONS.values(), -1, 0]
_LEARNING = {
    "learning_rate": 0.06,
    "max_leaf_nodes": 10,
    "l2_regularization": 5.0,
    "max_features": 0.4,
    "early_stopping": False,
    "monotonic_cst": _DIRECTIONS,
}


@dataclass(frozen=True, slots=True)
class SprintTable:
    """Sprints of several projects as arrays, shape (n, n_features) and (n,)."""

    rows: Floats
    ratio: Floats
    done_share: Floats
    delivered: Booleans
    scope: Floats
    elapsed: Floats
    project: Integers

    def __getitem__(self, rows: Any) -> "SprintTable":
        return SprintTable(*(getattr(self, name)[rows] for name in self.__slots__))

    @property
    def weights(self) -> Floats:
        """Each project by the root of its size, each sprint by the root of its own beside its project's mean: (n,)."""
        count = np.bincount(self.project)[self.project]
        mean = (np.bincount(self.project, self.scope) / np.maximum(np.bincount(self.project), 1))[self.project]
        size = np.clip(self.scope / mean, *_SIZE_BOUNDS)
        return np.asarray(np.sqrt(size / count))


def train_prior(projects: Mapping[str, Sequence[PastSprint]], *, version: str) -> SprintPrior:
    """Fit the prior on whole projects; what must stay unseen must not be in `projects`.

    Parameters
    ----------
    projects : mapping of str to sequence of PastSprint
        At least two; each sprint at one or several moments, with its team's earlier ones as its past. Sprints that
        had nothing in scope are left out.
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
    measured = {
        "chance_calibration_error": expected_calibration_error(table.delivered, _left_out_chances(table)),
        "sprints": float(len(table.ratio)) / len(np.unique(table.elapsed)),
    }
    return replace(_fitted(table), measured=measured, learned_from=tuple(sorted(projects)), version=version)


def tabled(projects: Mapping[str, Sequence[PastSprint]]) -> SprintTable:
    """Sprints that had something in scope, in the order of the projects' names."""
    chosen = [
        (index, sprint)
        for index, name in enumerate(sorted(projects))
        for sprint in projects[name]
        if sprint.scope_points > 0
    ]
    return SprintTable(
        rows=matrix([sprint.moment for _, sprint in chosen]),
        ratio=np.array([sprint.ratio for _, sprint in chosen]),
        done_share=np.array([sprint.moment.done_share for _, sprint in chosen]),
        delivered=np.array([sprint.delivered for _, sprint in chosen], dtype=bool),
        scope=np.array([sprint.scope_points for _, sprint in chosen]),
        elapsed=np.array([sprint.moment.elapsed_ratio for _, sprint in chosen]),
        project=np.array([index for index, _ in chosen], dtype=np.int64),
    )


def taught_rows(table: SprintTable) -> tuple[Floats, Booleans]:
    """What boosters learn from, and which sprints and levels that is: a level that is done already teaches nothing.

    Returns
    -------
    rows : ndarray of shape (n_taught, n_features + 2)
    open_levels : ndarray of shape (n * n_levels,)
    """
    open_levels = (thresholds(table.done_share) > table.done_share[:, None] + 1e-9).reshape(-1)
    return asked_rows(table.rows, table.done_share)[open_levels], open_levels


def fit_boosters(table: SprintTable, *, n_trees: int = N_TREES, min_samples_leaf: int = MIN_SAMPLES_LEAF) -> list[Any]:
    """Boosters of one classifier over sprints and levels."""
    rows, open_levels = taught_rows(table)
    reached = levels_reached(table.ratio, table.done_share).reshape(-1)[open_levels]
    weights = table.weights.repeat(len(LEVELS))[open_levels]
    return [
        HistGradientBoostingClassifier(
            max_iter=n_trees, min_samples_leaf=min_samples_leaf, random_state=seed, **_LEARNING
        ).fit(rows, reached, weights / weights.mean())
        for seed in range(N_BOOSTERS)
    ]


def _fitted(table: SprintTable) -> SprintPrior:
    """Trees alone: nothing is known yet of how they travel."""
    return SprintPrior(fold_boosters(fit_boosters(table)), SLOPE, measured={}, learned_from=(), version="")


def _left_out_chances(table: SprintTable) -> Floats:
    """The chance of delivering that trees of the other projects tell of each project, in the table's order."""
    chances = np.zeros(len(table.ratio))
    for project in np.unique(table.project):
        rows = np.flatnonzero(table.project == project)
        asked = table[rows]
        said = _fitted(table[table.project != project]).chances_of(asked.rows, asked.done_share)
        chances[rows] = [
            OutcomeDistribution.of_levels(one, done).chance_of(DELIVERED_SHARE)
            for one, done in zip(said, asked.done_share, strict=True)
        ]
    return chances
