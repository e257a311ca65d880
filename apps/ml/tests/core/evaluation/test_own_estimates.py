"""What a team's own estimates are worth, by hand."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from apps.ml.core.evaluation.own_estimates import FIRST_GUESS, own_estimates
from apps.ml.core.records import CompletedIssue, IssueFacts

BEGAN = datetime(2025, 1, 6, tzinfo=UTC)


def team(said, took):
    return [
        CompletedIssue(str(n), IssueFacts("x", estimated_hours=estimate), BEGAN, BEGAN + timedelta(days=n), hours)
        for n, (estimate, hours) in enumerate(zip(said, took, strict=True))
    ]


def judged(said, took):
    return own_estimates(team(said, took), rng=np.random.default_rng(0))


def test_work_that_takes_one_and_a_half_times_as_long_is_told_so():
    found = judged([2.0, 4.0] * 15, [3.0, 6.0] * 15)
    assert found.n == 30
    assert found.ratios == pytest.approx((1.5, 1.5, 1.5))
    assert found.fair == 1.0
    assert "the typical one took 1.50 h for each hour estimated" in found.in_words()[0]


def test_half_and_twice_are_fair_and_more_is_not():
    found = judged([2.0] * 40, ([1.0, 4.0, 0.9, 4.1] * 10))
    assert found.fair == 0.5


def test_the_guess_is_the_median_of_what_was_finished_before_and_of_nothing_later():
    """Ten of 1 h, then ten of 8 h: each of these is guessed as 1 h until 8 h is the middle, and never is."""
    found = judged([1.0] * 10 + [8.0] * 10, [1.0] * 10 + [8.0] * 10)
    assert found.fair == 1.0
    assert found.fair_guess == 0.0
    assert found.skill.value == 1.0
    assert found.skill.n == 20 - FIRST_GUESS


def test_too_few_or_none_with_an_estimate_say_nothing():
    assert judged([2.0] * 19, [2.0] * 19) is None
    assert judged([None] * 40, [2.0] * 40) is None
