"""What is unusual in a project; every rule reaches high and stays silent on thin data."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy.stats import nbinom, poisson

from apps.ml.core.anomalies.rules import (
    MIN_WEEKS,
    OpenIssue,
    ProjectSnapshot,
    creation_spike,
    project_anomalies,
    robust_deviation,
    stale_issues,
    status_bottleneck,
    unassigned_issues,
    upper_tail,
    velocity_drop,
)
from apps.ml.core.past.velocity import SprintRecord

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
FRESH = OpenIssue("i", "To do", "to_do", is_assigned=True, last_change_at=NOW)
EMPTY = ProjectSnapshot(now=NOW)


def test_a_quiet_project_has_no_anomalies():
    issues = tuple(replace(FRESH, status=f"Status {n % 3}") for n in range(9))

    assert project_anomalies(ProjectSnapshot(NOW, issues, _sprints(20, 22, 19, 21, 20), (5, 6, 4, 5) * 5)) == []
    assert project_anomalies(EMPTY) == []


def test_a_sprint_at_nothing_after_four_at_a_hundred_is_a_severe_drop():
    drop = velocity_drop(replace(EMPTY, sprints=_sprints(100, 100, 100, 100, 0)))

    assert drop is not None
    assert (drop.severity, drop.expected, drop.actual) == ("critical", 100.0, 0.0)


@pytest.mark.parametrize(
    ("latest", "severity"), [(85, None), (74, "low"), (70, "medium"), (58, "high"), (28, "critical")]
)
def test_a_drop_reaches_every_severity(latest, severity):
    # The median is 100, the robust deviation 11.9.
    drop = velocity_drop(replace(EMPTY, sprints=_sprints(92, 108, 84, 116, 100, 92, 108, 100, latest)))

    assert (drop and drop.severity) == severity


def test_four_sprints_are_too_few_to_call_anything_a_drop():
    assert velocity_drop(replace(EMPTY, sprints=_sprints(100, 100, 100, 0))) is None


def test_a_drop_within_what_the_past_has_seen_is_none():
    assert velocity_drop(replace(EMPTY, sprints=_sprints(50, 150, 40, 160, 100, 60))) is None


def test_one_wild_sprint_in_the_past_hides_no_drop():
    assert velocity_drop(replace(EMPTY, sprints=_sprints(100, 95, 500, 105, 100, 20))) is not None


def test_a_rise_is_no_drop():
    assert velocity_drop(replace(EMPTY, sprints=_sprints(10, 11, 10, 9, 50))) is None


def test_a_team_that_delivered_nothing_before_cannot_drop():
    assert velocity_drop(replace(EMPTY, sprints=_sprints(0, 0, 0, 0, 0))) is None


def test_velocity_is_counted_in_issues_where_points_are_rare():
    bare = [SprintRecord("s", "", 10, 0.0, issues) for issues in (10, 10, 10, 10, 0)]

    drop = velocity_drop(replace(EMPTY, sprints=tuple(bare)))

    assert drop is not None
    assert drop.evidence["unit"] == "issues"


def test_robust_deviation_is_in_scaled_median_absolute_deviations():
    assert robust_deviation(70.0, [80.0, 90.0, 100.0, 110.0, 120.0]) == pytest.approx(-30 / 14.826)


@pytest.mark.parametrize(
    ("n_of_20", "severity"), [(6, None), (7, "low"), (9, "medium"), (11, "high"), (16, "critical")]
)
def test_unassigned_work_reaches_every_severity_and_is_silent_up_to_30_percent(n_of_20, severity):
    finding = unassigned_issues(_of_20(n_of_20, is_assigned=False))

    assert (finding and finding.severity) == severity


@pytest.mark.parametrize(("n_of_20", "severity"), [(0, None), (1, "low"), (5, "medium"), (9, "high"), (13, "critical")])
def test_stale_work_reaches_every_severity(n_of_20, severity):
    finding = stale_issues(_of_20(n_of_20, last_change_at=NOW - timedelta(days=31)))

    assert (finding and finding.severity) == severity


def test_thirty_days_without_a_change_are_not_yet_stale():
    assert stale_issues(_of_20(20, last_change_at=NOW - timedelta(days=30))) is None


@pytest.mark.parametrize(
    ("n_of_20", "severity"), [(10, None), (11, "low"), (13, "medium"), (15, "high"), (18, "critical")]
)
def test_a_bottleneck_in_the_middle_of_the_work_reaches_every_severity(n_of_20, severity):
    finding = status_bottleneck(_of_20(n_of_20, status="Review", category="in_progress"))

    assert (finding and finding.severity) == severity


def test_a_backlog_that_waits_is_never_more_than_low():
    finding = status_bottleneck(_of_20(20, status="To do"))

    assert finding is not None
    assert finding.severity == "low"


def test_shares_of_four_issues_say_nothing():
    bare = replace(FRESH, is_assigned=False, last_change_at=NOW - timedelta(days=99))

    assert project_anomalies(replace(EMPTY, open_issues=(bare,) * 4)) == []


@pytest.mark.parametrize(
    ("latest", "severity"), [(9, None), (13, "low"), (15, "medium"), (18, "high"), (25, "critical")]
)
def test_a_spike_of_created_issues_reaches_every_severity(latest, severity):
    spike = creation_spike(replace(EMPTY, created_per_week=(5, 6, 4, 5) * 5 + (latest,)))

    assert (spike and spike.severity) == severity


def test_a_young_project_has_no_spike():
    assert creation_spike(replace(EMPTY, created_per_week=(5,) * (MIN_WEEKS - 1) + (50,))) is None


def test_a_project_with_few_issues_a_week_has_no_spike():
    assert creation_spike(replace(EMPTY, created_per_week=(2,) * 20 + (9,))) is None


def test_scattered_counts_make_the_same_week_less_unusual():
    even, scattered = [5] * 20, [0, 10] * 10

    assert upper_tail(15, even) < 0.001 < upper_tail(15, scattered)


@pytest.mark.parametrize("value", [0, 1, 7, 30])
def test_the_tail_is_that_of_the_published_distributions(value):
    even, scattered = [5, 6, 4, 5], [0, 10, 3, 7]
    spread = np.var(scattered, ddof=1)

    assert upper_tail(value, even) == pytest.approx(poisson.sf(value - 1, 5))
    assert upper_tail(value, scattered) == pytest.approx(nbinom.sf(value - 1, 25 / (spread - 5), 5 / spread))


def test_the_spike_rule_cries_wolf_in_about_one_week_of_a_hundred_where_nothing_changed():
    rng = np.random.default_rng(7)
    weeks = rng.negative_binomial(4, 0.4, size=(2000, 27))

    alarms = sum(creation_spike(replace(EMPTY, created_per_week=tuple(map(int, row)))) is not None for row in weeks)

    assert alarms / len(weeks) < 0.02


def _sprints(*points: float) -> tuple[SprintRecord, ...]:
    return tuple(SprintRecord(str(n), f"Sprint {n}", 10, float(p), 5, pointed_issues=5) for n, p in enumerate(points))


def _of_20(n: int, **different) -> ProjectSnapshot:
    others = tuple(replace(FRESH, status=f"Status {n}") for n in range(20 - n))
    return replace(EMPTY, open_issues=(replace(FRESH, **different),) * n + others)
