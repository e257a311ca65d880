"""When a model is due, and how long a fault is waited out."""

import random
from datetime import UTC, datetime, timedelta

from apps.ml.core.training.degradation import Degradation
from apps.ml.core.training.retraining import (
    LONGEST_RETRY_SECONDS,
    TrainedState,
    reason_to_retrain,
    reason_to_train_first,
    retry_delay_seconds,
)

NOW = datetime(2026, 3, 2, tzinfo=UTC)
WORSE = Degradation(n_outcomes=25, error_then=0.4, error_now=0.9, p_value=0.0004)


def reason(*, age_days: int, trained_on: int, samples_now: int, worse: Degradation | None = None) -> str | None:
    state = TrainedState(NOW - timedelta(days=age_days), trained_on, worse)
    return reason_to_retrain(state, samples_now=samples_now, now=NOW)


def test_a_fifth_more_issues_make_a_model_due():
    assert reason(age_days=1, trained_on=100, samples_now=119) is None
    assert (
        reason(age_days=1, trained_on=100, samples_now=120) == "20 more completed issues than the 100 it was trained on"
    )


def test_an_age_over_thirty_days_makes_a_model_due_if_there_is_anything_new():
    assert reason(age_days=30, trained_on=100, samples_now=101) is None
    assert reason(age_days=31, trained_on=100, samples_now=101) == "31 days old"


def test_a_model_of_a_clock_that_was_ahead_is_due_as_an_old_one_is():
    assert reason(age_days=-40, trained_on=100, samples_now=101) == "trained by a clock that was ahead"
    assert reason(age_days=-40, trained_on=100, samples_now=100) is None


def test_a_model_that_became_worse_is_due_however_young():
    assert reason(age_days=1, trained_on=100, samples_now=110, worse=WORSE) == (
        "error on 25 outcomes 0.90 instead of 0.40 (chance 0.0004)"
    )


def test_without_a_new_issue_nothing_is_due_however_old_or_bad():
    assert reason(age_days=400, trained_on=100, samples_now=100, worse=WORSE) is None
    assert reason(age_days=400, trained_on=100, samples_now=90) is None


def test_a_project_without_a_model_is_due_from_fifty_issues_on():
    assert reason_to_train_first(49) is None
    assert reason_to_train_first(50) == "first model, 50 completed issues"


def test_waits_double_up_to_ten_minutes_and_differ_between_workers():
    rng = random.Random(1)

    waits = [retry_delay_seconds(failures, rng=rng) for failures in (1, 2, 3, 20)]

    for wait, longest in zip(waits, (10, 20, 40, LONGEST_RETRY_SECONDS), strict=True):
        assert longest / 2 <= wait <= longest
    assert retry_delay_seconds(3, rng=rng) != retry_delay_seconds(3, rng=rng)


def test_a_model_that_cannot_answer_is_due_without_a_new_issue():
    state = TrainedState(NOW, 100, refusal="The model loads and cannot answer: IndexError.")

    assert reason_to_retrain(state, samples_now=100, now=NOW).startswith("it cannot answer: The model loads")
