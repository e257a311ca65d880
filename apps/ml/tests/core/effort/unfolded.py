"""Predict with the scikit-learn objects themselves: the oracle that holds the folded arrays to account."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.effort.estimators import Matrix, scale_features
from apps.ml.core.effort.experts import (
    as_row,
    informed_inputs,
    plain_inputs,
    scale_from_log,
    scale_inputs,
    snapped,
    static_row,
    widened,
    without_trees,
)
from apps.ml.core.effort.features import has_estimate, log_estimate, read
from apps.ml.core.effort.serving import EffortModel, ServedHead
from apps.ml.core.effort.table import look_around
from apps.ml.core.reading import IssueReading
from apps.ml.core.records import IssueFacts


def predict_unfolded(estimators: Mapping[str, Any], serving: bytes, facts_list: Sequence[IssueFacts]) -> Floats:
    """Centres and scales on the log scale from the unfolded estimators.

    Parameters
    ----------
    estimators : mapping
        `TrainedEffortModel.estimators`, as stored in the joblib artefact.
    serving : bytes
        The serving artefact of the same training: neighbours, levels and mixture weights, which are no estimators.

    Returns
    -------
    answers : ndarray of shape (n_issues, 2)
        Predicted log hours and log scale of each issue.
    """
    model = EffortModel.from_bytes(serving)
    readings = [read(facts, of_all=model.neighbours is None) for facts in facts_list]
    return np.array([_answer(estimators, model, reading) for reading in readings])


def _answer(estimators: Mapping[str, Any], model: EffortModel, reading: IssueReading) -> tuple[float, float]:
    n_known = len(model.neighbours.log_hours) if model.neighbours else 0
    nearby = look_around(model.neighbours, reading, model.levels, n_known=n_known)
    static = as_row(static_row(reading, nearby, model.levels))
    raw = Matrix([reading], {int(key): column for column, key in enumerate(estimators["columns"])}).rows
    linear = estimators["plain_linear"].predict(raw)
    trees = _trees(estimators["plain_boosted"], plain_inputs(linear, static), without_trees(linear, static))
    levels = (model.levels.overall, model.levels.recent, model.levels.of_type(reading.facts.issue_type))
    experts = np.array([[*levels, nearby.log_hours, float(linear[0]), float(trees[0])]])
    centre = experts @ model.plain.weights
    if model.informed is None or not has_estimate(reading.facts):
        return float(centre[0]), _log_scale(estimators, "plain", raw=raw, centre=centre, experts=experts, static=static)
    return _informed(estimators, model, model.informed, reading, raw=raw, plain=centre, static=static)


def _informed(
    estimators: Mapping[str, Any],
    model: EffortModel,
    head: ServedHead,
    reading: IssueReading,
    *,
    raw: Any,
    plain: Floats,
    static: Floats,
) -> tuple[float, float]:
    own = np.array([log_estimate(reading.facts)])
    ratio = estimators["informed_linear"].predict(raw)
    trees = _trees(estimators["informed_boosted"], informed_inputs(ratio, plain, own, static), ratio)
    experts = np.column_stack([own, [model.levels.recent], plain, own + ratio, own + trees])
    centre = snapped(experts @ head.weights, own, head.header.snap)
    log_scale = _log_scale(estimators, "informed", raw=raw, centre=centre, experts=experts, static=static)
    return float(centre[0]), math.log(widened(math.exp(log_scale), head.header.beyond(float(own[0]))))


def _trees(booster: Any, inputs: Floats, fallback: Floats) -> Floats:
    return fallback if booster is None else np.asarray(booster.predict(inputs))


def _log_scale(
    estimators: Mapping[str, Any], head: str, *, raw: Any, centre: Floats, experts: Floats, static: Floats
) -> float:
    features = scale_features(estimators[f"{head}_linear"]["scaler"], raw, scale_inputs(centre, experts, static))
    return float(np.log(scale_from_log(estimators[f"{head}_scale"].predict(features)))[0])
