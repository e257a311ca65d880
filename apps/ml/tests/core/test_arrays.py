"""The largest of many numbers, against sorting all of them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from apps.ml.core.arrays import among_largest, largest

#: Few different ones, so that many are equal.
numbers = st.lists(st.sampled_from([0.0, 0.06, 0.12, 0.2, 0.5, 1.0]) | st.floats(0, 1), max_size=200)


def sorted_out(values, k, least=0.0):
    places = [place for place, value in enumerate(values) if value >= least]
    return sorted(places, key=lambda place: (-values[place], -place))[:k]


@given(values=numbers, k=st.integers(1, 20))
def test_the_largest_are_those_of_a_full_sort_and_of_equals_the_last(values, k):
    assert largest(np.array(values, dtype=float), k).tolist() == sorted_out(values, k)


@given(values=numbers, k=st.integers(1, 20), least=st.sampled_from([0.0, 0.06, 0.2, 0.3]))
def test_what_is_below_the_least_is_left_out(values, k, least):
    assert largest(np.array(values, dtype=float), k, least).tolist() == sorted_out(values, k, least)


def test_single_precision_is_ranked_alike():
    values = np.tile(np.array([0.1, 0.3, 0.2], dtype=np.float32), 200)

    assert largest(values, 2).tolist() == [598, 595]


@given(values=numbers.filter(bool), k=st.integers(1, 200), least=st.sampled_from([0.0, 0.06, 0.2, 0.3]))
def test_many_numbers_are_dealt_into_groups_to_the_same_end(values, k, least):
    many = [each for number, value in enumerate(values) for each in (value, values[-number], 0.0)] * 20

    assert largest(np.array(many), k, least).tolist() == sorted_out(many, k, least)
    assert among_largest(np.array(many), k, least).tolist() == sorted(sorted_out(many, k, least))
