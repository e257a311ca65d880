"""The replay's question, methods and scoring: what is known when, and what counts as kept."""

import numpy as np
import pytest

from apps.ml.core.forecasts.replay import (
    LONGEST_WEEKS,
    METHODS,
    NAIVE,
    SERVED,
    Question,
    ReplayAnswer,
    ReplayRecord,
    answered_questions,
    average_velocity,
    pinball,
    questions,
    replay,
)
from apps.ml.core.forecasts.simulation import N_RUNS, Forecast, quantiles

PAST = np.full(30, 2.0)


def question(*future, work=8):
    return Question(PAST, np.array(future, dtype=float), work=work)


def answer(*weeks, ranges=()):
    return ReplayAnswer(dict(zip((50, 70, 85, 95), weeks, strict=True)), dict(ranges))


def test_work_is_four_weeks_at_the_pace_of_the_last_twelve():
    (found,) = questions([50.0] * 20 + [3.0] * 12, [32])

    assert (found.work, len(found.past), len(found.future)) == (12, 32, 0)


def test_a_slow_team_is_asked_about_one_item_and_a_resting_one_about_nothing():
    assert [found.work for found in questions([1.0] + [0.0] * 30, [12, 13])] == [1]


def test_only_weeks_with_a_quarter_of_history_before_them_are_asked():
    found = answered_questions([0.0] * 5 + [4.0] * 20)

    assert [len(each.past) for each in found] == list(range(17, 25))


def test_an_end_is_in_whole_weeks_and_unknown_while_it_has_not_come():
    assert question(3, 3, 3).weeks_taken == 3
    assert question(3, 3).weeks_taken is None
    assert question(*[0] * 80, 9).weeks_taken == LONGEST_WEEKS + 1


def test_a_promise_counts_by_its_own_week_whatever_came_of_it():
    unfinished = question(3, 3, 1)

    assert [unfinished.is_kept(weeks) for weeks in (2, 3, 4)] == [False, False, None]
    assert [question(3, 3, 3, 0).is_kept(weeks) for weeks in (2, 3, 4, 5)] == [False, True, True, None]


def test_pinball_weighs_a_late_end_more_than_an_early_one():
    assert pinball(np.array([10.0, 8.0]), np.array([8.0, 10.0]), 0.85) == pytest.approx([1.7, 0.3])


def test_a_record_holds_what_is_known_and_marks_what_is_not():
    asked = [question(4, 4, 4), question(1)]
    said = [answer(1, 2, 3, 4, ranges={2: (5, 9), 4: (0, 9)}), answer(1, 2, 3, 4)]

    record = ReplayRecord.of(asked, said)

    np.testing.assert_equal(record.kept, [[0, 1, 1, np.nan], [0, np.nan, np.nan, np.nan]])
    np.testing.assert_equal(record.taken, [2, np.nan])
    np.testing.assert_equal(record.kept_of_done, [[0, 1, 1, 1], [np.nan] * 4])
    np.testing.assert_equal(record.held, [[1, np.nan, np.nan], [np.nan] * 3])
    np.testing.assert_allclose(record.loss(85), [0.15, np.nan])


def test_the_replayed_engine_says_what_it_would_have_served():
    weekly = np.random.default_rng(0).poisson(6, 40).astype(float)
    (asked,) = questions(weekly, [30])

    weeks = METHODS[SERVED](asked, N_RUNS).weeks

    then = quantiles(Forecast(weekly[:30].tolist()).weeks_to_finish(asked.work))
    assert weeks == {percent: np.ceil(value) for percent, value in then.items()}


def test_no_method_looks_at_what_came_later():
    weekly = np.random.default_rng(0).poisson(6, 60).astype(float)
    changed = np.concatenate([weekly[:40], np.zeros(20)])

    for name, method in METHODS.items():
        before, after = (method(next(questions(series, [40])), 200) for series in (weekly, changed))
        assert before == after, name


def test_average_velocity_is_the_work_over_the_mean_of_the_last_weeks():
    slowing = Question(np.array([9.0] * 24 + [2.0] * 6), np.array([]), work=9)

    assert set(METHODS[NAIVE](slowing, 0).weeks.values()) == {5}
    assert set(average_velocity(slowing, 0, velocity_weeks=12).weeks.values()) == {2}
    resting = Question(np.array([9.0] * 24 + [0.0] * 6), np.array([]), work=9)
    assert set(METHODS[NAIVE](resting, 0).weeks.values()) == {LONGEST_WEEKS}


def test_nothing_asked_gives_empty_records():
    assert {record.promised.shape for record in replay([], n_runs=10).values()} == {(0, 4)}
