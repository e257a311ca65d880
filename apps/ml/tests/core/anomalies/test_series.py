"""What is said about weeks outside the forecast: numbers, odds, severity, and silence."""

import numpy as np
import pytest

from apps.ml.core.anomalies.series import unusual_weeks

PAST = [float(count) for count in np.random.default_rng(3).poisson(6, 60)]


def test_a_standstill_is_told_with_what_was_expected_and_its_odds():
    (found,) = unusual_weeks(finished=[*PAST, 0, 1, 1, 0], created=[*PAST, 6, 7, 5, 6])

    assert found.kind == "finished_drop"
    assert found.description.startswith("Issues finished in the last 4 weeks: expected ")
    assert ", got 2; about 1 in " in found.description
    assert found.evidence["expected_low"] > 2
    assert 10 < found.expected < 35
    assert found.evidence["false_alarms_percent"] == 1.4


def test_a_flood_of_new_issues_is_a_rise():
    (found,) = unusual_weeks(finished=PAST, created=[*PAST, 40, 30, 35, 40])

    assert (found.kind, found.actual) == ("created_rise", 145.0)


def test_the_rarer_the_severer():
    by_actual = {}
    for actual in range(25):
        for found in unusual_weeks(finished=[*PAST, actual, 0, 0, 0], created=()):
            by_actual[actual] = found.severity

    ranks = [["low", "medium", "high", "critical"].index(by_actual[actual]) for actual in sorted(by_actual)]
    assert ranks == sorted(ranks, reverse=True)
    assert {"low", "critical"} <= set(by_actual.values())


@pytest.mark.parametrize("weekly", [(), [9.0] * 15, [*[2.0] * 60, 0, 0, 0, 0]])
def test_thin_data_is_met_with_silence(weekly):
    assert unusual_weeks(finished=weekly, created=weekly) == []


def test_stationary_weeks_stay_within_the_budget_of_false_alarms():
    rng = np.random.default_rng(0)
    alarms = [len(unusual_weeks(finished=rng.poisson(6, 44).astype(float), created=())) for _ in range(150)]

    assert np.mean(alarms) <= 0.04


def test_a_level_that_fell_and_stayed_is_told_with_since_when_and_by_how_much():
    slowed = [10.0] * 60 + [6.0] * 12

    (found,) = unusual_weeks(finished=slowed, created=())

    assert (found.kind, found.expected, found.actual) == ("finished_slower", 10.0, 6.0)
    assert found.description == "Issues finished: 6 a week for 12 weeks, 10 before (-40%)"
    assert found.evidence["weeks_since"] == 12
    assert found.evidence["false_alarms_a_year"] == 0.25
