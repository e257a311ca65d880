"""One size of an issue for each future, from a table of equally likely ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ml.core.forecasts.sizes import SLOTS, Spread

N_RUNS, SEED = 10_000, 7
sizes = st.lists(st.floats(0.5, 100), min_size=1, max_size=20)


def test_a_size_is_drawn_as_often_as_it_weighs():
    drawn = Spread.of([8.0, 1.0], [0.25, 0.75]).drawn("x", N_RUNS, seed=SEED)

    assert np.mean(drawn == 8.0) == pytest.approx(0.25, abs=0.02)
    assert set(np.unique(drawn)) == {1.0, 8.0}


def test_an_issue_has_the_same_sizes_whatever_else_is_asked():
    spread = Spread.of([1.0, 2.0, 3.0])

    assert np.array_equal(spread.drawn("x", N_RUNS, seed=SEED), spread.drawn("x", N_RUNS, seed=SEED))
    assert not np.array_equal(spread.drawn("x", N_RUNS, seed=SEED), spread.drawn("y", N_RUNS, seed=SEED))


def test_what_has_gone_in_rules_out_smaller_sizes():
    left = Spread.of([2.0, 4.0, 10.0], [0.5, 0.25, 0.25]).drawn("x", N_RUNS, seed=SEED, done=3.0)

    assert set(np.unique(left)) == {1.0, 7.0}
    assert np.mean(left == 7.0) == pytest.approx(0.5, abs=0.02)


def test_an_issue_that_has_outgrown_every_size_begins_anew():
    assert set(np.unique(Spread.of([2.0, 4.0]).drawn("x", N_RUNS, seed=SEED, done=5.0))) == {2.0, 4.0}


@given(sizes, st.floats(0, 120))
def test_something_is_left_of_every_open_issue(known, done):
    left = Spread.of(known).drawn("x", 200, seed=SEED, done=done)

    assert np.all(left > 0)
    assert np.all(left <= max(known) + 1e-4)


def test_a_spread_is_a_table_in_order():
    table = Spread.of([5.0, 1.0, 3.0]).table

    assert len(table) == SLOTS
    assert np.all(np.diff(table) >= 0)


def test_a_spread_of_nothing_is_a_mistake():
    with pytest.raises(ValueError, match="at least one size"):
        Spread.of([])
