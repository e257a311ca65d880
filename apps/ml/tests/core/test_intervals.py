"""Ranges, probabilities and totals from past errors."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ml.core.intervals import (
    MAX_RECENT_OUTCOMES,
    ErrorPool,
    RecentOutcomes,
    Totals,
    corrected_level,
    corrected_pool,
    corrected_totals,
    is_missed,
    made_good,
    recency_weights,
    with_drift,
)


def outcomes(errors, *, scale=1.0, inside=True, used_estimate=False, hours=None):
    n = len(errors)
    return RecentOutcomes.of(
        log_errors=errors,
        log_scales=[scale] * n,
        inside=np.broadcast_to(inside, n),
        used_estimate=[used_estimate] * n,
        predicted_hours=hours,
    )


def test_a_band_leaves_the_same_share_of_errors_on_either_side():
    pool = ErrorPool.of(np.arange(-500, 501) / 100)

    low, high = pool.band(0.8)

    assert (low, high) == pytest.approx((-4.0, 4.0), abs=0.02)


def test_a_band_holds_the_promised_share_of_new_errors_from_the_same_source():
    rng = np.random.default_rng(1)

    held = [_holds_next(rng.standard_t(4, size=41)) for _ in range(2000)]

    assert np.mean(held) == pytest.approx(0.8, abs=0.03)


def _holds_next(errors):
    low, high = ErrorPool.of(errors[:-1]).band(0.8)
    return low <= errors[-1] <= high


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=60), st.floats(0.1, 0.45), st.floats(0.5, 0.95))
def test_a_higher_level_never_makes_a_narrower_band(errors, lower, higher):
    pool = ErrorPool.of(errors)

    narrow, wide = pool.band(lower), pool.band(higher)

    assert wide[0] <= narrow[0]
    assert wide[1] >= narrow[1]


def test_no_error_makes_no_range():
    with pytest.raises(ValueError, match="at least one"):
        ErrorPool.of([])


def test_heavier_errors_move_the_quantile():
    pool = ErrorPool.of([0.0, 1.0], weights=[1.0, 9.0])

    assert pool.quantile(0.5) == 1.0


def test_the_probability_of_a_near_hit_is_the_share_of_near_hits():
    pool = ErrorPool.of(np.concatenate([np.zeros(600), np.full(200, -2.0), np.full(200, 2.0)]))

    assert pool.share_within(1.0) == pytest.approx(0.6, abs=0.01)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30), st.floats(0, 5))
def test_a_probability_is_never_zero_nor_one(errors, distance):
    assert 0.0 < ErrorPool.of(errors).share_within(distance) < 1.0


def test_the_latest_outcome_weighs_one_and_the_half_life_halves():
    weights = recency_weights(151, half_life=150.0)

    assert (weights[-1], weights[0]) == pytest.approx((1.0, 0.5))


def test_outcomes_need_a_positive_scale():
    with pytest.raises(ValueError, match="positive"):
        outcomes([0.1], scale=0.0)


def test_outcomes_need_all_their_numbers():
    with pytest.raises(ValueError, match="Every outcome"):
        RecentOutcomes.of(log_errors=[0.1], log_scales=[], inside=[], used_estimate=[])


def test_outcomes_with_and_without_the_teams_estimate_are_told_apart():
    both = RecentOutcomes.of(
        log_errors=[1.0, 2.0, 3.0], log_scales=[1.0] * 3, inside=[True] * 3, used_estimate=[True, False, True]
    )

    assert both.like(used_estimate=True).log_errors.tolist() == [1.0, 3.0]


def test_outcomes_told_apart_keep_their_hours():
    both = RecentOutcomes.of(
        log_errors=[0.0, 0.0],
        log_scales=[1.0, 1.0],
        inside=[True, True],
        used_estimate=[True, False],
        predicted_hours=[3.0, 5.0],
    )

    assert both.like(used_estimate=False).predicted_hours.tolist() == [5.0]


def test_only_the_latest_outcomes_count():
    many = outcomes(np.arange(MAX_RECENT_OUTCOMES + 10.0))

    kept = many.like(used_estimate=False)

    assert len(kept) == MAX_RECENT_OUTCOMES
    assert kept.log_errors[-1] == MAX_RECENT_OUTCOMES + 9


def test_measured_coverage_is_unknown_before_there_is_an_outcome():
    assert RecentOutcomes().measured_coverage is None
    assert outcomes([0.0] * 4, inside=[True, True, True, False]).measured_coverage == 0.75


def test_served_errors_take_over_from_those_of_training():
    training = ErrorPool.of(np.linspace(-1, 1, 500))

    corrected = corrected_pool(training, outcomes(np.linspace(-3, 3, 300)))

    assert corrected.band(0.8)[1] > 1.5 * training.band(0.8)[1]


def test_without_served_outcomes_the_training_errors_stand():
    training = ErrorPool.of([0.0, 1.0])

    assert corrected_pool(training, None) is training
    assert corrected_pool(training, RecentOutcomes()) is training


def test_ranges_that_held_too_little_are_asked_for_more():
    held_too_little = outcomes([0.0] * 200, inside=np.arange(200) % 2 == 0)
    held_too_much = outcomes([0.0] * 200, inside=True)

    assert corrected_level(0.8, held_too_little) > corrected_level(0.8, None) > corrected_level(0.8, held_too_much)


@given(st.floats(0.01, 0.99), st.integers(0, 300))
def test_a_corrected_level_stays_a_level(level, n_inside):
    inside = np.arange(300) < n_inside

    assert 0.0 < corrected_level(level, outcomes([0.0] * 300, inside=inside)) < 1.0


def test_totals_land_on_what_was_used_in_sum():
    rng = np.random.default_rng(2)
    predicted, errors = rng.uniform(1, 10, 400), rng.normal(0, 1, 400)

    totals = Totals.of(errors, predicted)

    assert predicted.sum() * totals.mean_factor == pytest.approx(float((predicted * np.exp(errors)).sum()))


def test_served_outcomes_without_hours_correct_no_totals():
    training = Totals(12.0, 8.0)

    assert corrected_totals(training, outcomes([1.0, 1.0])) is training
    assert corrected_totals(training, None) is training


def test_served_totals_pull_the_factor_towards_what_happened():
    training = Totals(12.0, 8.0)
    on_the_spot = outcomes([0.0] * 300, hours=[5.0] * 300)

    assert 1.0 < corrected_totals(training, on_the_spot).mean_factor < training.mean_factor


def test_a_factor_of_two_is_symmetric():
    pool = ErrorPool.of([math.log(2), -math.log(2)])

    assert pool.share_within(math.log(2)) == pytest.approx(0.75)


def test_of_a_miss_a_fifth_is_made_good_as_far_as_it_is_believed():
    # 20 of 40 where 80 % were promised, believed by 40 / (40 + 50).
    missed = made_good(0.8, 0.5, 40)

    assert missed == pytest.approx(0.2 * 0.3 * 40 / 90)
    assert corrected_level(0.8, None, missed) == pytest.approx(0.8 + 0.005 + missed)


def test_a_miss_that_may_be_chance_is_none():
    # One standard error of 40 at 80 % is .063.
    assert not is_missed(0.8, 0.74, 40)
    assert is_missed(0.8, 0.7, 40)


def test_an_allowance_for_drift_shrinks_where_there_is_little_room():
    # .9 * .1 is nine sixteenths of .8 * .2.
    assert with_drift(0.8, 0.03) == pytest.approx(0.83)
    assert with_drift(0.9, 0.032) == pytest.approx(0.9 + 0.018)
    assert with_drift(1.0, 0.03) <= 0.995


def test_served_outcomes_take_over_from_what_was_missed_in_training():
    recent = outcomes(np.zeros(50), inside=np.arange(50) < 40)

    assert corrected_level(0.8, recent, 0.1) == pytest.approx(0.805 + 0.05)


def test_a_pool_stands_for_as_many_outcomes_as_are_said():
    values = np.arange(1_000.0)

    few, many = ErrorPool.of(values, size=9.0), ErrorPool.of(values)

    # Half a rank of ten a side.
    assert few.band(0.8) == (49.0, 949.0)
    assert few.band(0.8)[0] < many.band(0.8)[0]
