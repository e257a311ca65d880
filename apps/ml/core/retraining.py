"""When a model is due for training again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

#: The seed's trigger conditions.
MAX_AGE = timedelta(days=30)
MIN_GROWTH_RATIO = 0.2


@dataclass(frozen=True, slots=True)
class TrainedState:
    """What is known of the model that serves: when it was trained, on how many issues."""

    trained_at: datetime
    training_samples: int


def reason_to_retrain(state: TrainedState, *, samples_now: int, now: datetime) -> str | None:
    """Why a model is due, in words, or None if it is not.

    A model without a single new issue is never due: training on the same issues gives the same model.
    """
    new = samples_now - state.training_samples
    if new <= 0:
        return None
    if new >= MIN_GROWTH_RATIO * state.training_samples:
        return f"{new} more completed issues than the {state.training_samples} it was trained on"
    if now - state.trained_at > MAX_AGE:
        return f"{(now - state.trained_at).days} days old"
    return None
