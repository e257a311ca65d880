"""What other teams' sprints teach about this one: boosted trees as plain arrays.

The shipped prior is a file of numbers beside this module, see data/sprint_prior.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from apps.ml.core import artifact
from apps.ml.core.arrays import Floats
from apps.ml.core.sprints.outcome.distribution import LEVELS, thresholds
from apps.ml.core.sprints.outcome.features import NAMES, matrix
from apps.ml.core.sprints.outcome.moment import SprintMoment
from apps.ml.core.trees import FlatTrees

KIND = "sprint_prior"


class SprintTeacher(Protocol):
    """What tells how far sprints will come: the prior that ships, or what an installation learned beside it."""

    @property
    def version(self) -> str:
        """Shown with each answer."""

    def chances(self, moments: Sequence[SprintMoment]) -> Floats:
        """Chances to reach each level: shape (n_moments, n_levels)."""


def asked_rows(rows: Floats, done_share: Floats) -> Floats:
    """Each sprint once a level, with the level's number and the share that it means beside the features.

    Shape (n * n_levels, n_features + 2), the levels of a sprint together.
    """
    n = len(rows)
    numbers = np.tile(np.arange(len(LEVELS), dtype=np.float64), n)
    shares = thresholds(done_share).reshape(-1)
    return np.column_stack([rows.repeat(len(LEVELS), axis=0), numbers, shares.astype(np.float32)])


@dataclass(frozen=True, slots=True, eq=False)
class SprintPrior:
    """Trees that tell for a sprint and a level whether it is reached."""

    trees: FlatTrees
    #: What the trees' log odds are multiplied by: on strangers they are too sure.
    slope: float
    #: On left-out projects: calibration error of the chance, and how many sprints were learned from.
    measured: Mapping[str, float]
    #: Names of the projects, so that the benchmark recognises one that the prior has seen.
    learned_from: tuple[str, ...]
    version: str

    def chances(self, moments: Sequence[SprintMoment]) -> Floats:
        """Chances to reach each level, before a team's own past corrects them: shape (n_moments, n_levels)."""
        return self.chances_of(matrix(moments), np.array([moment.done_share for moment in moments]))

    def chances_of(self, rows: Floats, done_share: Floats) -> Floats:
        """The same for features of shape (n, n_features)."""
        return falling_chances(self.log_odds_of(rows, done_share))

    def log_odds_of(self, rows: Floats, done_share: Floats) -> Floats:
        """Of reaching each level, for features of shape (n, n_features): shape (n, n_levels)."""
        log_odds = self.slope * self.trees.predict_rows(asked_rows(rows, done_share))
        return np.asarray(log_odds.reshape(len(rows), len(LEVELS)))

    def to_bytes(self) -> bytes:
        """The prior as an artefact; equal priors give equal bytes."""
        arrays: dict[str, NDArray[Any]] = {"slope": np.array([self.slope]), "levels": LEVELS}
        meta = {
            "features": NAMES,
            "version": self.version,
            "measured": dict(self.measured),
            "learned_from": self.learned_from,
        }
        return artifact.dumps(KIND, arrays | self.trees.to_arrays("reached_"), meta)

    @classmethod
    def from_bytes(cls, data: bytes) -> "SprintPrior":
        """Read what `to_bytes` wrote.

        Raises
        ------
        ArtifactCorrupted
            If the bytes are no prior, or one for other features or levels than this code computes.
        """
        read = artifact.loads(data, kind=KIND)
        levels = read.arrays.get("levels")
        if tuple(read.meta["features"]) != NAMES or levels is None or not np.array_equal(levels, LEVELS):
            raise artifact.ArtifactCorrupted("The sprint prior was made for other features or levels; train it anew.")
        return cls(
            trees=FlatTrees.from_arrays(read.arrays, "reached_"),
            slope=float(read.arrays["slope"][0]),
            measured=read.meta["measured"],
            learned_from=tuple(read.meta["learned_from"]),
            version=read.meta["version"],
        )


def falling_chances(log_odds: Floats) -> Floats:
    """Chances to reach each level, shape (n, n_levels); a higher one is never likelier, whatever single trees say."""
    return np.asarray(np.minimum.accumulate(1.0 / (1.0 + np.exp(-log_odds)), axis=1))


@cache
def load_prior() -> SprintPrior:
    """The shipped prior, read once per process."""
    shipped = resources.files("apps.ml.core.sprints.outcome") / "data" / "sprint_prior.npz"
    return SprintPrior.from_bytes(shipped.read_bytes())
