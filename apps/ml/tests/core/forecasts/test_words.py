"""Forecasts in sentences: the numbers of the forecast, and nothing else."""

from dataclasses import replace
from datetime import date

import pytest

from apps.ml.core.forecasts.forecaster import Finish, SpeedChange, WorkForecast
from apps.ml.core.forecasts.simulation import ForecastHistory
from apps.ml.core.forecasts.words import forecast_in_words, growth_in_words, how_many_in_words
from apps.ml.core.wording import amount_of, counted

PLAIN = WorkForecast(
    finishes=(Finish(50, 8, date(2026, 3, 12)), Finish(85, 12, date(2026, 3, 18))),
    probability_in_time=0.63,
    last_day=date(2026, 3, 13),
    working_days_left=9.0,
    issues=4,
    work=21.0,
    pace=1.0,
    history=ForecastHistory("points", 60, 55, 18.25, 0.4, 30),
    seed=1,
)


def test_a_forecast_says_when_how_likely_and_from_what():
    assert forecast_in_words(PLAIN) == (
        "4 issues (21 points) are done by 2026-03-12 in 50 of 100 futures, by 2026-03-18 in 85. "
        "The chance to be done by 2026-03-13 is 63%. "
        "Told from 60 past weeks with 18.2 points on average, recent weeks weighing more."
    )


def test_what_else_takes_the_teams_time_is_told():
    busy = replace(PLAIN, ahead_issues=1, ahead_work=3.0, carried_over=5.5, expected_growth=0.123)

    assert (
        "On average 1 issue (3 points) in progress comes first, the running sprint leaves 5.5 points undone, "
        "the scope still grows by 12%."
    ) in forecast_in_words(busy)


def test_a_change_of_speed_is_told_with_what_it_does_to_the_dates():
    former = (Finish(50, 5, date(2026, 3, 9)), Finish(85, 7, date(2026, 3, 11)))
    slowed = replace(PLAIN, change=SpeedChange(date(2026, 1, 5), 8, 10.0, 6.1, former))

    assert forecast_in_words(slowed).endswith(
        "The pace has been 6.1 issues a week since 2026-01-05, 10 before; at the former one the work would be done "
        "by 2026-03-09 in 50 of 100 futures, by 2026-03-11 in 85."
    )


def test_a_backlog_that_grows_faster_than_it_is_done_says_so():
    never = tuple(replace(finish, working_days=None, day=None) for finish in PLAIN.finishes)
    growing = replace(PLAIN, finishes=never, probability_in_time=None, last_day=None, weekly_inflow=20.7)

    said = forecast_in_words(growing)

    assert said.startswith("4 issues (21 points) do not end within ten years in most of the team's futures.")
    assert "In a usual week 20.7 points come in and 18.2 are done: the backlog grows." in said


def test_only_the_late_half_may_never_end():
    late = replace(PLAIN, finishes=(PLAIN.finishes[0], replace(PLAIN.finishes[1], day=None)))

    assert "by 2026-03-12 in 50 of 100 futures, not within ten years in 85." in forecast_in_words(late)


def test_an_empty_plan_is_told_as_one():
    assert forecast_in_words(replace(PLAIN, issues=0, work=0.0)) == "Nothing is left to be done."


def test_how_many_are_done_by_a_day_is_told_from_the_surer_end():
    said = how_many_in_words(date(2026, 3, 13), {50: 17, 70: 15, 85: 12, 95: 9})

    assert said == "At least 12 issues are done by 2026-03-13 in 85 of 100 futures, at least 17 in 50."


@pytest.mark.parametrize(("growth", "said"), [(None, ""), (0.004, ""), (-0.02, "the scope still shrinks by 2%")])
def test_growth_of_less_than_a_percent_is_not_worth_a_word(growth, said):
    assert growth_in_words(growth) == said


def test_units_follow_their_number():
    assert [amount_of(value, "points") for value in (0.0, 1.0, 1.04, 8.25)] == [
        "0 points", "1 point", "1 point", "8.2 points",
    ]  # fmt: skip
    assert [counted(1, "issue"), counted(1200, "issue")] == ["1 issue", "1,200 issues"]
