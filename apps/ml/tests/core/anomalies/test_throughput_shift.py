"""The last four weeks are unusual when the forecast made before them did not hold them."""

import numpy as np
import pytest

from apps.ml.core.anomalies.throughput_shift import ThroughputShift, tails, throughput_shift, unusual

PAST = [float(count) for count in np.random.default_rng(3).poisson(6, 40)]


def shift(tail: float, series: str = "a") -> ThroughputShift:
    return ThroughputShift(series, 0.0, 1, 2, 1.5, tail, is_drop=True, weeks_before=20)


def judged(last_four, past=PAST):
    return throughput_shift([*past, *last_four], series="issues finished")


def test_usual_weeks_are_within_the_band():
    found = judged([6, 5, 7, 6])

    assert not found.is_outside
    assert found.expected_low <= 24 <= found.expected_high


def test_a_standstill_is_a_drop_with_its_odds():
    found = judged([0, 0, 0, 0])

    assert (found.is_outside, found.is_drop, found.actual) == (True, True, 0.0)
    assert found.odds.startswith("1 in ")


def test_three_times_as_much_is_a_rise():
    found = judged([18, 18, 18, 18])

    assert (found.is_outside, found.is_drop) == (True, False)


def test_what_is_judged_is_not_known_to_the_forecast():
    assert judged([0, 0, 0, 0]).expected_median == judged([30, 30, 30, 30]).expected_median


@pytest.mark.parametrize("past", [PAST[:11], [2.0] * 40])
def test_thin_data_is_met_with_silence(past):
    assert judged([50, 50, 50, 50], past=past) is None


def test_tails_count_half_an_item_on_either_side_and_are_never_nothing():
    runs = np.array([1.0, 2.0, 3.0, 4.0])

    assert tails(runs, 2.0) == (3 / 5, 4 / 5)
    assert tails(runs, 99.0) == (1.0, 1 / 5)


def test_of_many_series_chance_ones_are_left_out():
    one_of_four = [shift(0.012), shift(0.4), shift(0.4), shift(0.4)]
    all_of_four = [shift(0.012)] * 4

    assert unusual(one_of_four) == []
    assert len(unusual(all_of_four)) == 4
    assert unusual([shift(0.012)]) == [shift(0.012)]


def test_the_odds_have_two_digits():
    assert shift(1 / 234).odds == "1 in 230"
    assert shift(1 / 8).odds == "1 in 8"
