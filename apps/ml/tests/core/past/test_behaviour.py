import pytest

from apps.ml.core.forecasts.simulation import MIN_ACTIVE_WEEKS
from apps.ml.core.past.behaviour import MIN_ACTIVE_VALUES, NaturalLimits, natural_limits, signals


def test_limits_lie_at_two_and_two_thirds_moving_ranges_from_the_mean():
    # Mean 8; the nine moving ranges are 2 each: 8 ± 2.66 * 2.
    limits = natural_limits([7, 9] * 5)

    assert limits == NaturalLimits(low=2.68, centre=8.0, high=13.32)


def test_counts_are_never_below_nothing():
    assert natural_limits([0, 6] * 5).low == 0.0


def test_few_values_have_no_limits():
    assert natural_limits([5.0] * 9) is None


def test_a_team_that_has_just_begun_has_no_limits():
    assert natural_limits([0] * 9 + [3, 5]) is None
    assert natural_limits([0] * 9 + [3, 5, 4, 3, 6]) is not None
    assert MIN_ACTIVE_VALUES == MIN_ACTIVE_WEEKS


@pytest.mark.parametrize(
    ("values", "marked"),
    [
        ([5, 12, 5, 1], [False, True, False, True]),
        ([6] * 8 + [4], [True] * 8 + [False]),
        ([6] * 7 + [4], [False] * 8),
        ([5] * 9, [False] * 9),
    ],
)
def test_a_value_beyond_the_limits_or_in_a_long_run_is_a_signal(values, marked):
    assert signals(values, NaturalLimits(low=2.0, centre=5.0, high=10.0)) == tuple(marked)
