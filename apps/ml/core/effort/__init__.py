"""Effort in hours: train on finished issues, serve from plain arrays.

Serving must not import scikit-learn, so what trains is imported only when it is asked for.
"""

from typing import TYPE_CHECKING, Any

from apps.ml.core.intervals import RecentOutcomes

from .header import MIN_TRAINING_ISSUES
from .serving import EffortModel

if TYPE_CHECKING:
    from .metrics import EffortMetrics
    from .training import TrainedEffortModel, refit_effort_model, train_effort_model
    from .unfolded import predict_unfolded

_TRAINING = {
    "EffortMetrics": "metrics",
    "TrainedEffortModel": "training",
    "refit_effort_model": "training",
    "train_effort_model": "training",
    "predict_unfolded": "unfolded",
}

__all__ = [
    "MIN_TRAINING_ISSUES",
    "EffortMetrics",
    "EffortModel",
    "RecentOutcomes",
    "TrainedEffortModel",
    "predict_unfolded",
    "refit_effort_model",
    "train_effort_model",
]


def __getattr__(name: str) -> Any:
    if name not in _TRAINING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(f".{_TRAINING[name]}", __name__), name)
