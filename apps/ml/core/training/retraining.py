"""When a model is due for training, and how long to wait after a fault."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.common.backoff import retry_wait_seconds
from apps.ml.core.training.degradation import Degradation

#: The seed's trigger conditions.
MAX_AGE = timedelta(days=30)
MIN_GROWTH_RATIO = 0.2
#: A training that lies further ahead of now was told by a clock that was ahead and is set back.
AHEAD = timedelta(hours=1)
#: The seed's minimum for a model of either type.
MIN_TRAINING_ISSUES = 50
#: First wait after a fault, doubled each time up to the longest: a restart of the store or database takes seconds, an
#: outage minutes.
FIRST_RETRY_SECONDS = 10.0
LONGEST_RETRY_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class TrainedState:
    """What is known of the model that serves: when it was trained, on how many issues, whether it became worse."""

    trained_at: datetime
    training_samples: int
    degradation: Degradation | None = None
    #: Why it cannot answer, as the process that should have served it found; empty if it can.
    refusal: str = ""


def reason_to_retrain(state: TrainedState, *, samples_now: int, now: datetime, lessons: str = "issues") -> str | None:
    """Why a model that learns from `lessons` is due, in words, or None if it is not.

    A model that cannot answer always is. One without a single new issue is never due otherwise: training on the same
    issues gives the same model.
    """
    if state.refusal:
        return f"it cannot answer: {state.refusal}"
    new = samples_now - state.training_samples
    if new <= 0:
        return None
    if state.degradation is not None:
        return state.degradation.reason
    if new >= MIN_GROWTH_RATIO * state.training_samples:
        return f"{new} more completed {lessons} than the {state.training_samples} it was trained on"
    age = now - state.trained_at
    if age < -AHEAD:
        return "trained by a clock that was ahead"
    return f"{age.days} days old" if age > MAX_AGE else None


def reason_to_train_first(samples_now: int, lessons: str = "issues") -> str | None:
    """Why a project without a model is due, or None while it has too little history."""
    return f"first model, {samples_now} completed {lessons}" if samples_now >= MIN_TRAINING_ISSUES else None


def retry_delay_seconds(failures: int, *, rng: random.Random) -> float:
    """How long a training waits after the given number of faults."""
    return retry_wait_seconds(
        failures, first_seconds=FIRST_RETRY_SECONDS, longest_seconds=LONGEST_RETRY_SECONDS, rng=rng
    )
