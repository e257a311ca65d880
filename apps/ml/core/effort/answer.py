"""One head of the effort model as it is served, and its answers, with what their reasons are told from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.ml.core.arrays import Booleans, Floats
from apps.ml.core.effort.experts import (
    PLAIN_EXPERTS,
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
class HeadAnswers:
    """What a head says of n issues, on the log scale, and what it rests on."""

    #: shape (n,)
    centres: Floats
    #: shape (n,)
    scales: Floats
    #: Answer of each expert, shape (n, n_experts).
    experts: Floats
    #: What each group adds to the linear expert and to the size of the error, shape (n, n_groups, 2).
    parts: Floats
    #: Whether the team's own number is kept, shape (n,).
    snapped: Booleans
    #: Share of the last expert that is the linear one: where there are no trees; shape (n,).
    lean: Floats

    def served(self, header: HeadHeader) -> Floats:
        """The mixture, or the baseline where nothing learned beats it, shape (n,)."""
        return self.centres if header.serves_model else self.experts[:, header.baseline]

    def of(self, rows: Sequence[int]) -> "HeadAnswers":
        """Some of them."""
        chosen = list(rows)
        return HeadAnswers(*(getattr(self, name)[chosen] for name in self.__slots__))


def plain_answers(
    head: ServedHead, levels: NaiveLevels, readings: Sequence[IssueReading], similar: Floats, static: Floats
) -> HeadAnswers:
    """Of the head that does not know the team's estimate.

    Parameters
    ----------
    similar : ndarray of shape (n,)
        Log hours of the neighbours.
    static : ndarray of shape (n, n_static)
    """
    parts = head.linear.parts([reading.features for reading in readings])
    linear = head.linear.intercepts[0] + parts[:, :, 0].sum(axis=1)
    if head.trees is None:
        trees, lean = without_trees(linear, static), static[:, -1]
    else:
        trees, lean = head.trees.predict_rows(plain_inputs(linear, static)), np.zeros(linear.size)
    experts = np.empty((linear.size, len(PLAIN_EXPERTS)))
    experts[:, 0], experts[:, 1] = levels.overall, levels.recent
    experts[:, 2] = [levels.of_type(reading.facts.issue_type) for reading in readings]
    experts[:, 3], experts[:, 4], experts[:, 5] = similar, linear, trees
    centres = experts @ head.weights
    scales = _scale(head, parts, experts, centres, static)
    return HeadAnswers(centres, scales, experts, parts, np.zeros(linear.size, dtype=bool), lean)


def informed_answers(
    head: ServedHead, levels: NaiveLevels, readings: Sequence[IssueReading], plain: Floats, static: Floats
) -> HeadAnswers:
    """Of the head that knows it: everything is a ratio to the team's own number; `plain` are centres, shape (n,)."""
    own = np.array([log_estimate(reading.facts) for reading in readings])
    parts = head.linear.parts([reading.features for reading in readings])
    ratio = trees = head.linear.intercepts[0] + parts[:, :, 0].sum(axis=1)
    if head.trees is not None:
        trees = head.trees.predict_rows(informed_inputs(ratio, plain, own, static))
    experts = np.array([own, np.full(own.size, levels.recent), plain, own + ratio, own + trees]).T
    answered = experts @ head.weights
    centres = snapped(answered, own, head.header.snap)
    scales = _scale(head, parts, experts, centres, static).tolist()
    wide = [widened(scale, head.header.beyond(each)) for scale, each in zip(scales, own.tolist(), strict=True)]
    lean = np.full(own.size, 1.0 if head.trees is None else 0.0)
    keeps = np.abs(answered - own) < head.header.snap
    return HeadAnswers(centres, np.array(wide), experts, parts, keeps, lean)


def _scale(head: ServedHead, parts: Floats, experts: Floats, centre: Floats, static: Floats) -> Floats:
    dense = scale_inputs(centre, experts, static)
    return scale_from_log(head.linear.intercepts[1] + parts[:, :, 1].sum(axis=1) + dense @ head.scale_dense)
