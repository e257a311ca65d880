"""Cells into values."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.importers.records import Person
from apps.importers.sources.csv.values import (
    BadValue,
    DateStyle,
    could_be_date,
    could_be_number,
    day_first_evidence,
    hours,
    is_ambiguous,
    moment,
    person,
    priority,
    quantity,
)

ANY_STYLE = DateStyle()


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
        ("five", "not a number"), ("1_000", "not a number"), ("１２", None), ("99999999", "beyond reason"),
        ("1,234", "read in two ways"),
    ],
)  # fmt: skip
def test_an_impossible_quantity_says_why(text, reason):
    if reason is None:
        assert quantity(text, "points", most=10_000) == 12.0  # digits of another script are digits
        return
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
        ("Ada@Example.org", Person("", "ada@example.org")),
        ("Ada Lovelace <Ada@example.org>", Person("Ada Lovelace", "ada@example.org")),
        ("Unassigned", None), (" ", None), ("Ada <a team>", Person("Ada")),
    ],
)  # fmt: skip
def test_a_person_is_a_name_an_address_or_both(text, expected):
    assert person(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2012-03-15", datetime(2012, 3, 15, tzinfo=UTC)),
        ("2012-03-15 19:20:29", datetime(2012, 3, 15, 19, 20, 29, tzinfo=UTC)),
        ("2015-11-21T07:03:02.000-0500", datetime(2015, 11, 21, 12, 3, 2, tzinfo=UTC)),
        ("2021-01-01T00:00:00Z", datetime(2021, 1, 1, tzinfo=UTC)),
        ("2021-01-01 10:00:00 UTC", datetime(2021, 1, 1, 10, tzinfo=UTC)),
        ("05/Sep/26 10:12 AM", datetime(2026, 9, 5, 10, 12, tzinfo=UTC)),
        ("05/Sep/26 12:12 AM", datetime(2026, 9, 5, 0, 12, tzinfo=UTC)),
        ("5 Mar 2020", datetime(2020, 3, 5, tzinfo=UTC)),
        ("Mon Mar 01 2021 12:00:00 GMT+0100 (CET)", datetime(2021, 3, 1, 11, tzinfo=UTC)),
        ("March 5, 2020", datetime(2020, 3, 5, tzinfo=UTC)),
        ("31.12.2020", datetime(2020, 12, 31, tzinfo=UTC)),
        ("5.3.2020 14:30", datetime(2020, 3, 5, 14, 30, tzinfo=UTC)),
        ("12/25/2025 3:30:19 PM", datetime(2025, 12, 25, 15, 30, 19, tzinfo=UTC)),
        ("12/12/2025 3:30:19 PM", datetime(2025, 12, 12, 15, 30, 19, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_in_every_form_exports_use_and_naive_ones_are_utc(text, expected):
    assert moment(text, "created", ANY_STYLE) == expected


def test_a_date_that_can_be_read_in_two_ways_is_not_guessed():
    with pytest.raises(BadValue, match="two ways"):
        moment("03/04/2020", "created", ANY_STYLE)
    assert moment("03/04/2020", "created", DateStyle(day_first=True)) == datetime(2020, 4, 3, tzinfo=UTC)
    assert moment("03/04/2020", "created", DateStyle(day_first=False)) == datetime(2020, 3, 4, tzinfo=UTC)
    assert moment("03|04|20", "created", DateStyle(pattern="%y|%m|%d")) == datetime(2003, 4, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0001-01-01", "year 1"), ("9999-12-31", "year 9999"), ("yesterday", "no date"), ("2020-02-31", "no date"),
        ("2012", "no date"), ("20120315", "no date"), ("31/31/2020", "no date"), ("5 Foo 2020", "no date"),
        ("05/Sep/26 25:00", "no date"), ("0001-01-01T00:00:00+05:00", "year 1"),
    ],
)  # fmt: skip
def test_an_impossible_moment_says_why(text, reason):
    with pytest.raises(BadValue, match=reason):
        moment(text, "created", ANY_STYLE)


@given(st.integers(min_value=0, max_value=4 * 10**9))
def test_every_iso_moment_survives_being_written_and_read(seconds):
    value = datetime.fromtimestamp(seconds, tz=UTC)

    assert moment(value.isoformat(), "created", ANY_STYLE) == value


@given(st.one_of(st.text(max_size=40), st.from_regex(r"\d{1,4}[/. -]\w{1,3}[/. -]\d{1,4} \d\d:\d\d", fullmatch=True)))
def test_no_text_makes_a_moment_fail_unexplained(text):
    try:
        found = moment(text, "created", ANY_STYLE)
    except BadValue:
        return
    assert found is None or found.tzinfo is UTC


def test_only_a_number_above_12_tells_the_order_of_day_and_month():
    assert day_first_evidence("25/12/2020") is True
    assert day_first_evidence("12/25/2020") is False
    assert day_first_evidence("2020-12-25") is None
    assert is_ambiguous("03/04/2020")
    assert not is_ambiguous("04/04/2020")
    assert not is_ambiguous("03.04.2020")


@pytest.mark.parametrize("text", ["9" * 400 + "h", "9000000000h", "5h 99999999m", "1" * 5000 + "m"])
def test_a_duration_is_bounded_like_any_other_number(text):
    with pytest.raises(BadValue):
        hours(text, "actual_hours", factor=1.0)


def test_a_priority_of_thousands_of_digits_is_a_bad_value():
    with pytest.raises(BadValue):
        priority("9" * 5000)


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


def test_what_has_no_digit_could_not_be_a_date():
    assert could_be_date("2 Jan 2025")
    assert not could_be_date("Yes")
