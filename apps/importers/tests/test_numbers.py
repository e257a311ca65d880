"""Cells into numbers, points and hours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.importers.sources.csv.cells import BadValue
from apps.importers.sources.csv.numbers import (
    NumberStyle,
    could_be_number,
    hours,
    is_torn,
    number_style,
    points,
    quantity,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", 3.0), (" 2.5 ", 2.5), ("1e2", 100.0), ("0", 0.0), ("7,5", 7.5), ("0,125", 0.125), ("1,234.5", 1234.5),
        ("", None), ("-", None), ("None", None), ("n/a", None),
    ],
)  # fmt: skip
def test_a_quantity_is_read_as_people_write_it(text, expected):
    assert quantity(text, "points", most=10_000) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("-1", "negative"), ("nan", "not a finite number"), ("inf", "not a finite number"), ("1e999", "not a finite"),
        ("five", "not a number"), ("1_000", "not a number"), ("１２", "not a number"), ("99999999", "beyond reason"),
        ("1,234", "read in two ways"),
    ],
)  # fmt: skip
def test_an_impossible_quantity_says_why(text, reason):
    with pytest.raises(BadValue, match=reason):
        quantity(text, "points", most=10_000)


@given(st.floats(min_value=0, max_value=10_000, allow_nan=False))
def test_every_finite_number_survives_being_written_and_read(value):
    assert quantity(repr(value), "points", most=10_000) == value


@given(st.text(max_size=30))
def test_no_text_makes_a_quantity_fail_unexplained(text):
    try:
        value = quantity(text, "points", most=10_000)
    except BadValue:
        return
    assert value is None or 0 <= value <= 10_000


@pytest.mark.parametrize(
    ("text", "factor", "expected"),
    [
        ("5400", 1 / 3600, 1.5),
        ("90", 1 / 60, 1.5),
        ("1.5", 1, 1.5),
        ("1h 30m", 1 / 3600, 1.5),
        ("45m", 1, 0.75),
        ("", 1, None),
    ],
)
def test_hours_come_from_any_unit(text, factor, expected):
    assert hours(text, "actual hours", factor=factor) == pytest.approx(expected)


@pytest.mark.parametrize(("text", "factor"), [("5e-324", 1.0), ("0.3", 1 / 3600), ("0.00001h", 1.0)])
def test_less_than_a_second_is_no_work(text, factor):
    with pytest.raises(BadValue, match="less than a second"):
        hours(text, "actual hours", factor=factor)


@pytest.mark.parametrize("text", ["9" * 400 + "h", "9000000000h", "5h 99999999m", "1" * 5000 + "m"])
def test_a_duration_is_bounded_like_any_other_number(text):
    with pytest.raises(BadValue):
        hours(text, "actual_hours", factor=1.0)


@pytest.mark.parametrize("text", ["3", " 7,5 ", "1,234", "-1", "inf", "1e2", "1h 30m", "45m"])
def test_numbers_and_durations_are_meant_as_such_even_where_they_cannot_be_used(text):
    assert could_be_number(text)


@pytest.mark.parametrize("text", ["S", "XXL", "five", "3 or 4", "?", "2025-01-02"])
def test_sizes_in_words_are_not_meant_as_numbers(text):
    assert not could_be_number(text)


@given(st.floats(min_value=0, max_value=10_000))
def test_what_is_read_as_a_quantity_could_be_a_number(value):
    assert could_be_number(str(value))
    assert quantity(str(value), "points", most=10_000) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1w 2d", 56.0), ("1d", 8.0), ("1mo", 160.0), ("2 hours", 2.0), ("1:30", 1.5), ("0:45:00", 0.75),
        ("1,5 h", 1.5), ("2 Stunden", 2.0), ("1w, 2d", 56.0), ("90 min", 1.5),
    ],
)  # fmt: skip
def test_a_duration_counts_days_of_8_hours_and_weeks_of_5_days(text, expected):
    assert hours(text, "actual hours", factor=1 / 3600) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["2 apples", "1h and more", "h", "1:75"])
def test_what_is_no_duration_is_no_number_either(text):
    with pytest.raises(BadValue, match="not a number"):
        hours(text, "actual hours", factor=1.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("½", 0.5), ("1⅞", 1.875), ("8 SP", 8.0), ("3 points", 3.0), ("5pts", 5.0), ("?", None), ("", None), ("2,5", 2.5)],
)
def test_points_are_numbers_with_or_without_their_unit(text, expected):
    assert points(text, "story points") == expected


@pytest.mark.parametrize("text", ["5e-324", "0.0009", "9" * 400 + "½", "999999999½", "8²", "3𐄳", "²", "½½", "-1½"])
def test_a_sign_with_a_number_is_no_fraction_and_a_fraction_has_the_bounds_of_numbers(text):
    with pytest.raises(BadValue):
        points(text, "story points")


@pytest.mark.parametrize(
    ("cells", "decimal"), [(["0,5", "1.200"], ","), (["0.5", "1,200"], "."), (["1.200"], ""), (["0.5", "0,5"], "")]
)
def test_a_fraction_of_one_or_two_digits_shows_the_decimal_mark(cells, decimal):
    assert number_style(cells) == NumberStyle(decimal)


def test_a_mark_before_three_digits_parts_thousands_where_the_other_parts_fractions():
    assert quantity("1.234", "points", most=10_000, style=NumberStyle(",")) == 1234.0
    assert quantity("1.234,5", "points", most=10_000, style=NumberStyle(",")) == 1234.5
    assert quantity("1,234", "points", most=10_000, style=NumberStyle(".")) == 1234.0
    assert is_torn("1.234", NumberStyle())
    assert not is_torn("1.234", NumberStyle("."))
