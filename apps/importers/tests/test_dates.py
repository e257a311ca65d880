"""Cells into moments."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.importers.sources.csv.cells import BadValue
from apps.importers.sources.csv.dates import STYLES, DateStyle, is_ambiguous, is_date, moment, possible_styles

ANY_STYLE = DateStyle()
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


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


@given(st.integers(min_value=315_532_800, max_value=7_289_654_399))
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
    assert possible_styles(["25/12/2020", "03/04/2020", "2020-12-25"], [], NOW) == {"day first"}
    assert possible_styles(["12/25/2020", "03/04/2020"], [], NOW) == {"month first"}
    assert possible_styles(["2020-12-25"], [], NOW) == set(STYLES)
    assert is_ambiguous("03/04/2020")
    assert not is_ambiguous("04/04/2020")
    assert not is_ambiguous("03.04.2020")


def test_a_flag_a_share_and_a_version_are_no_dates():
    assert is_date("2 Jan 2025")
    assert is_date("03/04/2020")
    assert not any(map(is_date, ["Yes", "0", "1", "100", "85.5", "50 %", "1.0.2", "45321"]))
    assert is_date("20260203", "%Y%m%d")


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("5/ene/26", 1), ("5/abr/26", 4), ("5/ago/26", 8), ("5/dic/26", 12), ("5. Mai 2026", 5), ("05.Dez.2026", None),
        ("5 août 2026", 8), ("5 févr. 2026", 2), ("5 de março de 2026", 3), ("5 gru 2026", 12), ("5 мая 2026", 5),
        ("5 okt 2026", 10), ("5 września 2026", 9), ("5 juin 2026", 6), ("5 juil. 2026", 7), ("5 foo 2026", None),
        ("5 jui 2026", None),
    ],
)  # fmt: skip
def test_months_are_named_in_the_languages_of_the_trackers(text, month):
    if month is None:
        with pytest.raises(BadValue, match="no date"):
            moment(text, "created", ANY_STYLE)
        return
    assert moment(text, "created", ANY_STYLE) == datetime(2026, month, 5, tzinfo=UTC)


def test_a_year_of_two_digits_stands_in_front_where_the_file_says_so():
    assert moment("26/03/02", "created", STYLES["year first"]) == datetime(2026, 3, 2, tzinfo=UTC)
    assert is_ambiguous("26/03/02")
