"""Errors of a head and own ones, read without merging them: as the merged pool tells."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ml.core.effort.ranges.mixture import AnswerErrors
from apps.ml.core.effort.ranges.own_outcomes import LastKnown, own_errors_of
from apps.ml.core.intervals import ErrorPool

errors = st.lists(st.sampled_from([-1.0, 0.0, 0.5]) | st.floats(-3, 3), min_size=1, max_size=40)


def answers(head, own, share):
    """Of two answers: to an issue near all outcomes, and to one near the last of them."""
    values = np.sort(np.array(own))
    last = LastKnown(np.arange(values.size), values, values - np.median(values), values, values.size)
    nearness = np.array([np.ones(values.size), np.linspace(0.0, 1.0, values.size) ** 4])
    known = own_errors_of(last, nearness, centres=np.array([0.2, -0.7]))
    return AnswerErrors(ErrorPool.of(head), np.array([0.3, 1.7]), known, share)


@given(head=errors, own=errors, share=st.sampled_from([0.01, 0.5, 0.9]), level=st.floats(0.1, 0.99))
def test_ranges_are_those_of_the_merged_pool(head, own, share, level):
    found = answers(head, own, share)

    np.testing.assert_allclose(found.bands(level), [found.pool(row).band(level) for row in range(2)], atol=1e-12)


@given(head=errors, own=errors, share=st.sampled_from([0.01, 0.5, 0.9]), distance=st.floats(0.0, 3.0))
def test_so_is_the_weight_of_small_errors(head, own, share, distance):
    found = answers(head, own, share)

    shares = [found.pool(row).share_within(distance) for row in range(2)]
    assert found.shares_within(distance) == pytest.approx(shares, abs=1e-9)


@given(head=errors, level=st.floats(0.1, 0.99))
def test_without_own_outcomes_the_head_alone_is_read(head, level):
    found = AnswerErrors(ErrorPool.of(head), np.array([0.3, 1.7]))

    pools = [ErrorPool.of(head).scaled(scale) for scale in (0.3, 1.7)]
    np.testing.assert_allclose(found.bands(level), [pool.band(level) for pool in pools])
    assert found.shares_within(0.7) == pytest.approx([pool.share_within(0.7) for pool in pools])
