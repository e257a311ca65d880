"""Trees that are cut back to what enough groups tell."""

import numpy as np
import pytest

from apps.ml.core.trees import FlatTrees

#: One tree: up to 5 (up to 2 or not), else.
TREE = FlatTrees(
    feature=np.zeros(5, dtype=np.int32),
    threshold=np.array([5.0, 2.0, 0.0, 0.0, 0.0]),
    left=np.array([1, 3, 2, 3, 4], dtype=np.int32),
    right=np.array([2, 4, 2, 3, 4], dtype=np.int32),
    value=np.array([0.0, 0.0, 9.0, 1.0, 4.0]),
    roots=np.array([0], dtype=np.int32),
    depth=2,
    start=10.0,
)
ROWS = np.array([[1.0], [1.0], [3.0], [7.0], [7.0]])
ASKED = np.array([[1.0], [3.0], [7.0]])


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        ([0, 1, 0, 0, 1], [12.0, 12.0, 19.0]),
        ([0, 0, 1, 0, 1], [12.0, 12.0, 19.0]),
        ([0, 1, 1, 1, 1], [14.8, 14.8, 14.8]),
        ([0, 0, 0, 0, 0], [14.8, 14.8, 14.8]),
    ],
)
def test_a_cut_of_which_a_side_rests_on_one_group_is_taken_back(groups, told):
    kept = TREE.resting_on(ROWS, np.array(groups), lambda found: len(found) > 1)

    # Row by row 1, 1, 4, 9, 9: what is taken back is their mean.
    assert kept.predict_rows(ASKED).tolist() == pytest.approx(told)


def test_where_every_side_rests_on_enough_nothing_changes():
    kept = TREE.resting_on(ROWS, np.arange(5), lambda found: len(found) > 0)

    assert kept.predict_rows(ASKED).tolist() == TREE.predict_rows(ASKED).tolist() == [11.0, 14.0, 19.0]
    assert TREE.left.tolist() == [1, 3, 2, 3, 4], "the trees themselves stay as they are"
