"""One Monte-Carlo engine: it follows the team, it abstains, and no question contradicts another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.common.exceptions import NotEnoughData
from apps.ml.core.forecasts.level import PRIOR_SIGMA, learn_level
from apps.ml.core.forecasts.simulation import (
    MAX_PROBABILITY,
    MAX_WEEKS,
    MIN_ACTIVE_WEEKS,
    MIN_WEEKS,
    PERCENTILES,
    Forecast,
    quantiles,
)

STEADY = [5.0] * 52
histories = st.lists(st.integers(0, 30), min_size=16, max_size=60).filter(lambda weeks: np.count_nonzero(weeks) > 20)
few_runs = settings(max_examples=30, deadline=None)


def forecast(weekly, **options):
    return Forecast([float(week) for week in weekly], n_runs=400, **options)


def test_a_steady_team_finishes_when_the_division_says():
    weeks = quantiles(Forecast(STEADY).weeks_to_finish(20.0))

    assert weeks[50] == pytest.approx(4.0, rel=0.05)
    assert weeks[95] < 7.0


def test_an_unsteady_team_gets_the_wider_forecast():
    rng = np.random.default_rng(1)
    level = np.repeat(rng.lognormal(0.0, 0.8, 13), 8)
    wandering = Forecast(rng.poisson(5 * level).astype(float)).history
    steady = Forecast(rng.poisson(5, 104).astype(float)).history

    assert wandering.level_sigma > 0.5
    assert steady.level_sigma < 0.35


def test_recent_weeks_weigh_more():
    slowed = Forecast([10.0] * 30 + [2.0] * 16)

    assert 2.0 < slowed.history.weekly_mean < 5.0


def test_the_level_follows_a_change_of_speed_within_weeks():
    slowed = Forecast([10.0] * 78 + [6.0] * 8)

    # After eight weeks .5 ** (8 / 2.5) = 11 % of the weight is on the weeks before: 6 + .11 * 4.
    assert slowed.history.weekly_mean == pytest.approx(6.44, abs=0.02)
    assert np.quantile(slowed.amount_within(4), 0.15) <= 24


def test_a_pause_is_no_new_speed():
    paused = learn_level(np.array([10.0] * 78 + [0.0] * 10))

    # Ten weeks at rest leave the mean of half-life 2.5 at .6; the one of half-life 16 is 10 * .5 ** (10 / 16) = 6.5.
    assert paused.weekly == pytest.approx(0.33 * 6.5, abs=0.05)


def test_weeks_count_as_far_as_they_were_worked():
    weekly, presence = np.array([10.0] * 76 + [2.0, 0.0]), np.array([1.0] * 76 + [0.2, 0.0])

    holiday, slump = learn_level(weekly, presence), learn_level(weekly)

    # Two of 200 weighed weeks are missing from the usual one; an idle week counts as a fifth, not as none.
    assert holiday.weekly == pytest.approx(8.4, abs=0.5)
    assert slump.weekly < 6.5
    assert Forecast(weekly, presence=presence).history.weekly_mean == holiday.weekly


def test_a_team_that_keeps_falling_short_of_its_own_mean_is_expected_to_do_so_again():
    shrinking = learn_level(np.array([100 * 0.96**week for week in range(80)]))

    assert shrinking.offset < -0.05


def test_without_past_forecasts_the_level_is_the_prior():
    level = learn_level(np.array([4.0] * 12))

    assert (level.sigma, level.offset, level.past_forecasts) == (PRIOR_SIGMA, 0.0, 0)


def test_a_quarter_of_a_year_is_needed():
    with pytest.raises(NotEnoughData) as error:
        Forecast([0.0] * 40 + [3.0] * (MIN_WEEKS - 1))

    assert (error.value.have, error.value.needed) == (MIN_WEEKS - 1, MIN_WEEKS)


def test_a_team_that_hardly_finishes_anything_is_not_forecast():
    with pytest.raises(NotEnoughData) as error:
        Forecast([1.0, 0.0, 0.0, 0.0, 0.0] * 4)

    assert (error.value.have, error.value.needed) == (4, MIN_ACTIVE_WEEKS)


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others():
    first, again, other = Forecast(STEADY), Forecast(STEADY), Forecast(STEADY, seed=1)

    assert np.array_equal(first.weeks_to_finish(50.0), again.weeks_to_finish(50.0))
    assert not np.array_equal(first.weeks_to_finish(50.0), other.weeks_to_finish(50.0))


def test_the_order_of_questions_changes_no_answer():
    asked_late, asked_first = Forecast(STEADY), Forecast(STEADY)
    asked_late.weeks_to_finish(800.0)

    assert np.array_equal(asked_late.weeks_to_finish(20.0), asked_first.weeks_to_finish(20.0))
    assert asked_late.probability_within(20.0, 4.0) == asked_first.probability_within(20.0, 4.0)


@given(histories, st.floats(0.1, 400), st.floats(0, 400))
@few_runs
def test_more_backlog_never_finishes_sooner(weekly, work, more):
    team = forecast(weekly)

    assert np.all(team.weeks_to_finish(work + more) >= team.weeks_to_finish(work))


@given(histories, st.floats(0.1, 200), st.floats(0.05, 1.0), st.floats(0.05, 1.0))
@few_runs
def test_less_capacity_never_finishes_sooner(weekly, work, one, other):
    team, (less, more) = forecast(weekly), sorted((one, other))

    assert np.all(team.weeks_to_finish(work, pace=less) >= team.weeks_to_finish(work, pace=more))
    assert team.probability_within(work, 3.0, pace=less) <= team.probability_within(work, 3.0, pace=more)


@given(histories, st.floats(0.1, 200), st.floats(0, 50), st.floats(0, 8))
@few_runs
def test_removing_scope_never_lowers_the_probability(weekly, work, dropped, weeks):
    team = forecast(weekly)

    assert team.probability_within(max(work - dropped, 0.0), weeks) >= team.probability_within(work, weeks)


@given(histories, st.floats(0.1, 8), st.floats(0, 30))
@few_runs
def test_more_time_never_means_less_work(weekly, weeks, more):
    team = forecast(weekly)

    assert np.all(team.amount_within(weeks + more) >= team.amount_within(weeks))


@given(histories, st.floats(1, 200), st.floats(0.2, 30))
@few_runs
def test_when_and_how_much_are_one_answer(weekly, work, weeks):
    team = forecast(weekly)
    in_time = float(np.mean(team.weeks_to_finish(work) <= weeks))

    # Sums of single precision may fall on either side of an exact tie.
    assert team.probability_within(work, weeks) == pytest.approx(min(in_time, MAX_PROBABILITY), abs=0.01)


def test_nothing_is_certain_while_work_remains():
    assert Forecast(STEADY).probability_within(0.5, 50.0) == MAX_PROBABILITY


def test_no_work_is_done_already_and_work_without_time_is_not():
    team = Forecast(STEADY)

    assert team.probability_within(0.0, 0.0) == 1.0
    assert team.probability_within(1.0, 0.0) == 0.0
    assert np.all(team.weeks_to_finish(0.0) == 0.0)


def test_work_beyond_ten_years_is_said_to_be_beyond():
    assert np.all(forecast(STEADY).weeks_to_finish(1e9) == MAX_WEEKS)


def test_work_of_uncertain_size_is_one_size_a_run():
    team = forecast(STEADY)
    sizes = np.where(np.arange(400) < 200, 0.0, 20.0)

    weeks = team.weeks_to_finish(sizes)

    assert np.all(weeks[:200] == 0.0)
    assert np.all(weeks[200:] > 0.0)


def test_percentiles_are_in_order():
    found = quantiles(Forecast(STEADY).weeks_to_finish(40.0))

    assert tuple(found) == PERCENTILES
    assert list(found.values()) == sorted(found.values())
