"""Cells into people and priorities."""

import pytest

from apps.importers.records import Person
from apps.importers.sources.csv.cells import BadValue
from apps.importers.sources.csv.values import person, priority


@pytest.mark.parametrize(
    ("text", "rank"),
    [
        ("Blocker", 1), ("urgent", 1), ("High", 2), ("Medium", 3), ("Lowest", 5), ("7", 7), ("3.0", 3), ("2 - High", 2),
        ("P1", 1), ("No priority", None), ("", None), ("Sometime", None),
    ],
)  # fmt: skip
def test_a_priority_is_a_rank_from_1_the_most_urgent(text, rank):
    assert priority(text) == rank


def test_a_priority_out_of_range_is_refused():
    with pytest.raises(BadValue, match="out of range"):
        priority("40000")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ada Lovelace", Person("Ada Lovelace")), ("42", Person("42")),
        ("Ada@Example.org", Person("", "Ada@Example.org")),
        ("Ada Lovelace <Ada@example.org>", Person("Ada Lovelace", "Ada@example.org")),
        ("Unassigned", None), (" ", None), ("Ada <a team>", Person("Ada")),
    ],
)  # fmt: skip
def test_a_person_is_a_name_an_address_or_both(text, expected):
    assert person(text) == expected


def test_a_priority_of_thousands_of_digits_is_a_bad_value():
    with pytest.raises(BadValue):
        priority("9" * 5000)
