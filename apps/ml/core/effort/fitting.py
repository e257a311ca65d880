"""Fit the two heads: out-of-sample answers of the experts over time, and what is served from now on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.pipeline import Pipeline

from apps.ml.core.arrays import Floats
from apps.ml.core.effort.estimators import text_scaler
from apps.ml.core.effort.experts import (
    INFORMED_EXPERTS,
    INFORMED_PRIOR,
    INFORMED_PRIOR_ROWS,
    N_INFORMED_NAIVE,
    N_PLAIN_NAIVE,
    PLAIN_EXPERTS,
    PLAIN_PRIOR,
    PLAIN_PRIOR_ROWS,
    informed_inputs,
    plain_inputs,
    without_trees,
)
from apps.ml.core.effort.header import MINIMUM_INFORMED_ISSUES
from apps.ml.core.effort.heads import (
    Block,
    HeadCalibration,
    HeadSpec,
    Prequential,
    calibrate,
    centre_of,
    fit_line,
    fit_trees,
    lines_over_time,
    scale_of,
    trees_over_time,
)
from apps.ml.core.effort.metrics import HeadMetrics, head_metrics
from apps.ml.core.effort.mixing import best_column, prior_weights
from apps.ml.core.effort.table import EffortTable, Rows
from apps.ml.core.intervals import Totals

#: The last fifth of the issues is the seed's test part.
TEST_SHARE = 0.2
#: A head that answered fewer estimated issues out of sample was not measured, and does not answer.
MINIMUM_MEASURED_ISSUES = 10


@dataclass(frozen=True, slots=True)
class Study:
    """The data of one training and its settings."""

    table: EffortTable
    blocks: Sequence[Block]
    seed: int
    level: float

    def grown(self, inputs: Floats, target: Floats) -> GradientBoostingRegressor | None:
        """The boosted expert; None of all projects: a leaf may be of one alone, and a cut between its numbers."""
        return None if self.table.of_all else fit_trees(inputs, target, self.seed)


@dataclass(frozen=True, slots=True)
class Experts:
    """Out-of-sample answers of a head's experts, shape (n_issues, n_experts), and its trees for the future."""

    answers: Floats
    trees: GradientBoostingRegressor | None


@dataclass(frozen=True, slots=True)
class FittedHead:
    """A head ready to be folded, and what was measured of it."""

    spec: HeadSpec
    line: Pipeline
    trees: GradientBoostingRegressor | None
    calibration: HeadCalibration
    #: Errors of what was served out of sample in units of their predicted scale, in time order.
    standard_errors: Floats
    totals: Totals
    #: Column of the naive expert that did best.
    baseline: int
    metrics: HeadMetrics


def spec_of(table: EffortTable, *, informed: bool) -> HeadSpec:
    """What makes each of the two heads."""
    if informed:
        usable = ~np.isnan(table.log_estimates)
        offset = np.where(usable, table.log_estimates, 0.0)
        prior = prior_weights(INFORMED_EXPERTS, INFORMED_PRIOR)
        return HeadSpec(True, INFORMED_EXPERTS, prior, INFORMED_PRIOR_ROWS, N_INFORMED_NAIVE, usable, offset)
    everything, prior = np.ones(len(table), dtype=bool), prior_weights(PLAIN_EXPERTS, PLAIN_PRIOR)
    return HeadSpec(False, PLAIN_EXPERTS, prior, PLAIN_PRIOR_ROWS, N_PLAIN_NAIVE, everything, np.zeros(len(table)))


def fit_plain(study: Study) -> tuple[FittedHead, Floats, Prequential]:
    """The head that does not know the team's estimate, with what it said out of sample.

    Returns
    -------
    head : FittedHead
    answers : ndarray of shape (n_issues,)
        On the log scale; the prior mixture of the experts before there was a mixture to be served, NaN before those.
    past : Prequential
    """
    table, spec = study.table, spec_of(study.table, informed=False)
    lines = lines_over_time(table, spec, study.blocks)
    inputs, target = plain_inputs(lines, table.static), table.log_hours
    stand_in = without_trees(lines, table.static)
    trees = trees_over_time(
        inputs, lines, target, stand_in=stand_in, offset=spec.offset, blocks=study.blocks, fit=study.grown
    )
    answers = np.column_stack([table.naive, table.static[:, 0], lines, trees])
    past = prequential(table, spec, study.blocks, answers)
    centres = answers @ spec.prior
    centres[past.rows] = past.centre
    experts = Experts(answers, study.grown(inputs, target))
    return _fit_head(study, spec, experts, past, corrects=False), centres, past


def fit_informed(study: Study, plain: Floats, *, corrects: bool) -> FittedHead | None:
    """The head that also knows the team's estimate; None where too few issues had one to learn from or to measure on.

    Parameters
    ----------
    plain : ndarray of shape (n_issues,)
        Out-of-sample answers of the plain head.
    corrects : bool
        Whether there is something to learn in this project at all.
    """
    table, spec = study.table, spec_of(study.table, informed=True)
    if spec.usable.sum() < MINIMUM_INFORMED_ISSUES:
        return None
    lines = lines_over_time(table, spec, study.blocks)
    inputs = informed_inputs(lines - spec.offset, plain, table.log_estimates, table.static)
    target = np.where(spec.usable, table.log_hours - spec.offset, np.nan)
    trees = trees_over_time(
        inputs, lines, target, stand_in=lines, offset=spec.offset, blocks=study.blocks, fit=study.grown
    )
    answers = np.column_stack([table.log_estimates, table.naive[:, 1], plain, lines, trees])
    past = prequential(table, spec, study.blocks, answers)
    if past.rows.size < MINIMUM_MEASURED_ISSUES:
        return None
    experts = Experts(answers, study.grown(inputs, target))
    return _fit_head(study, spec, experts, past, corrects=corrects)


def _fit_head(study: Study, spec: HeadSpec, experts: Experts, past: Prequential, *, corrects: bool) -> FittedHead:
    table = study.table
    centres = np.full(len(table), np.nan)
    centres[past.rows] = past.centre
    line = fit_line(table, spec, np.flatnonzero(spec.usable))
    by_time = np.sort(past.rows)
    calibration = calibrate(table, spec, experts.answers, by_time, centres=centres, scaler=line["scaler"])
    naive = experts.answers[by_time][:, : spec.n_naive]
    weights = dict(zip(spec.names, calibration.weights.tolist(), strict=True))
    metrics = head_metrics(
        table,
        past,
        experts.answers,
        weights,
        level=study.level,
        test_share=TEST_SHARE,
        informed=spec.informed,
        corrects=corrects,
    )
    served = past.served(beats_baseline=metrics.beats_baseline)
    errors = table.log_hours[past.rows] - served
    return FittedHead(
        spec=spec,
        line=line,
        trees=experts.trees,
        calibration=calibration,
        standard_errors=errors / past.scale,
        totals=Totals.of(errors, np.exp(served)),
        baseline=best_column(naive, table.log_hours[by_time]),
        metrics=metrics,
    )


def prequential(table: EffortTable, spec: HeadSpec, blocks: Sequence[Block], experts: Floats) -> Prequential:
    """Serve the past: each calibrating block with what was learned from the blocks known before it."""
    answered = ~np.isnan(experts).any(axis=1) & spec.usable
    centres, scales, baselines = (np.full(len(table), np.nan) for _ in range(3))
    seen: Rows = np.zeros(0, dtype=np.intp)
    for block in blocks:
        rows = block.rows[answered[block.rows]]
        if not block.calibrates or not rows.size:
            continue
        earlier = np.sort(seen[seen < block.n_known])
        known = np.flatnonzero(spec.usable[: block.n_known])
        scaler = text_scaler(table.matrix.groups, informed=spec.informed).fit(table.matrix.rows[known])
        calibration = calibrate(table, spec, experts, earlier, centres=centres, scaler=scaler)
        centres[rows] = centre_of(spec, calibration, experts, rows)
        scales[rows] = scale_of(table, calibration, experts, rows, centre=centres[rows], scaler=scaler)
        best = best_column(experts[earlier][:, : spec.n_naive], table.log_hours[earlier])
        baselines[rows] = experts[rows, best]
        seen = np.concatenate([seen, rows])
    return Prequential(seen, centres[seen], scales[seen], baselines[seen])
