"""A model that became worse is told from bad luck: how often wrongly, and how often in time."""

import numpy as np
import pytest

from apps.ml.core.training.degradation import (
    FALSE_ALARM_LEVEL,
    LOOKS,
    MIN_OUTCOMES,
    MIN_REFERENCE,
    degradation,
    larger_p_value,
)

#: Log errors of hours on public data: heavy tails, a typical factor of two.
SPREAD, TAILS = 0.9, 5


def errors(rng, n, *, growth=1.0):
    return np.abs(growth * SPREAD * rng.standard_t(TAILS, n))


def alarms_in_a_life(rng, *, growth, reference):
    """Whether a model that is looked at once a week, with 20 more outcomes each time, is ever called worse."""
    then, now = errors(rng, reference), errors(rng, LOOKS * 20, growth=growth)
    return any(degradation(then, now[: 20 * look]) for look in range(1, LOOKS + 1))


@pytest.mark.parametrize("reference", [10, 24, 100])
def test_a_model_as_good_as_ever_is_called_worse_once_in_a_hundred_lives_at_most(reference):
    rng, lives = np.random.default_rng(7), 1500

    alarms = sum(alarms_in_a_life(rng, growth=1.0, reference=reference) for _ in range(lives))

    noise = 2.6 * np.sqrt(FALSE_ALARM_LEVEL * lives)
    assert alarms <= FALSE_ALARM_LEVEL * lives + noise


def test_a_doubled_error_is_found_within_its_life_nine_times_in_ten():
    rng, lives = np.random.default_rng(8), 300

    found = sum(alarms_in_a_life(rng, growth=2.0, reference=100) for _ in range(lives))

    assert found / lives > 0.9


def test_the_seeds_bare_ratio_would_fire_on_a_quarter_of_models_that_are_as_good_as_ever():
    rng, lives = np.random.default_rng(9), 2000

    def mean_absolute_error(n):
        return np.abs(np.exp(1.4 * rng.standard_normal(n)) - 1.0).mean()

    alarms = sum(mean_absolute_error(60) > 1.5 * mean_absolute_error(24) for _ in range(lives))

    assert 0.22 < alarms / lives < 0.31


def test_points_with_many_equal_errors_raise_no_more_false_alarms():
    rng, lives = np.random.default_rng(10), 1500
    steps = np.log([1, 1, 1, 1.5, 1.6, 1.67, 2.5])

    alarms = sum(degradation(rng.choice(steps, 60), rng.choice(steps, 40)) is not None for _ in range(lives))

    assert alarms <= FALSE_ALARM_LEVEL * lives


def test_errors_that_grew_are_told_with_both_figures():
    found = degradation([0.1] * 12 + [0.2] * 12, [0.4] * 15 + [0.6] * 10)

    assert found is not None
    assert (found.n_outcomes, round(found.error_then, 2), round(found.error_now, 2)) == (25, 0.15, 0.48)
    assert found.reason.startswith("error on 25 outcomes 0.48 instead of 0.15")


def test_too_few_outcomes_or_too_small_a_test_part_say_nothing():
    assert degradation([0.1] * 50, [9.0] * (MIN_OUTCOMES - 1)) is None
    assert degradation([0.1] * (MIN_REFERENCE - 1), [9.0] * 50) is None


def test_smaller_errors_are_no_degradation_and_equal_ones_neither():
    assert degradation([2.0] * 50, [0.1] * 50) is None
    assert degradation([1.0] * 50, [1.0] * 50) is None


def test_the_chance_is_that_of_the_published_test():
    from scipy.stats import mannwhitneyu

    rng = np.random.default_rng(3)
    for n, m in ((20, 10), (35, 24), (80, 100)):
        left, right = np.round(rng.normal(0.4, 1, n), 1), np.round(rng.normal(0, 1, m), 1)

        published = mannwhitneyu(left, right, alternative="greater", method="asymptotic").pvalue

        assert larger_p_value(left, right) == pytest.approx(published, rel=1e-9)
