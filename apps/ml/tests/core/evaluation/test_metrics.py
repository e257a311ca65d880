"""Error measures against hand-computed figures."""

import math

import numpy as np
import pytest

from apps.ml.core.evaluation import metrics as evaluation


def test_the_split_keeps_the_later_part_for_testing():
    earlier, later = evaluation.chronological_split(list(range(10)), test_share=0.2)

    assert (earlier, later) == ([0, 1, 2, 3, 4, 5, 6, 7], [8, 9])


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_split_leaves_at_least_one_item_on_each_side(n):
    earlier, later = evaluation.chronological_split(list(range(n)), test_share=0.01)

    assert earlier
    assert later


def test_one_item_cannot_be_split():
    with pytest.raises(ValueError, match="two items"):
        evaluation.chronological_split([1])


def test_errors_in_hours_are_the_hand_computed_ones():
    actual, predicted = [1.0, 2.0, 6.0], [2.0, 2.0, 3.0]

    assert evaluation.mae(actual, predicted) == pytest.approx(4 / 3)
    assert evaluation.rmse(actual, predicted) == pytest.approx(math.sqrt(10 / 3))
    assert evaluation.r2(actual, predicted) == pytest.approx(1 - 10 / 14)


def test_nothing_is_explained_where_outcomes_do_not_vary():
    assert evaluation.r2([3.0, 3.0], [1.0, 2.0]) == 0.0


def test_half_and_double_are_equally_far_on_the_log_scale():
    assert evaluation.malr([4.0, 4.0], [2.0, 8.0]) == pytest.approx(math.log(2))
    assert evaluation.within_factor([4.0, 4.0, 4.0], [2.0, 8.0, 8.1]).tolist() == [True, True, False]


@pytest.mark.parametrize(("actual", "predicted"), [([0.0], [1.0]), ([1.0], [0.0]), ([1.0], [-1.0])])
def test_hours_that_are_not_positive_have_no_ratio(actual, predicted):
    with pytest.raises(ValueError, match="positive"):
        evaluation.malr(actual, predicted)


def test_predictions_and_outcomes_must_pair_up():
    with pytest.raises(ValueError, match="as many"):
        evaluation.mae([1.0, 2.0], [1.0])


def test_relative_error_of_the_reference_itself_is_one():
    assert evaluation.rmae([1.0, 5.0], [2.0, 2.0], reference=2.0) == pytest.approx(1.0)


def test_coverage_counts_the_ends_of_a_range():
    assert evaluation.coverage([1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 0.0, 0.0], [2.0, 2.0, 2.0, 9.0]) == 0.75


def test_the_width_of_a_range_is_the_log_of_its_factor():
    assert evaluation.log_width([1.0, 2.0], [math.e, 2 * math.e**3]) == pytest.approx(2.0)


def test_the_calibration_error_of_one_group_is_the_gap_between_stated_and_happened():
    stated, happened = np.full(100, 0.8), np.repeat([1.0, 0.0], 50)

    assert evaluation.grouped_calibration_error(happened, stated, n_groups=1) == pytest.approx(0.3)


def test_groups_of_equal_size_are_made_in_the_order_of_the_promise():
    # Two of 0.2 with one hit (gap 0.3) and two of 0.9 with none (gap 0.9).
    error = evaluation.grouped_calibration_error([0, 1, 0, 0], [0.9, 0.2, 0.9, 0.2], n_groups=2)

    assert error == pytest.approx(0.6)


def test_a_perfectly_calibrated_promise_has_no_calibration_error():
    hit, promised = [1, 0, 1, 1], [0.5, 0.5, 1.0, 1.0]

    assert evaluation.expected_calibration_error(hit, promised) == pytest.approx(0.0)


def test_overconfidence_is_its_own_size():
    assert evaluation.expected_calibration_error([0, 0, 0, 1], [0.95] * 4) == pytest.approx(0.7)


def test_confidence_that_tells_right_from_wrong_spreads_the_thirds():
    rng = np.random.default_rng(0)
    promised = rng.random(300)

    informative = evaluation.thirds_spread(promised > 0.5, promised)
    blind = evaluation.thirds_spread(rng.random(300) > 0.5, promised)

    assert informative > 0.9
    assert abs(blind) < 0.3
