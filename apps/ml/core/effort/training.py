"""Train the effort model: what would have been served on the past decides what is served from now on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import Ridge

from apps.common.exceptions import NotEnoughData
from apps.ml.core import artifact
from apps.ml.core.effort.estimators import fold_linear
from apps.ml.core.effort.experts import bounded_hours
from apps.ml.core.effort.fitting import FittedHead, Study, fit_informed, fit_plain, spec_of
from apps.ml.core.effort.folding import folded
from apps.ml.core.effort.header import KIND, MIN_TRAINING_ISSUES, Header
from apps.ml.core.effort.heads import Prequential, blocks_of, fit_line
from apps.ml.core.effort.metrics import EffortMetrics
from apps.ml.core.effort.table import EffortTable, build_table
from apps.ml.core.records import CompletedIssue, with_hours

Scope = Literal["project", "global"]
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class TrainedEffortModel:
    """A trained model in its two forms, with what was measured on issues it had not seen."""

    #: Fitted scikit-learn objects by name, for the joblib artefact.
    estimators: dict[str, Any]
    #: The serving artefact: arrays and JSON.
    serving: bytes
    metrics: EffortMetrics
    training_samples: int
    #: Issue to the hours that were said of it out of sample, without the team's estimate, knowing older outcomes only.
    test_predictions: dict[str, float]

    @property
    def beats_baseline(self) -> bool:
        """Whether the model without the team's estimate beat the best naive level; else it answers with that level."""
        return self.metrics.plain.beats_baseline


def _silent(_step: str, _share: float) -> None:
    """Tell nobody."""


def train_effort_model(
    issues: Sequence[CompletedIssue],
    *,
    now: datetime,
    level: float = 0.8,
    seed: int = 0,
    scope: Scope = "project",
    version: str = "",
    progress: Progress | None = None,
) -> TrainedEffortModel:
    """Train on finished issues and measure on the latest of them.

    Parameters
    ----------
    issues : sequence of CompletedIssue
        Those without hours, and those completed after `now`, are left out. Outliers stay: they are part of the truth.
    now : datetime
        Time-zone aware.
    level : float
        Share of outcomes that ranges shall hold, in (0, 1).
    seed : int
        Of the boosted trees' subsamples.
    scope : {"project", "global"}
        A global model learns nothing of one project alone, see `features.read`.
    version : str
        Returned with every estimate.
    progress : callable, optional
        Told the step and the share done, in [0, 1].

    Raises
    ------
    NotEnoughData
        Below 50 completed issues with hours.
    """
    tell = progress or _silent
    tell("Reading issues", 0.0)
    table = build_table(_usable(issues, now), of_all=scope == "global")
    study = Study(table, blocks_of(table), seed, level)
    tell("Fitting without the team's estimates", 0.3)
    plain, answers, past = fit_plain(study)
    tell("Fitting with the team's estimates", 0.6)
    informed = fit_informed(study, answers, corrects=plain.metrics.beats_baseline)
    tell("Folding", 0.95)
    heads = [head for head in (plain, informed) if head is not None]
    header = Header(
        version=version,
        level=level,
        scope=scope,
        trained_at=now.isoformat(),
        n_issues=len(table),
        n_pointed=_pointed(table),
        in_time=table.in_time,
    )
    model = TrainedEffortModel(
        estimators=_estimators(table, heads),
        serving=folded(table, heads, header),
        metrics=EffortMetrics(plain=plain.metrics, informed=informed.metrics if informed else None),
        training_samples=len(table),
        test_predictions=_out_of_sample_predictions(table, past, serves_model=plain.metrics.beats_baseline),
    )
    tell("Done", 1.0)
    return model


def _estimators(table: EffortTable, heads: Sequence[FittedHead]) -> dict[str, Any]:
    named: dict[str, Any] = {"columns": np.fromiter(table.matrix.columns, dtype=np.int64)}
    for head in heads:
        name = "informed" if head.spec.informed else "plain"
        named |= {f"{name}_linear": head.line, f"{name}_boosted": head.trees, f"{name}_scale": head.calibration.scale}
    return named


def _out_of_sample_predictions(table: EffortTable, past: Prequential, *, serves_model: bool) -> dict[str, float]:
    """What would have been served of every row that was measured: the mixture, or the baseline where it abstains."""
    centres = past.centre if serves_model else past.baseline
    return {table.issue_ids[row]: bounded_hours(centre) for row, centre in zip(past.rows, centres, strict=True)}


def _pointed(table: EffortTable) -> int:
    return sum(reading.facts.story_points is not None for reading in table.readings)


def _usable(issues: Sequence[CompletedIssue], now: datetime) -> list[CompletedIssue]:
    usable = with_hours([issue for issue in issues if issue.completed_at <= now])
    if len(usable) < MIN_TRAINING_ISSUES:
        raise NotEnoughData(have=len(usable), needed=MIN_TRAINING_ISSUES, what="completed issues with hours")
    return usable


def refit_effort_model(
    previous: TrainedEffortModel, issues: Sequence[CompletedIssue], *, now: datetime, version: str = ""
) -> TrainedEffortModel:
    """Learn the latest outcomes with everything that was weighed out of sample kept: trees, weights, ranges, verdict.

    Levels, similar issues and the linear experts are fitted anew, which is nine tenths of what freshness brings at a
    fifth of the cost of training. Train again when the data has grown by a fifth.

    Raises
    ------
    NotEnoughData
        Below 50 completed issues with hours.
    """
    old = artifact.loads(previous.serving, kind=KIND)
    table = build_table(_usable(issues, now), of_all=old.meta["scope"] == "global", history=False)
    arrays = {} if table.neighbours is None else table.neighbours.to_arrays()
    estimators: dict[str, Any] = {**previous.estimators, "columns": np.fromiter(table.matrix.columns, dtype=np.int64)}
    for name in old.meta["heads"]:
        spec = spec_of(table, informed=name == "informed")
        rows = np.flatnonzero(spec.usable)
        line, scale = fit_line(table, spec, rows), _moved_scale(previous.estimators, name, table)
        estimators |= {f"{name}_linear": line, f"{name}_scale": scale}
        kept = {key: value for key, value in old.arrays.items() if key.startswith(f"{name}_")}
        folded = fold_linear(table.matrix.columns, line, scale, table.matrix.rows[rows]).to_arrays()
        arrays |= kept | {f"{name}_{key}": value for key, value in folded.items()}
    meta = {**old.meta, "levels": table.levels.to_json(), "trained_at": now.isoformat()}
    meta |= {"n_issues": len(table), "n_pointed": _pointed(table)}
    meta["version"] = version or meta["version"]
    serving = artifact.dumps(KIND, arrays, meta)
    return TrainedEffortModel(estimators, serving, previous.metrics, len(table), previous.test_predictions)


def _moved_scale(estimators: dict[str, Any], name: str, table: EffortTable) -> Ridge:
    """The error-size regression of before, its coefficients moved to the columns of the new table."""
    old, n_old = estimators[f"{name}_scale"], estimators["columns"].size
    place = {int(key): column for column, key in enumerate(estimators["columns"])}
    moved = clone(old)
    words = [old.coef_[place[key]] if key in place else 0.0 for key in table.matrix.columns]
    moved.coef_ = np.concatenate([words, old.coef_[n_old:]])
    moved.intercept_, moved.n_features_in_ = old.intercept_, moved.coef_.size
    return moved
