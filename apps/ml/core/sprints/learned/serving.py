"""The prior that ships beside trees of the installation's own sprints, as plain arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apps.ml.core import artifact
from apps.ml.core.arrays import Floats
from apps.ml.core.sprints.outcome.distribution import LEVELS
from apps.ml.core.sprints.outcome.features import NAMES, matrix
from apps.ml.core.sprints.outcome.moment import SprintMoment
from apps.ml.core.sprints.outcome.prior import SprintPrior, asked_rows, falling_chances
from apps.ml.core.trees import FlatTrees

KIND = "sprint_duration"


@dataclass(frozen=True, slots=True, eq=False)
class SprintModel:
    """Two teachers of sprints, whose log odds are mixed."""

    prior: SprintPrior
    own: FlatTrees
    #: Of the own trees, in [0, 1); 0 where these were no better, so that the prior answers.
    own_share: float
    #: Of this training.
    trained: str

    @property
    def version(self) -> str:
        """Of the prior, and of the training where it has a say."""
        return f"{self.prior.version}+{self.trained}" if self.own_share else self.prior.version

    @property
    def nbytes(self) -> int:
        """Memory of the arrays that are not shared by all models, in bytes."""
        return self.own.nbytes

    def chances(self, moments: Sequence[SprintMoment]) -> Floats:
        """Chances to reach each level, before a team's own past corrects them: shape (n_moments, n_levels)."""
        return self.chances_of(matrix(moments), np.array([moment.done_share for moment in moments]))

    def chances_of(self, rows: Floats, done_share: Floats) -> Floats:
        """The same for features of shape (n, n_features)."""
        log_odds = self.prior.log_odds_of(rows, done_share)
        if self.own_share:
            log_odds = mixed(log_odds, own_log_odds(self.own, rows, done_share), self.own_share)
        return falling_chances(log_odds)

    def to_bytes(self) -> bytes:
        """The own part as an artefact: the prior ships with the code."""
        arrays = {"own_share": np.array([self.own_share]), "levels": LEVELS}
        return artifact.dumps(
            KIND, arrays | self.own.to_arrays("reached_"), {"features": NAMES, "trained": self.trained}
        )

    @classmethod
    def from_bytes(cls, data: bytes, *, prior: SprintPrior) -> "SprintModel":
        """Read what `to_bytes` wrote.

        Raises
        ------
        ArtifactCorrupted
            If the bytes are no such model, or one for other features or levels than this code computes.
        """
        read = artifact.loads(data, kind=KIND)
        levels = read.arrays.get("levels")
        if tuple(read.meta["features"]) != NAMES or levels is None or not np.array_equal(levels, LEVELS):
            raise artifact.ArtifactCorrupted("The model of sprints was made for other features or levels.")
        return cls(
            prior=prior,
            own=FlatTrees.from_arrays(read.arrays, "reached_"),
            own_share=float(read.arrays["own_share"][0]),
            trained=read.meta["trained"],
        )


def own_log_odds(trees: FlatTrees, rows: Floats, done_share: Floats) -> Floats:
    """What trees tell of each level, for features of shape (n, n_features): shape (n, n_levels)."""
    return np.asarray(trees.predict_rows(asked_rows(rows, done_share)).reshape(len(rows), len(LEVELS)))


def mixed(prior: Floats, own: Floats, own_share: float) -> Floats:
    """Log odds of two teachers, the second with a share of the say."""
    return np.asarray((1.0 - own_share) * prior + own_share * own)
