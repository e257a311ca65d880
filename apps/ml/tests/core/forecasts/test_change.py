"""A level that changed for good is told: since when, by how much, and not for a single week."""

from math import log

import numpy as np
import pytest

from apps.ml.core.forecasts.change import MIN_WEEKS_BEFORE, MIN_WEEKS_SINCE, lasting_change


def test_a_slower_team_is_told_since_when_and_by_how_much():
    found = lasting_change([10.0] * 60 + [6.0] * 12)

    assert (found.weeks, found.weeks_before, found.is_drop) == (12, 60, True)
    assert (found.before, found.after) == (10.0, 6.0)
    assert found.ratio == pytest.approx(0.6)
    # Even weeks: of the scatter only the prior is left, 8 of 68 weeks of 1 + 10 / 6, which is less than chance alone.
    assert found.evidence == pytest.approx(12 * (6 * log(0.6) + 10 * 0.4))


def test_a_faster_team_is_told_too():
    found = lasting_change([10.0] * 60 + [16.0] * 9)

    assert (found.weeks, found.is_drop) == (9, False)


def test_one_odd_week_is_no_lasting_change():
    assert lasting_change([10.0] * 60 + [0.0]) is None
    assert lasting_change([10.0] * 60 + [10.0, 90.0, 10.0, 10.0]) is None


def test_weeks_that_scatter_need_longer():
    even, uneven = [10.0] * 60, [2.0, 18.0] * 30

    assert lasting_change(even + [6.0] * 8) is not None
    assert lasting_change(uneven + [6.0] * 8) is None


def test_what_has_lasted_for_half_a_year_is_the_usual():
    assert lasting_change([10.0] * 60 + [6.0] * 26) is not None
    assert lasting_change([10.0] * 60 + [6.0] * 80) is None


@pytest.mark.parametrize(
    "weekly",
    [
        (),
        [10.0] * (MIN_WEEKS_BEFORE - 1) + [1.0] * MIN_WEEKS_SINCE,
        [10.0] * 60 + [1.0] * (MIN_WEEKS_SINCE - 1),
        [2.0] * 60 + [0.0] * 26,
    ],
)
def test_thin_data_is_met_with_silence(weekly):
    assert lasting_change(weekly) is None


def test_a_changed_team_is_found_and_steady_ones_are_left_alone():
    rng = np.random.default_rng(4)
    rates = rng.gamma(6.0, 1 / 6.0, (150, 90))
    steady = 10.0 * rates
    slowed = np.where(np.arange(90) < 78, steady, 0.6 * steady)

    found = [lasting_change(rng.poisson(each).astype(float)) for each in slowed]
    false = [lasting_change(rng.poisson(each).astype(float)) for each in steady]

    # After twelve weeks, of one look; a look a week finds 7 of 10.
    assert np.mean([change is not None and change.is_drop for change in found]) > 0.5
    assert np.mean([change is not None for change in false]) < 0.1
