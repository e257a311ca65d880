"""Effort in hours: train on finished issues, serve from plain arrays.

What serves is named here and imports no scikit-learn; who trains imports `training`.
"""

from apps.ml.core.effort.header import MIN_TRAINING_ISSUES
from apps.ml.core.effort.serving import EffortModel
from apps.ml.core.intervals import RecentOutcomes

__all__ = ["MIN_TRAINING_ISSUES", "EffortModel", "RecentOutcomes"]
