"""One head of the effort model as it is served, and its answer, with what its reasons are told from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.ml.core.arrays import Floats
from apps.ml.core.effort.experts import (
    informed_inputs,
    plain_inputs,
    scale_from_log,
    scale_inputs,
    snapped,
    widened,
    without_trees,
)
from apps.ml.core.effort.features import log_estimate
from apps.ml.core.effort.header import HeadHeader
from apps.ml.core.effort.linear import FoldedLinear
from apps.ml.core.effort.naive import NaiveLevels
from apps.ml.core.effort.neighbours import Neighbourhood
from apps.ml.core.intervals import ErrorPool, Totals
from apps.ml.core.reading import IssueReading
from apps.ml.core.trees import FlatTrees


@dataclass(frozen=True, slots=True)
class ServedHead:
    """One head, folded."""

    header: HeadHeader
    linear: FoldedLinear
    trees: FlatTrees | None
    weights: Floats
    scale_dense: Floats
    pool: ErrorPool
    totals: Totals

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], header: HeadHeader) -> "ServedHead":
        return cls(
            header=header,
            linear=FoldedLinear.from_arrays(arrays),
            trees=FlatTrees.from_arrays(arrays, "trees_") if "trees_roots" in arrays else None,
            weights=arrays["weights"],
            scale_dense=arrays["scale_dense"],
            pool=ErrorPool.of(arrays["standard_errors"]),
            totals=Totals(**header.totals),
        )


@dataclass(frozen=True, slots=True)
class HeadAnswer:
    """What a head says, on the log scale, and what it rests on."""

    centre: float
    scale: float
    #: Answer of each expert, shape (n_experts,).
    experts: Floats
    #: What each group adds to the linear expert, shape (n_groups, 2).
    parts: Floats
    snapped: bool = False
    #: Share of the last expert that is the linear one: where there are no trees.
    lean: float = 0.0


def plain_answers(
    head: ServedHead,
    levels: NaiveLevels,
    readings: Sequence[IssueReading],
    nearby: Sequence[Neighbourhood],
    static: Floats,
) -> list[HeadAnswer]:
    """Of the head that does not know the team's estimate; `static` is of shape (n_issues, n_static)."""
    parts = head.linear.parts([reading.features for reading in readings])
    linear = head.linear.intercepts[0] + parts[:, :, 0].sum(axis=1)
    trees, lean = without_trees(linear, static), static[:, -1]
    if head.trees is not None:
        trees, lean = head.trees.predict_rows(plain_inputs(linear, static)), np.zeros(linear.size)
    types = [levels.of_type(reading.facts.issue_type) for reading in readings]
    similar = [each.log_hours for each in nearby]
    flat = np.ones(linear.size)
    experts = np.array([levels.overall * flat, levels.recent * flat, types, similar, linear, trees]).T
    centre = experts @ head.weights
    scale = _scale(head, parts, experts, centre, static)
    each = zip(centre.tolist(), scale.tolist(), experts, parts, lean.tolist(), strict=True)
    return [HeadAnswer(*said[:4], lean=said[4]) for said in each]


def informed_answers(
    head: ServedHead,
    levels: NaiveLevels,
    readings: Sequence[IssueReading],
    plain: Sequence[HeadAnswer],
    static: Floats,
) -> list[HeadAnswer]:
    """Of the head that knows it: everything is a ratio to the team's own number."""
    own, centres = np.array([log_estimate(reading.facts) for reading in readings]), np.array([e.centre for e in plain])
    parts = head.linear.parts([reading.features for reading in readings])
    ratio = trees = head.linear.intercepts[0] + parts[:, :, 0].sum(axis=1)
    if head.trees is not None:
        trees = head.trees.predict_rows(informed_inputs(ratio, centres, own, static))
    experts = np.array([own, np.full(own.size, levels.recent), centres, own + ratio, own + trees]).T
    answered = experts @ head.weights
    centre = snapped(answered, own, head.header.snap)
    keeps = np.abs(answered - own) < head.header.snap
    scale, lean = _scale(head, parts, experts, centre, static), 1.0 if head.trees is None else 0.0
    each = zip(own.tolist(), centre.tolist(), scale.tolist(), experts, parts, keeps.tolist(), strict=True)
    return [
        HeadAnswer(centre, widened(scale, head.header.beyond(own)), experts, parts, keeps, lean)
        for own, centre, scale, experts, parts, keeps in each
    ]


def _scale(head: ServedHead, parts: Floats, experts: Floats, centre: Floats, static: Floats) -> Floats:
    dense = scale_inputs(centre, experts, static)
    return scale_from_log(head.linear.intercepts[1] + parts[:, :, 1].sum(axis=1) + dense @ head.scale_dense)
