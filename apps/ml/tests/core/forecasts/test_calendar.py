"""Which days are worked, and by what share of the team."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ml.core.forecasts.calendar import MAX_DAYS, Absence, WorkingCalendar

MONDAY, FRIDAY_AFTER_NEXT = date(2026, 3, 2), date(2026, 3, 13)
WEDNESDAY = date(2026, 3, 4)
USUAL = WorkingCalendar()
days = st.dates(date(2026, 1, 1), date(2026, 12, 31))


def test_weekends_and_days_off_are_no_working_days():
    assert USUAL.working_days(MONDAY, FRIDAY_AFTER_NEXT) == 10
    assert USUAL.without([WEDNESDAY, date(2026, 3, 7)]).working_days(MONDAY, FRIDAY_AFTER_NEXT) == 9
    assert USUAL.working_days(FRIDAY_AFTER_NEXT, MONDAY) == 0


def test_a_day_counts_as_the_share_of_the_team_that_is_there():
    away = Absence(WEDNESDAY, date(2026, 3, 5))
    one_of_four = WorkingCalendar(people=4, absences=(away,))

    assert one_of_four.working_days(MONDAY, FRIDAY_AFTER_NEXT) == 9.5
    assert one_of_four.without([WEDNESDAY]).working_days(MONDAY, FRIDAY_AFTER_NEXT) == 8.75
    assert WorkingCalendar(absences=(away,)).working_days(MONDAY, FRIDAY_AFTER_NEXT) == 10


@pytest.mark.parametrize("absence", [Absence(first=WEDNESDAY), Absence(WEDNESDAY, date(2027, 1, 1))])
def test_an_absence_may_have_no_end(absence):
    assert WorkingCalendar(people=2, absences=(absence,)).working_days(MONDAY, FRIDAY_AFTER_NEXT) == 6


def test_work_ends_on_the_day_on_which_enough_was_done():
    assert USUAL.day_when(MONDAY, 5.0) == date(2026, 3, 6)
    assert USUAL.day_when(MONDAY, 5.1) == date(2026, 3, 9)
    assert USUAL.day_when(date(2026, 3, 7), 1.0) == date(2026, 3, 9)
    assert USUAL.day_when(MONDAY, 0.0) == MONDAY
    assert USUAL.without([WEDNESDAY]).day_when(MONDAY, 5.0) == date(2026, 3, 9)


def test_what_a_division_leaves_behind_costs_no_day():
    assert USUAL.day_when(MONDAY, 5.0 + 1e-12) == date(2026, 3, 6)


def test_work_that_nobody_is_there_for_never_ends():
    alone = WorkingCalendar(people=1, absences=(Absence(first=WEDNESDAY),))

    assert alone.day_when(MONDAY, 2.0) == date(2026, 3, 3)
    assert alone.day_when(MONDAY, 3.0) is None


@given(st.lists(days, max_size=8), st.lists(st.tuples(days, st.integers(0, 40)), max_size=4), days, st.floats(0.1, 90))
def test_both_directions_are_one_calendar(off, away, first, work):
    absences = tuple(Absence(start, start + timedelta(days=length)) for start, length in away)
    calendar = WorkingCalendar(frozenset(off), people=5, absences=absences)

    day = calendar.day_when(first, work)

    assert calendar.working_days(first, day) >= work - 1e-9
    assert calendar.working_days(first, day - timedelta(days=1)) < work


def test_a_last_day_is_moved_by_working_days():
    assert USUAL.shifted(FRIDAY_AFTER_NEXT, 1) == date(2026, 3, 16)
    assert USUAL.shifted(FRIDAY_AFTER_NEXT, -5) == date(2026, 3, 6)
    assert USUAL.shifted(date(2026, 3, 14), 0) == date(2026, 3, 14)
    assert USUAL.without([date(2026, 3, 16)]).shifted(FRIDAY_AFTER_NEXT, 1) == date(2026, 3, 17)


def test_the_calendar_ends_with_the_year_9999():
    assert USUAL.working_days(date(9999, 12, 27), date.max) == 5
    assert USUAL.day_when(date(9999, 12, 1), 2000) is None
    assert USUAL.shifted(date(9999, 12, 30), 40) == date.max


def test_no_date_is_further_than_ten_years():
    assert USUAL.day_when(MONDAY, 2600) < MONDAY + timedelta(days=MAX_DAYS)
    assert USUAL.day_when(MONDAY, 2700) is None


def test_past_weeks_are_told_by_how_much_of_them_was_worked():
    calendar = WorkingCalendar(frozenset([date(2026, 2, 25)]), people=2, absences=(Absence(last=date(2026, 2, 22)),))

    assert calendar.weekly_shares(MONDAY, 3) == pytest.approx((0.5, 0.5, 0.8))
    assert USUAL.weekly_shares(MONDAY, 3) == ()
