"""What other teams' sprints teach about this one: boosted trees as plain arrays, and how far off they are on strangers.

The shipped prior is a file of numbers beside this module, see data/sprint_prior.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.ml.core import artifact
from apps.ml.core.arrays import Floats
from apps.ml.core.sprints.outcome.features import NAMES, PROJECTED_RATIO
from apps.ml.core.trees import FlatTrees

KIND = "sprint_prior"
#: Log odds of delivering; the median share delivered, as such and beyond the projected share; its 10 and 90 %
#: quantiles.
HEADS = ("chance", "typical", "beyond", "low", "high")
#: No team delivers less than nothing; a share beyond this was no commitment.
LARGEST_RATIO = 2.5
#: A range narrower than this, in shares of the commitment, is taken to be this wide when misses are measured.
_NARROWEST = 0.05


@dataclass(frozen=True, slots=True)
class RawOutcomes:
    """What the prior says of some moments before a team's own past corrects it; arrays of shape (n,)."""

    #: Shares of the commitment.
    typical: Floats
    low: Floats
    high: Floats
    #: Of delivering, calibrated on projects that the trees had not seen.
    log_odds: Floats

    @property
    def width(self) -> Floats:
        """In what misses are measured."""
        return np.maximum(self.high - self.low, _NARROWEST)

    def miss(self, ratio: Floats) -> Floats:
        """How far an outcome lies beyond the range, in its widths; negative inside."""
        return np.asarray(np.maximum(self.low - ratio, ratio - self.high) / self.width)

    def __getitem__(self, rows: Any) -> "RawOutcomes":
        return RawOutcomes(self.typical[rows], self.low[rows], self.high[rows], self.log_odds[rows])


@dataclass(frozen=True, slots=True, eq=False)
class SprintPrior:
    """Trees and what was measured of them on projects left out of the fit."""

    trees: Mapping[str, FlatTrees]
    #: Intercept and slope on the log odds.
    calibration: tuple[float, float]
    #: Shares of the planned days that were trained on, shape (n_moments,).
    moments: Floats
    #: Quantiles of `RawOutcomes.miss` on left-out projects, evenly spaced, shape (n_moments, n_quantiles).
    misses: Floats
    #: Points delivered by left-out projects beside the sum of their typical answers, shape (n_moments,).
    mean_factor: Floats
    #: On left-out projects: calibration error of the chance, and how many sprints and projects were learned from.
    measured: Mapping[str, float]
    #: Names of the projects, so that the benchmark recognises one that the prior has seen.
    learned_from: tuple[str, ...]
    version: str

    def ask(self, rows: Floats) -> RawOutcomes:
        """What the trees say of features of shape (n, n_features)."""
        said = {name: trees.predict_rows(rows) for name, trees in self.trees.items()}
        beyond = rows[:, PROJECTED_RATIO] + said["beyond"]
        typical = np.clip((said["typical"] + beyond) / 2, 0.0, LARGEST_RATIO)
        intercept, slope = self.calibration
        return RawOutcomes(
            typical=typical,
            low=np.minimum(said["low"], typical),
            high=np.maximum(said["high"], typical),
            log_odds=intercept + slope * said["chance"],
        )

    def nearest(self, elapsed_ratio: float) -> int:
        """Index of the trained moment that is nearest."""
        return int(np.abs(self.moments - elapsed_ratio).argmin())

    def to_bytes(self) -> bytes:
        """The prior as an artefact; equal priors give equal bytes."""
        arrays: dict[str, NDArray[Any]] = {
            "moments": self.moments,
            "misses": self.misses,
            "mean_factor": self.mean_factor,
            "calibration": np.array(self.calibration),
        }
        for name, trees in self.trees.items():
            arrays |= trees.to_arrays(f"{name}_")
        meta = {
            "features": NAMES,
            "version": self.version,
            "measured": dict(self.measured),
            "learned_from": self.learned_from,
        }
        return artifact.dumps(KIND, arrays, meta)

    @classmethod
    def from_bytes(cls, data: bytes) -> "SprintPrior":
        """Read what `to_bytes` wrote.

        Raises
        ------
        ArtifactCorrupted
            If the bytes are no prior, or one for other features than this code computes.
        """
        read = artifact.loads(data, kind=KIND)
        if tuple(read.meta["features"]) != NAMES:
            raise artifact.ArtifactCorrupted("The sprint prior was made for other features; train it anew.")
        intercept, slope = read.arrays["calibration"]
        return cls(
            trees={name: FlatTrees.from_arrays(read.arrays, f"{name}_") for name in HEADS},
            calibration=(float(intercept), float(slope)),
            moments=read.arrays["moments"],
            misses=read.arrays["misses"],
            mean_factor=read.arrays["mean_factor"],
            measured=read.meta["measured"],
            learned_from=tuple(read.meta["learned_from"]),
            version=read.meta["version"],
        )


@cache
def load_prior() -> SprintPrior:
    """The shipped prior, read once per process."""
    shipped = resources.files("apps.ml.core.sprints.outcome") / "data" / "sprint_prior.npz"
    return SprintPrior.from_bytes(shipped.read_bytes())
