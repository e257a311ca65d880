"""Numbers and dates by one rule, from whichever format they come, which is the API's."""

import json
from datetime import UTC, date, datetime

import pytest

from apps.importers.sources import reading
from apps.importers.sources.bounded_json import MOST_LEVELS, parsed
from apps.importers.sources.csv import dates, numbers, values
from apps.importers.sources.csv.cells import BadValue
from apps.importers.sources.csv.dates import DateStyle
from apps.importers.sources.csv.sprints import sprints_in
from apps.importers.sources.jsonlines import read_line
from apps.importers.sources.lines.mapping import PATHS
from apps.importers.sources.lines.values import Shape

NO_NUMBERS = ["1_0", "1_0.5", "\u0661\u0663", "\uff11", "0x10", " 3", "nan", "inf", "1" * 41, True, False]
YEARS = [(1970, False), (1979, False), (1980, True), (2101, True), (2200, True), (2201, False)]


@pytest.mark.parametrize("value", [5e-324, "1e-160", 0.0009, 10_001])
def test_points_that_are_next_to_nothing_or_beyond_all_work_are_none(value):
    assert reading.points(value) is None
    assert reading.points(0) == 0


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_trackers_and_json_lines_take_no_other_number(value):
    assert reading.number(value) is None
    assert reading.points(value) is None
    assert reading.hours(value) is None


@pytest.mark.parametrize("text", ["1_0", "\u0661\u0663", "\uff11", "\u0661h", "\u0661:30", "1w \u0662d", "\u06610,5"])
def test_nor_do_cells(text):
    for read in (
        lambda: numbers.points(text, "points"),
        lambda: numbers.hours(text, "hours", factor=1.0),
    ):
        with pytest.raises(BadValue):
            read()
    assert not numbers.could_be_number(text) or text == "1_0"


def test_nor_do_labels_and_priorities():
    assert reading.points_in(["points: \u0663"]) is None
    assert reading.points_in(["points: 3"]) == 3
    assert values.priority("P\u0663") is None
    assert reading.rank_of("\u0663") is None


@pytest.mark.parametrize("value", ["3", "3.5", "+3", "1e2", 3, 3.5, "-1"])
def test_a_number_is_one(value):
    assert reading.number(value) == float(value)


@pytest.mark.parametrize("value", [True, False])
def test_a_boolean_is_no_time_and_no_day(value):
    for read in (reading.moment, reading.day):
        with pytest.raises(BadValue):
            read(value)


@pytest.mark.parametrize(("year", "is_taken"), YEARS)
def test_years_are_those_of_the_api_in_every_format(year, is_taken):
    said = f"{year}-06-01T10:00:00+00:00"
    at = datetime(year, 6, 1, 10, tzinfo=UTC)
    reads = {
        "moment": lambda: reading.moment(said) == at,
        "epoch": lambda: reading.moment(at.timestamp() * 1_000) == at,
        "day": lambda: reading.day(f"{year}-06-01") == date(year, 6, 1),
        "cell": lambda: dates.moment(said, "date", DateStyle()) == at,
        "cell with a month": lambda: dates.moment(f"1 June {year}", "date", DateStyle()) is not None,
    }
    for name, read in reads.items():
        if is_taken:
            assert read(), name
        else:
            with pytest.raises(BadValue):
                read()
    [found] = sprints_in(
        f"com.atlassian.greenhopper.service.sprint.Sprint@1f[id=1,name=One,startDate={said},endDate={said}]"
    )
    assert (found.starts_on is not None) is is_taken


@pytest.mark.parametrize("read", [reading.moment, lambda text: dates.moment(text, "date", DateStyle())])
@pytest.mark.parametrize("text", ["1980-01-01T00:30:00+01:00", "2200-12-31T23:30:00-01:00"])
def test_a_year_is_that_of_utc(read, text):
    with pytest.raises(BadValue):
        read(text)


@pytest.mark.parametrize(
    "text", ["\u0661\u0662/13/2026", "\u0662\u0660\u0662\u0666-03-02", "2026-03-0\uff12", "2026/3/\u0662"]
)
def test_a_date_of_other_digits_is_none(text):
    for style in (DateStyle(), DateStyle(day_first=False), DateStyle(pattern="%m/%d/%Y")):
        with pytest.raises(BadValue):
            dates.moment(text, "date", style)


# --- Depth ------------------------------------------------------------------------------------------------------------
def line_of(**said):
    return json.dumps({"id": "A-1", "title": "x", "created_at": "2026-03-02T09:00:00Z", **said}).encode()


def depth_of(data):
    depth = 0
    while isinstance(data, list):
        depth, data = depth + 1, data[0] if data else None
    return depth


def test_what_is_deeper_goes_and_nothing_beside_it():
    for depth, kept in ((1, 1), (MOST_LEVELS - 1, MOST_LEVELS - 1), (MOST_LEVELS, MOST_LEVELS), (500, MOST_LEVELS)):
        assert depth_of(parsed(b"[" * depth + b"]" * depth)) == kept
    assert parsed(b'{"a": [1, {"b": 2}], "c": ' + b"[" * 500 + b"]" * 500 + b"}")["a"] == [1, {"b": 2}]
    assert parsed(b"3") == 3


@pytest.mark.parametrize("name", ["labels", "assignee", "changes", "title", "sprint_id", "recorded", "parent"])
def test_a_line_that_is_nested_ends_no_import(name):
    """At one depth among many, reading it held and writing it out did not."""
    for depth in range(150, 1_100, 5):
        nested = b"[" * depth + b"]" * depth
        told = list(read_line(1, line_of(**{name: "HERE"}).replace(b'"HERE"', nested), Shape(PATHS)))
        assert told
