"""When a model is due."""

from datetime import UTC, datetime, timedelta

from apps.ml.core.retraining import TrainedState, reason_to_retrain

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def reason(*, age_days: int, trained_on: int, samples_now: int) -> str | None:
    state = TrainedState(NOW - timedelta(days=age_days), trained_on)
    return reason_to_retrain(state, samples_now=samples_now, now=NOW)


def test_a_fifth_more_issues_make_a_model_due():
    assert reason(age_days=1, trained_on=100, samples_now=119) is None
    assert reason(age_days=1, trained_on=100, samples_now=120) == "20 more completed issues than the 100 it was trained on"


def test_an_age_over_thirty_days_makes_a_model_due_if_there_is_anything_new():
    assert reason(age_days=30, trained_on=100, samples_now=101) is None
    assert reason(age_days=31, trained_on=100, samples_now=101) == "31 days old"


def test_without_a_new_issue_nothing_is_due_however_old():
    assert reason(age_days=400, trained_on=100, samples_now=100) is None
    assert reason(age_days=400, trained_on=100, samples_now=90) is None
