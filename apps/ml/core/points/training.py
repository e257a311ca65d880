"""Train a team's points model: basis, experts, trust, calibration, and the folded artefact. Imports scikit-learn."""

from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from apps.ml.core.arrays import Floats, Integers
from apps.ml.core.evaluation import metrics as evaluation
from apps.ml.core.points import calibration as calibrate
from apps.ml.core.points import scores
from apps.ml.core.points.basis import Basis, fit_basis
from apps.ml.core.points.experts import Panel, active_experts, penalties, text_blind
from apps.ml.core.points.features import SHAPE_NAMES, RawFeatures
from apps.ml.core.points.folding import fold, unfolded
from apps.ml.core.points.history import PointsHistory, read_history
from apps.ml.core.points.prior import PointsPrior
from apps.ml.core.points.scales import Scale, medians, probabilities, proper, shortest_ranges
from apps.ml.core.points.walk import BLOCK, OutOfSampleRecord, trust, walk_forward
from apps.ml.core.records import CompletedIssue

#: Out-of-sample statements about this many last issues decide trust, calibration and abstention.
MEMORY = 600
#: Relative to the text-blind experts the model must gain at least this share of the ranked score ...
MIN_RPS_GAIN = 0.005
#: ... and may lose at most this share of the absolute error, which is coarse on a scale of few values.
MAX_MAE_LOSS = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class TrainedPointsModel:
    """What one training leaves behind."""

    #: Fitted scikit-learn objects, for joblib: opened only by training and diagnosis.
    estimators: dict[str, Any]
    #: The serving artefact, read by `PointsModel.from_bytes`.
    serving: bytes
    #: Out-of-sample figures of the last issues; `baseline_*` are those of the team's text-blind distribution.
    metrics: dict[str, float]
    beats_baseline: bool
    training_samples: int
    #: Issue to the points that were recommended for it out of sample, knowing older issues only.
    test_predictions: dict[str, float]
    #: Vocabulary and topics, to be handed to a quick refit.
    basis: Basis


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What a mixture would have said out of sample, as it would have been answered; shape (n, n_values - 1)."""

    survival: Floats
    points: Floats
    #: shape (n_experts,), as trusted now.
    weights: Floats
    promises: calibrate.PointsCalibration


def train_points_model(
    issues: Sequence[CompletedIssue],
    *,
    now: datetime,
    prior: PointsPrior | None,
    level: float = 0.8,
    seed: int = 0,
    version: str = "",
    progress: Callable[[float], None] | None = None,
    basis: Basis | None = None,
    cache: MutableMapping[str, RawFeatures] | None = None,
    horizon: int = BLOCK,
    of_all: bool = False,
) -> TrainedPointsModel:
    """Train on the issues whose points were known by `now`.

    Parameters
    ----------
    issues : sequence of CompletedIssue
        Any order; those without points or completed after `now` are left out.
    prior : PointsPrior or None
        The cross-project prior; the artefact can be served with this version of it only.
    level : float
        Promised share of outcomes inside the range.
    progress : callable, optional
        Told the share of the walk through history that is done.
    basis : Basis, optional
        Vocabulary and topics of an earlier training, for a quick refit.
    cache : mutable mapping, optional
        Features by issue id, kept between refits.
    horizon : int
        How many issues the model is to answer before the next training; a long one leaves out short memories.
    of_all : bool
        Whether the issues are of all projects, so that a bound of what was seen would be one project's.

    Raises
    ------
    NotEnoughData
        With fewer than `MIN_TRAINING_ISSUES` issues with points.
    """
    history = read_history(issues, now=now, prior=prior, cache={} if cache is None else cache)
    basis = basis or fit_basis(history.raw, history.scores, seed=seed, of_all=of_all)
    walk = _walk(history, basis, prior, progress or _silent)
    model = _mixture(walk, history, active_experts(horizon), level, calibrate.USUAL_SHARPNESS)
    # Shares of the past were never shrunk, so nothing speaks for sharpening them before the record does.
    baseline = _mixture(walk, history, text_blind(active_experts(horizon)), level, 1.0)
    metrics = _metrics(model, baseline, history.scale)
    beats = _beats(metrics)
    chosen = model if beats else baseline
    facts = {
        "method": "ml_model" if beats else "baseline",
        "version": version,
        "n_issues": len(history.points),
        "prior_version": None if prior is None else prior.version,
        "metrics": metrics,
    }
    folded = fold(basis, walk.experts, chosen.weights, history=history, promises=chosen.promises, facts=facts)
    return TrainedPointsModel(
        estimators=unfolded(basis, walk.experts, chosen.weights, history),
        serving=folded.to_bytes(),
        metrics=metrics,
        beats_baseline=beats,
        training_samples=len(history.points),
        test_predictions=_out_of_sample_predictions(history, walk, chosen),
        basis=basis,
    )


def _silent(share: float) -> None:
    """No display."""


def _walk(
    history: PointsHistory, basis: Basis, prior: PointsPrior | None, progress: Callable[[float], None]
) -> OutOfSampleRecord:
    panel = Panel(
        penalty=penalties(len(SHAPE_NAMES), basis.n_topics),
        n_thresholds=len(history.scale.thresholds),
        slope=0.0 if prior is None else prior.slope,
    )
    Z = basis.design(history.raw, history.scores)
    return walk_forward(Z, history.points, history.scale, panel, memory=MEMORY, progress=progress)


def _mixture(
    walk: OutOfSampleRecord, history: PointsHistory, who: Integers, level: float, usual_sharpness: float
) -> _Candidate:
    """What the chosen experts would have said together, and their weights now (zero for the others)."""
    trusted = trust(walk.losses[who])
    mixed = np.einsum("ent,ne->nt", walk.survival[who], trusted[:-1])
    now = np.zeros(len(walk.experts))
    now[who] = trusted[-1]
    raw, points = proper(history.scale.survival(mixed)), history.points[walk.rows]
    promises = calibrate.calibrated(
        raw, points, history.scale, history.marginal, level=level, usual_sharpness=usual_sharpness
    )
    return _Candidate(promises.calibrated(raw, history.marginal), points, now, promises)


def _out_of_sample_predictions(history: PointsHistory, walk: OutOfSampleRecord, chosen: _Candidate) -> dict[str, float]:
    recommended = medians(chosen.survival, history.scale)
    return {history.issue_ids[row]: float(each) for row, each in zip(walk.rows, recommended, strict=True)}


def _metrics(model: _Candidate, baseline: _Candidate, scale: Scale) -> dict[str, float]:
    served = _figures(model, scale)
    naive = _figures(baseline, scale)
    return {
        **served,
        "rmae": served["mae"] / naive["mae"] if naive["mae"] > 0 else 1.0,
        **{f"baseline_{name}": value for name, value in naive.items()},
        "scored_issues": float(len(model.points)),
    }


def _figures(said: _Candidate, scale: Scale) -> dict[str, float]:
    chances = probabilities(said.survival)
    low, high = shortest_ranges(chances, scale.grid, said.promises.range_mass)
    stated, hit = calibrate.one_step(said.survival, said.points, scale)
    return {
        "mae": evaluation.mae(said.points, medians(said.survival, scale)),
        "log_loss": float(scores.log_losses(chances, scale.grid, said.points).mean()),
        "rps": float(scores.ranked_scores(chances, scale.grid, said.points).mean()),
        "coverage": evaluation.coverage(said.points, low, high),
        "width": float((high - low).mean()),
        "ece": evaluation.grouped_calibration_error(hit, stated),
    }


def _beats(metrics: dict[str, float]) -> bool:
    gains = metrics["rps"] < (1.0 - MIN_RPS_GAIN) * metrics["baseline_rps"]
    return gains and metrics["mae"] <= (1.0 + MAX_MAE_LOSS) * metrics["baseline_mae"]
