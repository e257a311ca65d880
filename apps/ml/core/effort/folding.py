"""Write what was fitted as arrays and JSON: the serving artefact."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.ml.core import artifact
from apps.ml.core.arrays import Floats
from apps.ml.core.effort.estimators import fold_linear, fold_trees
from apps.ml.core.effort.fitting import FittedHead
from apps.ml.core.effort.header import KIND, Header, HeadHeader
from apps.ml.core.effort.table import EffortTable
from apps.ml.core.intervals import MAX_TRAINING_ERRORS

#: Of all projects: so many standard deviations from the mean lie nearly all estimates; the very ends are of one issue.
USUAL_DEVIATIONS = 3.0


def folded(table: EffortTable, heads: Sequence[FittedHead], header: Header) -> bytes:
    """The serving artefact of fitted heads."""
    arrays: dict[str, NDArray[Any]] = {} if table.neighbours is None else table.neighbours.to_arrays()
    meta: dict[str, Any] = {**header.to_json(), "levels": table.levels.to_json(), "heads": {}}
    for head in heads:
        name = "informed" if head.spec.informed else "plain"
        arrays |= {f"{name}_{key}": value for key, value in _head_arrays(table, head).items()}
        meta["heads"][name] = _head_header(table, head).to_json()
    return artifact.dumps(KIND, arrays, meta)


def _head_arrays(table: EffortTable, head: FittedHead) -> dict[str, NDArray[Any]]:
    usable = np.flatnonzero(head.spec.usable)
    scale = head.calibration.scale
    arrays = fold_linear(table.matrix.columns, head.line, scale, table.matrix.rows[usable]).to_arrays()
    if head.trees is not None:
        arrays |= fold_trees(head.trees).to_arrays("trees_")
    return {
        **arrays,
        "weights": head.calibration.weights,
        "scale_dense": np.asarray(scale.coef_[len(table.matrix.columns) :]),
        "standard_errors": head.standard_errors[-MAX_TRAINING_ERRORS:],
    }


def _head_header(table: EffortTable, head: FittedHead) -> HeadHeader:
    return HeadHeader(
        snap=head.calibration.snap,
        baseline=head.baseline,
        serves_model=head.metrics.beats_baseline,
        more_issues_needed=head.metrics.more_issues_needed,
        measured_malr=head.metrics.malr,
        baseline_malr=head.metrics.baseline_malr,
        n_measured=head.metrics.n_test,
        totals=asdict(head.totals),
        log_estimates=_ends(table, head.spec.offset[head.spec.usable]) if head.spec.informed else None,
        missing_coverage=head.metrics.missing_coverage,
        head_share=head.metrics.head_share,
    )


def _ends(table: EffortTable, log_estimates: Floats) -> tuple[float, float]:
    """Between which estimates the head has learned; in a model of all projects the ends are no issue's estimate."""
    if not table.of_all:
        return float(log_estimates.min()), float(log_estimates.max())
    usual, far = float(log_estimates.mean()), USUAL_DEVIATIONS * float(log_estimates.std())
    return usual - far, usual + far
