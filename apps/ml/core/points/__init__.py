"""Story points: a distribution over the team's own scale, from text, its recent past and what other projects know."""

from collections.abc import Callable, MutableMapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from apps.ml.core.points.features import RawFeatures
from apps.ml.core.points.history import MIN_TRAINING_ISSUES
from apps.ml.core.points.little_history import recommend_with_little_history
from apps.ml.core.points.prior import PointsPrior, load_prior
from apps.ml.core.points.serving import PointsModel
from apps.ml.core.records import CompletedIssue

if TYPE_CHECKING:
    from apps.ml.core.points.basis import Basis
    from apps.ml.core.points.training import TrainedPointsModel

__all__ = [
    "MIN_TRAINING_ISSUES",
    "PointsModel",
    "PointsPrior",
    "load_prior",
    "recommend_with_little_history",
    "train_points_model",
]


def train_points_model(
    issues: Sequence[CompletedIssue],
    *,
    now: datetime,
    prior: PointsPrior | None,
    level: float = 0.8,
    seed: int = 0,
    version: str = "",
    progress: Callable[[float], None] | None = None,
    basis: "Basis | None" = None,
    cache: MutableMapping[str, RawFeatures] | None = None,
    horizon: int = 20,
) -> "TrainedPointsModel":
    """Train a team's model; see `apps.ml.core.points.training.train`."""
    from apps.ml.core.points.training import train  # noqa: PLC0415 -- a web process must not load scikit-learn

    return train(
        issues,
        now=now,
        prior=prior,
        level=level,
        seed=seed,
        version=version,
        progress=progress,
        basis=basis,
        cache=cache,
        horizon=horizon,
    )
