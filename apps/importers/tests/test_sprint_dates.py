"""Sprints without dates: asked for once, told from names and ends, or left without."""

from datetime import date, timedelta

import pytest

from apps.importers.records import ImportRefused
from apps.importers.sprint_dates import Undated, rhythm_of, windows_of

MONDAY = date(2026, 3, 2)


def sprint(number, *offsets, name="Sprint {}"):
    """A sprint of a fortnight's rhythm whose issues were finished so many days after its first Monday."""
    return Undated(name.format(number), tuple(MONDAY + timedelta(days=14 * (number - 1) + days) for days in offsets))


def days(windows):
    return {at: (window.first, window.last) for at, window in windows.items()}


def test_numbers_and_ends_tell_a_rhythm_and_a_gap_in_the_numbers():
    found = windows_of([sprint(1, 3, 9, 10), sprint(2, 2, 8, 11), sprint(3, 4, 9), sprint(5, 1, 10)])

    assert days(found) == {
        0: (date(2026, 3, 2), date(2026, 3, 15)),
        1: (date(2026, 3, 16), date(2026, 3, 29)),
        2: (date(2026, 3, 30), date(2026, 4, 12)),
        3: (date(2026, 4, 27), date(2026, 5, 10)),
    }
    assert all(window.is_inferred for window in found.values())


def test_a_sprint_of_the_series_without_any_end_has_its_place_in_it():
    found = windows_of([sprint(1, 3, 9), sprint(2, 2, 8), sprint(3, 4, 11), sprint(4)])

    assert days(found)[3] == (date(2026, 4, 13), date(2026, 4, 26))


def test_a_week_is_not_taken_for_two():
    weekly = [Undated(f"W {n}", tuple(MONDAY + timedelta(days=7 * n + day) for day in (1, 2, 4))) for n in range(5)]

    assert {(window.last - window.first).days for window in windows_of(weekly).values()} == {6}


@pytest.mark.parametrize(
    "sprints",
    [
        [sprint(1, 3, 9), sprint(2, 2, 8)],
        [sprint(1, 3), sprint(2, 2), sprint(3, 4)],
        # Half of the work was finished a month after its sprint.
        [sprint(1, 3, 40), sprint(2, 2, 40), sprint(3, 4, 40)],
        [sprint(n, 3, 9, name="The one after") for n in range(1, 5)],
    ],
)
def test_too_little_or_torn_evidence_tells_nothing(sprints):
    assert windows_of(sprints) == {}


def test_two_days_in_a_name_are_its_days():
    assert days(windows_of([Undated("Sprint 9 (2026-03-02 to 2026-03-13)")])) == {0: (MONDAY, date(2026, 3, 13))}
    assert windows_of([Undated("Before 2026-03-02"), Undated("2026-03-13 back to 2026-03-02")]) == {}


def test_what_the_user_says_goes_by_number_and_else_by_the_first_ends():
    by_number = windows_of([Undated("S 12"), Undated("S 10")], rhythm_of("2026-03-02/2w"))
    by_end = windows_of(
        [Undated("Beta", (date(2026, 5, 1),)), Undated("Alpha", (MONDAY,))], rhythm_of("2026-03-02/10d")
    )

    assert days(by_number) == {0: (date(2026, 3, 30), date(2026, 4, 12)), 1: (MONDAY, date(2026, 3, 15))}
    assert days(by_end) == {0: (date(2026, 3, 12), date(2026, 3, 21)), 1: (MONDAY, date(2026, 3, 11))}
    assert not any(window.is_inferred for window in (*by_number.values(), *by_end.values()))


@pytest.mark.parametrize("text", ["", "2026-03-02", "2026-02-30/14d", "2026-03-02/0d", "2026-03-02/93d", "14d"])
def test_a_rhythm_that_is_none_is_refused_with_an_example(text):
    with pytest.raises(ImportRefused, match="--sprints 2026-03-02/14d"):
        rhythm_of(text)
