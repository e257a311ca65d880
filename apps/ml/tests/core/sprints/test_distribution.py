"""The distribution of what a sprint delivers: hand-computed figures, and what no distribution may say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ml.core.sprints.outcome.distribution import (
    LEVELS,
    MAX_CHANCE,
    OutcomeDistribution,
    levels_reached,
    thresholds,
)

CHANCES = st.lists(st.floats(0.0, 1.0), min_size=len(LEVELS), max_size=len(LEVELS))
SHARES_DONE = st.floats(0.0, 1.5)


def falling(chances: list[float]) -> np.ndarray:
    return np.array(sorted(chances, reverse=True))


def test_levels_are_shares_of_what_is_missing_and_beyond_all_multiples_of_the_scope() -> None:
    levels = thresholds(np.array([0.2]))[0]

    assert levels[LEVELS == 0.5] == pytest.approx(0.6)
    assert levels[LEVELS == 1.0] == pytest.approx(1.0)
    assert levels[LEVELS == 1.5] == pytest.approx(1.5)
    assert levels_reached(np.array([0.6]), np.array([0.2]))[0].sum() == 6  # .02, .1, .2, .3, .4 and .5 of .8


def test_between_two_levels_the_chance_falls_in_a_straight_line() -> None:
    told = OutcomeDistribution.of_levels(np.where(LEVELS <= 1.0, 1.0 - LEVELS / 2, 0.0), 0.0)

    assert told.chance_of(0.5) == pytest.approx(0.75)
    assert told.chance_of(0.95) == pytest.approx(0.525)
    assert told.chance_of(1.0) == pytest.approx(0.5)
    assert told.chance_of(1.05) == 0.0
    # Half of the outcomes are exactly all, the others even between 0.02 and 1; 1 % are exactly nothing.
    assert told.median == pytest.approx(1.0, abs=1e-6)
    assert told.mean == pytest.approx(0.75, abs=0.001)


def test_the_narrowest_range_ends_at_exactly_all_where_that_is_likely() -> None:
    told = OutcomeDistribution.of_levels(np.where(LEVELS <= 1.0, 1.0 - LEVELS / 2, 0.0), 0.0)

    assert told.range(0.8) == pytest.approx((0.4, 1.0), abs=1e-6)


def test_runs_that_do_exactly_all_are_a_point() -> None:
    told = OutcomeDistribution.of_runs(np.array([0.3, 0.65, 1.0, 1.0, 1.2]), 0.3)

    assert told.chance_of(0.3) == 1.0
    assert told.chance_of(0.301) == pytest.approx(0.8, abs=0.02)
    assert told.chance_of(1.0) == pytest.approx(0.6)
    assert told.chance_of(1.0001) == pytest.approx(0.2, abs=0.01)


def test_what_is_done_is_sure_and_the_rest_never_quite() -> None:
    told = OutcomeDistribution.of_levels(np.ones(len(LEVELS)), 0.9)

    assert told.chance_of(0.9) == 1.0
    assert told.chance_of(1.0) == MAX_CHANCE
    assert OutcomeDistribution.of_levels(np.zeros(len(LEVELS)), 1.0).chance_of(1.0) == 1.0


@given(CHANCES, CHANCES, SHARES_DONE, st.floats(0.0, 1.0))
def test_no_pool_says_what_cannot_be(learned: list[float], runs: list[float], done: float, weight: float) -> None:
    simulated = OutcomeDistribution.of_runs(done + np.array(runs), done)
    told = OutcomeDistribution.of_levels(falling(learned), done).pooled(simulated, weight)

    low, high = told.range(0.8)
    asked = [told.chance_of(share) for share in np.linspace(0.0, 2.6, 40)]
    assert told.chance_of(done) == 1.0
    assert (np.diff(asked) <= 1e-12).all()
    assert done - 1e-9 <= low <= told.median <= high
    assert done - 1e-9 <= told.mean
    assert told.chance_of(low) - told.chance_of(high + 1e-6) >= 0.8 - 1e-3


@given(CHANCES, SHARES_DONE, st.lists(st.floats(0.01, 0.99), min_size=2, max_size=8))
def test_quantiles_rise_and_are_reached_as_often_as_they_say(
    chances: list[float], done: float, levels: list[float]
) -> None:
    told = OutcomeDistribution.of_levels(falling(chances), done)

    found = told.quantiles(np.array(sorted(levels)))

    assert (np.diff(found) >= -1e-12).all()
    for level, share in zip(sorted(levels), found, strict=True):
        assert told.chance_of(float(share)) >= 1.0 - level - 1e-6
