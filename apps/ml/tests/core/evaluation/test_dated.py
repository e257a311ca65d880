"""What came of answers about days: hand-computed."""

from datetime import date

import pytest

from apps.ml.core.evaluation.dated import DaysTaken, days_taken, pinball_loss, told_days

MONDAY = date(2026, 3, 2)
FRIDAY = date(2026, 3, 6)


def test_work_took_until_its_last_issue_was_done_both_days_counted() -> None:
    ends = [MONDAY, FRIDAY]

    assert days_taken(ends, first_day=MONDAY, latest_told=date(2026, 4, 1), today=FRIDAY) == DaysTaken(5)


def test_open_work_is_not_judged_before_every_date_that_was_told_has_passed() -> None:
    ends = [MONDAY, None]

    assert days_taken(ends, first_day=MONDAY, latest_told=FRIDAY, today=FRIDAY) is None
    assert days_taken(ends, first_day=MONDAY, latest_told=None, today=date(2030, 1, 1)) is None


def test_work_that_is_open_after_the_latest_date_takes_longer_than_all_that_was_told() -> None:
    found = days_taken([None], first_day=MONDAY, latest_told=FRIDAY, today=date(2026, 3, 7))

    assert found == DaysTaken(6, at_least=True)


def test_the_pinball_loss_weighs_late_and_early_by_the_share() -> None:
    # Ten days: 2 beyond the median cost 1 each half, 4 before the 85th percentile 0.15 each.
    assert pinball_loss(10.0, {0.5: 8.0, 0.85: 14.0}) == pytest.approx((0.5 * 2 + 0.15 * 4) / 2)


def test_dates_beyond_ten_years_are_no_days() -> None:
    assert told_days({50: FRIDAY, 85: None}, first_day=MONDAY) == {"50": 5}
