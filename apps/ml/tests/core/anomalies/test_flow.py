"""Slower issues and issues handed around: found in every severity, not in few issues, not by chance."""

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from apps.ml.core.anomalies.flow import cycle_time_shift, excessive_reassignment, longer_by_chance

USUAL = list(np.random.default_rng(0).lognormal(1.0, 0.6, 100))


def test_the_tail_is_the_published_tests_with_ties():
    rng = np.random.default_rng(1)
    recent, before = rng.integers(1, 9, 15).astype(float), rng.integers(1, 7, 40).astype(float)

    published = mannwhitneyu(recent, before, alternative="greater", method="asymptotic").pvalue

    assert longer_by_chance(recent, before) == pytest.approx(published)


def test_values_that_are_all_the_same_tell_nothing():
    assert longer_by_chance(np.ones(10), np.ones(30)) == 1.0


def test_three_times_as_long_is_told_with_both_medians():
    found = cycle_time_shift([3.0 * days for days in USUAL[:20]], USUAL)

    assert found.kind == "cycle_time_shift"
    assert found.actual > 2 * found.expected
    assert "took" in found.description


@pytest.mark.parametrize(
    ("times", "severity"), [(1.4, None), (1.6, "low"), (2.2, "medium"), (3.5, "high"), (6.0, "critical")]
)
def test_a_slowdown_reaches_every_severity(times, severity):
    found = cycle_time_shift([times * days for days in USUAL], USUAL)

    assert (found and found.severity) == severity


def test_a_slowdown_that_chance_would_do_is_none():
    assert cycle_time_shift([1.6 * days for days in USUAL[:20]], USUAL) is None


def test_issues_that_are_closed_in_minutes_are_not_a_thousand_times_slower_in_an_hour():
    assert cycle_time_shift([0.04] * 30, [0.001] * 60) is None


def test_few_issues_say_nothing():
    assert cycle_time_shift([99.0] * 7, USUAL) is None
    assert cycle_time_shift([99.0] * 20, USUAL[:19]) is None


def test_issues_that_became_quicker_are_no_anomaly():
    assert cycle_time_shift([0.1] * 30, USUAL) is None


def test_chance_alone_hardly_ever_raises_it():
    rng = np.random.default_rng(2)
    alarms = [
        cycle_time_shift(rng.lognormal(1.0, 0.6, 15), rng.lognormal(1.0, 0.6, 60)) is not None for _ in range(400)
    ]

    assert np.mean(alarms) <= 0.005


@pytest.mark.parametrize(("around", "severity"), [(0, None), (1, "low"), (6, "medium"), (11, "high"), (21, "critical")])
def test_issues_handed_around_reach_every_severity(around, severity):
    found = excessive_reassignment([(str(n), 3 if n < around else 2) for n in range(100)])

    assert (found and found.severity) == severity
    assert (found.actual if found else 0) == around


def test_in_few_issues_nothing_is_a_share():
    assert excessive_reassignment([("a", 9)] * 4) is None
