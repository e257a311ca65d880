"""What error answers without an outcome are likely to have, by their ranges and by what known ones came to."""

import numpy as np
import pytest

from apps.ml.core.evaluation.expected import expected_error, reckoned


def answers(rng, n, *, sigma, said=1.0):
    """Ranges of 80 % around answers that are off by `sigma`, said to be off by `said` times that; and the errors."""
    spread = rng.uniform(0.5, 1.5, n) * sigma
    half = 1.2816 * spread * said
    middle = np.exp(rng.normal(2, 1, n))
    promised = reckoned(middle * np.exp(-half), middle * np.exp(half), np.full(n, 0.8))
    return promised, np.abs(rng.normal(0, spread))


def test_a_range_promises_the_mean_error_of_a_normal_law():
    # ln(4) is 2 x 1.2816 standard deviations, and the mean distance .798 of one.
    found = reckoned(np.array([2.0, 0.0]), np.array([8.0, 5.0]), np.array([0.8, 0.8]))

    assert found[0] == pytest.approx(np.log(4) / 2.5631 * 0.7979, abs=1e-3)
    assert np.isnan(found[1])


def test_less_certain_answers_are_expected_to_be_further_off_before_any_outcome():
    rng = np.random.default_rng(1)
    known, measured = answers(rng, 200, sigma=0.5)
    waiting, truth = answers(rng, 400, sigma=1.0)

    found = expected_error(waiting, known, measured)

    assert found.expected == pytest.approx(truth.mean(), rel=0.15)
    assert found.measured_on_known == pytest.approx(measured.mean(), abs=1e-3)
    assert found.expected > 1.5 * found.measured_on_known


def test_ranges_that_promise_too_much_are_corrected_by_known_outcomes():
    rng = np.random.default_rng(2)
    known, measured = answers(rng, 300, sigma=0.8, said=0.5)
    waiting, truth = answers(rng, 400, sigma=0.8, said=0.5)

    found = expected_error(waiting, known, measured)

    assert waiting.mean() < 0.6 * truth.mean()
    assert found.expected == pytest.approx(truth.mean(), rel=0.15)


def test_few_answers_say_nothing_and_without_outcomes_the_ranges_speak_alone():
    none = np.zeros(0)

    assert expected_error(np.full(9, 0.5), none, none) is None
    found = expected_error(np.full(10, 0.5), none, none)
    assert (found.expected, found.n_known, found.measured_on_known) == (0.5, 0, None)
