"""One head of the effort model as it is served, and its answer, with what its reasons are told from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from apps.ml.core.arrays import Floats
from apps.ml.core.effort.header import HeadHeader
from apps.ml.core.effort.linear import FoldedLinear
from apps.ml.core.intervals import ErrorPool, Totals
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
