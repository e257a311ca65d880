"""One head, from out-of-sample experts to a centre and a scale: the part of training that is the same for both heads.

Everything that is learned for block b of the history uses outcomes before it only, so each number in `Prequential` is
what would have been served (Dawid, Statistical theory: the prequential approach, 1984).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline

from apps.ml.core.arrays import Booleans, Floats
from apps.ml.core.effort.estimators import boosted_trees, constant_scale, linear_pipeline, scale_features, scale_ridge
from apps.ml.core.effort.experts import N_SCALE_INPUTS, best_snap, scale_from_log, scale_inputs, snapped
from apps.ml.core.effort.mixing import mixture_weights
from apps.ml.core.effort.table import EffortTable, Rows

#: Fewer rows than this grow trees that remember instead of learning.
MINIMUM_ROWS_FOR_TREES = 150
#: Fewer rows than this fit no line either.
MINIMUM_ROWS_FOR_LINE = 15
#: Log errors below 5 % are exact hits; their log would rule the fit of the error size.
SMALLEST_ERROR = 0.05
#: Mean log error before any was seen: off by a factor of 2.2, as models of hours are.
_START_SCALE = 0.8


@dataclass(frozen=True, slots=True)
class Block:
    """Rows asked about in one stretch of time, and how many outcomes were known when it began."""

    rows: Rows
    n_known: int
    calibrates: bool


def blocks_of(table: EffortTable, *, n_blocks: int = 10) -> list[Block]:
    """Cut the history into blocks in the order of asking; the later half (two thirds, if short) calibrates."""
    n = len(table)
    first = 0.5 if n >= 2 * MINIMUM_ROWS_FOR_TREES else 0.3
    edges = np.unique(np.round(np.linspace(0.1, 1.0, n_blocks) * n).astype(int))
    blocks = []
    for start, end in pairwise(edges):
        rows = table.asked_order[start:end]
        blocks.append(Block(rows, int(table.known_outcomes[rows[0]]), bool(start >= first * n - 1)))
    return blocks


@dataclass(frozen=True, slots=True)
class HeadSpec:
    """What makes a head: its rows, what is added to its target, its experts and their prior."""

    informed: bool
    names: tuple[str, ...]
    prior: Floats
    prior_rows: float
    n_naive: int
    #: Rows of the table it can learn from.
    usable: Booleans
    #: Subtracted from log hours before fitting (the own estimate, or zero), shape (n,).
    offset: Floats


def fit_line(table: EffortTable, spec: HeadSpec, rows: Rows) -> Pipeline:
    """The linear expert on the given rows."""
    line = linear_pipeline(table.matrix.groups, informed=spec.informed)
    line.fit(table.matrix.rows[rows], (table.log_hours - spec.offset)[rows])
    return line


def lines_over_time(table: EffortTable, spec: HeadSpec, blocks: Sequence[Block]) -> Floats:
    """Out-of-sample answers of the linear expert, shape (n,); NaN before there was enough to learn from."""
    answers = np.full(len(table), np.nan)
    for block in blocks:
        known = np.flatnonzero(spec.usable[: block.n_known])
        rows = block.rows[spec.usable[block.rows]]
        if known.size >= MINIMUM_ROWS_FOR_LINE and rows.size:
            answers[rows] = fit_line(table, spec, known).predict(table.matrix.rows[rows]) + spec.offset[rows]
    return answers


def fit_trees(inputs: Floats, target: Floats, seed: int) -> GradientBoostingRegressor | None:
    """The boosted expert; None where the rows are too few for trees."""
    known = np.flatnonzero(~np.isnan(inputs).any(axis=1) & ~np.isnan(target))
    if known.size < MINIMUM_ROWS_FOR_TREES:
        return None
    return boosted_trees(inputs[known], target[known], seed)


def trees_over_time(
    inputs: Floats,
    lines: Floats,
    target: Floats,
    *,
    stand_in: Floats,
    offset: Floats,
    blocks: Sequence[Block],
    fit: Callable[[Floats, Floats], GradientBoostingRegressor | None],
) -> Floats:
    """Out-of-sample answers of the boosted expert on calibrating blocks, shape (n,); the linear ones before them.

    `stand_in` (shape (n,)) answers where `fit` grows no trees.
    """
    answers = lines.copy()
    for block in blocks:
        if not block.calibrates:
            continue
        rows = block.rows[~np.isnan(inputs[block.rows]).any(axis=1)]
        trees = fit(inputs[: block.n_known], target[: block.n_known])
        if rows.size:
            answers[rows] = stand_in[rows] if trees is None else trees.predict(inputs[rows]) + offset[rows]
    return answers


@dataclass(frozen=True, slots=True)
class HeadCalibration:
    """What turns experts into a centre and a scale."""

    weights: Floats
    snap: float
    scale: Ridge


@dataclass(frozen=True, slots=True)
class Prequential:
    """What would have been served on the calibrating rows, in the order of asking; arrays of shape (n_rows,)."""

    rows: Rows
    centre: Floats
    scale: Floats
    baseline: Floats

    def served(self, *, beats_baseline: bool) -> Floats:
        """The mixture, or the baseline where nothing learned beats it, on the log scale, shape (n_rows,)."""
        return self.centre if beats_baseline else self.baseline


def calibrate(
    table: EffortTable, spec: HeadSpec, experts: Floats, rows: Rows, *, centres: Floats, scaler: Any
) -> HeadCalibration:
    """Weights, snap threshold and error size from out-of-sample rows (in time order).

    `centres` (shape (n,)) holds what was already served out of sample, NaN elsewhere: errors of answers that knew the
    outcome would promise too much.
    """
    truth = table.log_hours[rows]
    # With an estimate most answers are right and small; the hours are lost on the large ones, so those weigh more.
    stakes = np.exp(spec.offset[rows] / 2) if spec.informed else np.ones(rows.size)
    weights = mixture_weights(experts[rows], truth, spec.prior, prior_rows=spec.prior_rows, stakes=stakes)
    snap = best_snap(experts[rows] @ weights, spec.offset[rows], truth) if spec.informed else 0.0
    served = rows[~np.isnan(centres[rows])]
    return HeadCalibration(weights, snap, _fit_scale(table, experts, served, centres, scaler, informed=spec.informed))


def _fit_scale(
    table: EffortTable, experts: Floats, rows: Rows, centres: Floats, scaler: Any, *, informed: bool
) -> Ridge:
    if rows.size < MINIMUM_ROWS_FOR_LINE:
        return constant_scale(len(table.matrix.columns) + N_SCALE_INPUTS, math.log(_START_SCALE))
    size = np.log(np.maximum(np.abs(table.log_hours - centres)[rows], SMALLEST_ERROR))
    dense = scale_inputs(centres[rows], experts[rows], table.static[rows])
    return scale_ridge(informed=informed).fit(scale_features(scaler, table.matrix.rows[rows], dense), size)


def centre_of(spec: HeadSpec, calibration: HeadCalibration, experts: Floats, rows: Rows) -> Floats:
    """The mixture's answer, kept at the own estimate where it hardly differs, shape (n_rows,)."""
    centre = np.asarray(experts[rows] @ calibration.weights)
    return snapped(centre, spec.offset[rows], calibration.snap) if spec.informed else centre


def scale_of(
    table: EffortTable, calibration: HeadCalibration, experts: Floats, rows: Rows, *, centre: Floats, scaler: Any
) -> Floats:
    """Predicted size of the error on the log scale, shape (n_rows,)."""
    dense = scale_inputs(centre, experts[rows], table.static[rows])
    return scale_from_log(calibration.scale.predict(scale_features(scaler, table.matrix.rows[rows], dense)))
