"""Story points: a distribution over the team's own scale, from text, its recent past and what other projects know.

What serves is named here and imports no scikit-learn; who trains imports `training`.
"""

from apps.ml.core.points.history import MIN_TRAINING_ISSUES
from apps.ml.core.points.little_history import recommend_with_little_history, recommendations_with_little_history
from apps.ml.core.points.prior import PointsPrior, load_prior
from apps.ml.core.points.serving import PointsModel

__all__ = [
    "MIN_TRAINING_ISSUES",
    "PointsModel",
    "PointsPrior",
    "load_prior",
    "recommend_with_little_history",
    "recommendations_with_little_history",
]
