"""The word table that ships, and how a table makes a direction of a text."""

import hashlib
import re
from importlib import resources

import numpy as np
import pytest

from apps.ml.core import artifact
from apps.ml.core.meaning import DIMENSIONS, MeaningTable, load_meaning, table_of

SHIPPED = (resources.files("apps.ml.core") / "data" / "meaning.npz").read_bytes()
#: The one that docs and measurements are about; made anew, it is measured anew.
CHECKSUM = "926621ad2e0abe49685838c1f992ce99443438689df6c1a90b12c2c44d604cd0"


def table(weights=(1.0, 1.0, 1.0), words=("login", "page", "sign")):
    vectors = np.eye(len(words), DIMENSIONS, dtype=np.float32) * 3
    return table_of(words, vectors, np.array(weights, dtype=np.float32))


def axes(direction, n=3):
    return direction[:n].tolist()


def test_a_text_points_where_the_mean_of_its_words_points():
    assert axes(table().direction("login page login")) == pytest.approx([2 / 5**0.5, 1 / 5**0.5, 0], abs=1e-3)


def test_a_common_word_counts_what_its_weight_says():
    found = table(weights=(1.0, 0.25, 1.0)).direction("login page")

    assert axes(found) == pytest.approx([4 / 17**0.5, 1 / 17**0.5, 0], abs=1e-3)


def test_a_description_counts_half_and_each_of_its_words_once():
    found = table().direction("login", "page page page")

    assert axes(found) == pytest.approx([2 / 5**0.5, 1 / 5**0.5, 0], abs=1e-3)


def test_an_unknown_word_counts_as_its_longest_known_beginning_and_the_known_rest():
    assert axes(table().direction("loginpage")) == pytest.approx([0.5**0.5, 0.5**0.5, 0], abs=1e-3)
    assert axes(table().direction("logins")) == [0.0, 0.0, 0.0]  # a rest of one letter is no part
    assert axes(table().direction("loginxy")) == pytest.approx([1, 0, 0], abs=1e-3)


@pytest.mark.parametrize("title", ["", "42", "登录页面", "x" * 5000, "zzzz qqqq"])
def test_a_text_of_unknown_words_has_no_direction(title):
    assert not table().direction(title).any()


def test_a_table_survives_its_bytes():
    again = MeaningTable.from_bytes(table(weights=(1.0, 0.3, 0.7)).to_bytes())

    assert again.direction("login sign page").tolist() == table((1.0, 0.3, 0.7)).direction("login sign page").tolist()


def test_bytes_of_something_else_are_refused():
    with pytest.raises(artifact.ArtifactCorrupted):
        MeaningTable.from_bytes(artifact.dumps("meaning", {"keys": np.zeros(2), "vectors": np.zeros((1, 3))}, {}))


def test_of_two_words_with_one_hash_the_earlier_is_kept():
    words = ("plumless", "buckeroo")  # the classic collision of CRC-32

    assert len(table(words=words, weights=(1.0, 1.0)).rows) == 1


def test_the_shipped_table_is_the_one_that_was_measured():
    assert hashlib.sha256(SHIPPED).hexdigest() == CHECKSUM
    assert len(SHIPPED) < 4 * 2**20
    assert load_meaning().vectors.shape == (23_903, DIMENSIONS)


def test_no_word_can_be_read_in_the_shipped_table():
    found = artifact.loads(SHIPPED, kind="meaning")

    assert {name: array.dtype.kind for name, array in found.arrays.items()} == {
        "factors": "f",
        "keys": "u",
        "vectors": "i",
    }
    assert not re.search(rb"login|password|database", SHIPPED)


@pytest.mark.parametrize(
    ("left", "right", "other"),
    [
        ("Rename project folder", "Change the name of a directory", "Application freezes on startup"),
        ("Users cannot upload pictures", "Uploading images is broken", "Wrong totals on invoice"),
    ],
)
def test_other_words_for_the_same_thing_point_the_same_way(left, right, other):
    first, second, third = (load_meaning().direction(title) for title in (left, right, other))

    assert first @ second > 0.5
    assert first @ third < 0.3
