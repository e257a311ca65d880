"""Promised probabilities beside shares that came true."""

import numpy as np
import pytest

from apps.ml.core.evaluation.reliability import MOST_BINS, OUTCOMES_PER_BIN, observed_share, reliability, stretches


def test_bins_hold_equal_numbers_and_rise_with_the_promise():
    promised = np.repeat([0.2, 0.5, 0.9], 20)
    hits = np.concatenate([np.arange(20) < 4, np.arange(20) < 10, np.arange(20) < 18])

    bins = reliability(promised[::-1], hits[::-1])

    assert [(share.promised, share.observed, share.n) for share in bins] == [
        (pytest.approx(0.2), pytest.approx(0.2), 20),
        (pytest.approx(0.5), pytest.approx(0.5), 20),
        (pytest.approx(0.9), pytest.approx(0.9), 20),
    ]


def test_few_outcomes_are_one_bin_many_are_ten_and_none_are_none():
    assert len(reliability([0.4] * 5, [1] * 5)) == 1
    assert len(reliability(np.linspace(0, 1, 1_000), np.ones(1_000))) == MOST_BINS
    assert all(share.n >= OUTCOMES_PER_BIN for share in reliability(np.linspace(0, 1, 77), np.ones(77)))
    assert reliability([], []) == ()


def test_the_whiskers_are_wilsons_interval():
    # The textbook case of 10 in 20: 0.5 ± 0.2007 after Wilson, against ± 0.2191 after Wald.
    share = observed_share(0.5, np.repeat([0.0, 1.0], 10))

    assert (share.low, share.high) == (pytest.approx(0.2993, abs=1e-4), pytest.approx(0.7007, abs=1e-4))


def test_whiskers_of_certain_outcomes_stay_between_zero_and_one():
    assert observed_share(0.9, np.ones(30)).high == 1.0
    assert observed_share(0.1, np.zeros(30)).low == 0.0


def test_stretches_keep_the_order_of_time_and_lose_nobody():
    cut = stretches(503)

    assert np.concatenate(cut).tolist() == list(range(503))
    assert len(cut) == 24
