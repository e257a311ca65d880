"""One answer of the effort model, with what its reasons are told from."""

from dataclasses import dataclass

from apps.ml.core.arrays import Floats


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
